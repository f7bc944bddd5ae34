import { setTimeout as pause } from 'node:timers/promises'
import { RedisUnavailable } from '../redis/connection.ts'
import type { WarmLease } from '../redis/warm-lease.ts'
import { type WarmReport, WarmTally, reportIn } from './report.ts'

/** How often whoever waits for another instance looks whether that is still there, milliseconds at most. */
const MAX_PAUSE = 250

/** A run that instances do not do at one time. */
export interface SharedRun {
  readonly name: string
  /** What another instance has done need not be done again. */
  readonly isDoneByOne: boolean
  readonly isForced: boolean
  /** Milliseconds that it may take, with the time for which another instance is waited for. */
  readonly budget: number
  readonly signal: AbortSignal
  /** Hears of what Redis refuses. */
  readonly onFault: (error: unknown) => void
}

/**
 * Warms, or waits until another instance has warmed; where that is gone before its end, one of those who waited goes on. What it has made
 * already is fresh by then, and left alone. Without Redis every instance warms for itself.
 *
 * @param joined resolves when Redis was heard of for the first time
 * @param warm takes what is left of the budget
 */
export async function warmAsOne(
  lease: WarmLease,
  joined: Promise<void>,
  { name, isDoneByOne, isForced, budget, signal, onFault }: SharedRun,
  warm: (budget: number) => Promise<WarmReport>,
): Promise<WarmReport> {
  const start = performance.now()
  const left = (): number => budget - (performance.now() - start)
  if (!signal.aborted) await within(Math.min(lease.time, budget), joined, signal)
  const run = lease.newRun(isForced)
  let waited = ''
  while (!signal.aborted && left() > 0) {
    // An instance that does not hear of Redis warms what it can serve.
    const claim = await lease.claim(name, run, waited).catch((error: unknown) => {
      if (!(error instanceof RedisUnavailable)) onFault(error)
      return undefined
    })
    if (claim?.kind === 'done') {
      const report = reportIn(claim.report)
      const isEnough = isDoneByOne && (lease.isForced(waited) || !isForced)
      if (report && isEnough) return { ...report, by: claim.by }
      // It has ended, and not done what is asked for here.
      waited = ''
      continue
    }
    if (claim?.kind !== 'wait') return lead(lease, name, run, () => warm(left()))
    waited = claim.run
    const rest = Math.min(claim.milliseconds, MAX_PAUSE, left())
    await pause(rest, undefined, { signal, ref: false }).catch(() => undefined)
  }
  const outcome = signal.aborted ? 'aborted' : 'max-duration'
  return new WarmTally().report(name, outcome, performance.now() - start)
}

async function lead(
  lease: WarmLease,
  name: string,
  run: string,
  warm: () => Promise<WarmReport>,
): Promise<WarmReport> {
  const timer = setInterval(() => {
    lease.renew(name, run).catch(() => undefined)
  }, lease.time / 3)
  timer.unref()
  try {
    const report = await warm()
    // Who waits for it finds out by the end of the lease, too, and then finds everything fresh.
    const told =
      report.outcome === 'aborted'
        ? lease.release(name, run)
        : lease.finish(name, run, JSON.stringify(report))
    await told.catch(() => undefined)
    return report
  } finally {
    clearInterval(timer)
  }
}

function within(milliseconds: number, promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end)
    void promise.then(end)
  })
}
