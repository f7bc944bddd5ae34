import { setTimeout as pause } from 'node:timers/promises'
import type { WarmLease } from '../store/warm-lease.ts'
import type { WarmReport } from './warm-report.ts'

/** How often whoever waits for another instance looks whether that is still there, milliseconds at most. */
const longestPause = 250

/**
 * Warms, or waits until another instance has warmed; where that is gone before its end, one of those who waited goes on. What it has made
 * already is fresh by then, and left alone. Without Redis every instance warms for itself.
 *
 * @param joined resolves when Redis was heard of for the first time
 */
export async function warmAsOne(
  lease: WarmLease,
  joined: Promise<void>,
  name: string,
  signal: AbortSignal,
  warm: () => Promise<WarmReport>,
): Promise<WarmReport> {
  await within(lease.time, joined, signal)
  const run = lease.newRun()
  let waited = ''
  while (!signal.aborted) {
    // An instance that does not hear of Redis warms what it can serve.
    const claim = await lease.claim(name, run, waited).catch(() => undefined)
    if (claim?.kind === 'done') return { ...reportOf(claim.report), by: claim.by }
    if (claim?.kind !== 'wait') return lead(lease, name, run, warm)
    waited = claim.run
    await pause(Math.min(claim.milliseconds, longestPause), undefined, {
      signal,
      ref: false,
    }).catch(() => undefined)
  }
  return warm()
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

function reportOf(text: string): WarmReport {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an instance of this namespace has written it
  return JSON.parse(text) as WarmReport
}
