import type { WarmEvent, WarmFailure } from '../events/warm-progress.ts'
import type { WarmOutcome } from '../events/reasons.ts'
import type { WarmResult } from '../request/warm-request.ts'

/** What a run of warmers has come to. */
export type WarmReport = WarmEvent

/** How many failures a report shows: a site of which everything fails must not fill the memory. */
const MAX_SHOWN = 100
/** What a page is called, and why it failed, may have been written by anybody: characters of each. */
const MAX_SHOWN_LENGTH = 2_000
/** Reasons are few; that they can come from a server far away bounds them. */
const MAX_REASONS = 50

/** Counts what a run comes to. */
export class WarmTally {
  warmed = 0
  fresh = 0
  skipped = 0
  failures = 0
  bytes = 0
  readonly failed: WarmFailure[] = []
  readonly #reasons = new Map<string, number>()

  get done(): number {
    return this.warmed + this.fresh + this.skipped + this.failures
  }

  add(end: WarmResult): void {
    if (end.kind === 'made') {
      this.warmed++
      this.bytes += end.bytes
    } else if (end.kind === 'fresh') this.fresh++
    else if (end.kind === 'refused') {
      this.skipped++
      const count = this.#reasons.get(end.reason) ?? 0
      if (count > 0 || this.#reasons.size < MAX_REASONS) this.#reasons.set(end.reason, count + 1)
    }
  }

  fail(url: string, status: number | undefined, reason: string): void {
    this.failures++
    if (this.failed.length >= MAX_SHOWN) return
    this.failed.push({
      url: url.slice(0, MAX_SHOWN_LENGTH),
      status,
      reason: reason.slice(0, MAX_SHOWN_LENGTH),
    })
  }

  report(name: string, outcome: WarmOutcome, time: number): WarmReport {
    const { warmed, fresh, skipped, failures, failed, bytes } = this
    const reasons = Object.fromEntries(this.#reasons)
    const counts = { warmed, fresh, skipped, reasons, failures, failed }
    return { name, outcome, ...counts, time, bytes, by: undefined }
  }
}

/** A report that another instance has written, of whatever version; undefined where it is none. */
export function reportIn(text: string): WarmReport | undefined {
  try {
    const found: unknown = JSON.parse(text)
    return isReport(found) ? found : undefined
  } catch {
    return undefined
  }
}

const counts = ['warmed', 'fresh', 'skipped', 'failures', 'time', 'bytes'] as const

function isReport(found: unknown): found is WarmReport {
  if (typeof found !== 'object' || found === null) return false
  const report: Partial<Record<string, unknown>> = { ...found }
  const { name, outcome, reasons, failed } = report
  return (
    counts.every((count) => typeof report[count] === 'number') &&
    typeof name === 'string' &&
    typeof outcome === 'string' &&
    typeof reasons === 'object' &&
    reasons !== null &&
    Array.isArray(failed)
  )
}

/**
 * A report in one line, for logs.
 *
 *   cache.on('warm', (report) => console.log(warmLine(report)))
 *   // cacheflow warm all: 120 warmed, 3 fresh, 0 skipped, 0 failed, 1.8 s, 2.4 MiB
 */
export function warmLine(report: WarmReport): string {
  const { name, outcome, warmed, fresh, skipped, failures, time, bytes, by } = report
  const size =
    bytes < 1024 * 1024
      ? `${(bytes / 1024).toFixed(1)} KiB`
      : `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  const parts = [
    `${warmed} warmed`,
    `${fresh} fresh`,
    `${skipped} skipped`,
    `${failures} failed`,
    `${(time / 1000).toFixed(1)} s`,
    size,
  ]
  const end = outcome === 'complete' ? '' : ` (${outcome})`
  const doer = by === undefined ? '' : ` by ${by}`
  return `cacheflow warm ${name}: ${parts.join(', ')}${doer}${end}`
}
