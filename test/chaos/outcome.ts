import type { ChaosSettings } from './settings.ts'
import type { Violation } from './judge.ts'

/** What a run has shown. */
export interface Outcome {
  readonly settings: ChaosSettings
  /** When it began, in milliseconds of the common clock. */
  readonly started: number
  readonly reads: number
  /** Reads of something older than was promised, within the bound or not. */
  readonly stale: number
  /** Those of them that broke a promise. */
  readonly beyond: number
  /** Milliseconds. */
  readonly worst: number
  readonly violations: readonly Violation[]
  readonly writes: number
  readonly unconfirmed: number
  readonly hits: number
  readonly renders: number
  readonly refusals: number
  /** Errors that a visitor or a writer got to see, and other things that must not happen. */
  readonly errors: readonly string[]
  /** The longest that a reader waited for a process that was running, in milliseconds. */
  readonly slowest: number
  /** The longest time in which a process did not run, stopped or kept waiting by the machine, in milliseconds. */
  readonly stall: number
  /** Reads that a killed or stopped process left without answer. */
  readonly lost: number
  readonly faults: Readonly<Record<string, number>>
}

export function isRight({ settings, beyond, stale, reads, errors }: Outcome): boolean {
  return beyond === 0 && errors.length === 0 && stale * 100 <= reads * settings.mostStale
}

/** The outcome as people read it. */
export function table(outcome: Outcome): string {
  const { settings, reads, stale, beyond, worst, hits, renders } = outcome
  const share = (part: number, whole: number): string =>
    whole === 0 ? '' : `  ${((part / whole) * 100).toFixed(3)} %`
  const bound = `${settings.bound} ms`
  const faults = Object.entries(outcome.faults)
  const rows: readonly (readonly [string, number | string])[] = [
    ['reads', reads],
    [`stale within ${bound}`, `${stale - beyond}${share(stale - beyond, reads)}`],
    [
      settings.barrier ? 'stale behind the barrier' : `staler than ${bound}, or by the writer`,
      `${beyond}${share(beyond, reads)}`,
    ],
    ['worst staleness', `${worst.toFixed(1)} ms`],
    ['writes', outcome.writes],
    ['writes confirmed late', outcome.unconfirmed],
    ['renders', renders],
    ['hits', `${hits}${share(hits, hits + renders)}`],
    ['refused stores', outcome.refusals],
    ['errors', outcome.errors.length],
    ['slowest read', `${outcome.slowest.toFixed(0)} ms`],
    ['longest stall of a process', `${outcome.stall.toFixed(0)} ms`],
    ['reads without answer', outcome.lost],
    ['faults', faults.reduce((sum, [, count]) => sum + count, 0)],
  ]
  const lines = rows.map(([name, value]) => `${name.padEnd(40)} ${value}`)
  const kinds = faults.map(([name, count]) => `${name} ${count}`).join(', ')
  return [
    ...lines,
    ...(kinds === '' ? [] : [`  ${kinds}`]),
    ...outcome.violations.map(
      ({ why, thing, shown, promised, staleness, by, start }) =>
        `  ${((start - outcome.started) / 1000).toFixed(3)}  ${thing}@${shown} by process ${by}, ${staleness.toFixed(1)} ms after ${promised} was promised: ${why}`,
    ),
    ...outcome.errors.slice(0, 10).map((error) => `  ${error.slice(0, 300)}`),
  ].join('\n')
}
