import type { WarmOutcome } from './reasons.ts'

/** How far a run of warmers is: told after each page, and once more at its end. */
export interface WarmProgress {
  /** What is warmed: `all`, the name that was given to `warm()`, `pages` without one, `ahead` or `afterInvalidation`. */
  readonly name: string
  readonly done: number
  readonly failures: number
  /** How many there are, as soon as all are known. */
  readonly total: number | undefined
  /** What was done last. */
  readonly url: string
  /** How it has ended; undefined while it is under way. */
  readonly outcome: WarmOutcome | undefined
}
/** One page that could not be warmed. */
export interface WarmFailure {
  /** Path and query, or the name of what should have told of pages. */
  readonly url: string
  /** The status that it has answered with, where it has. */
  readonly status: number | undefined
  readonly reason: string
}
export interface WarmEvent {
  /** What was warmed: `all`, the name that was given to `warm()`, `pages` without one, `ahead` or `afterInvalidation`. */
  readonly name: string
  readonly outcome: WarmOutcome
  /** Pages that were made and are stored, and warmers that ran. */
  readonly warmed: number
  /** Pages that were fresh already. */
  readonly fresh: number
  /** Pages that were made and may not be stored. */
  readonly skipped: number
  /** How many pages may not be stored, for each reason. */
  readonly reasons: Readonly<Record<string, number>>
  /** How many pages failed. */
  readonly failures: number
  /** The first hundred of them. */
  readonly failed: readonly WarmFailure[]
  /** Milliseconds. */
  readonly time: number
  /** The bytes of what was made and is stored. */
  readonly bytes: number
  /** The instance that did it; undefined: this one. */
  readonly by: string | undefined
}
