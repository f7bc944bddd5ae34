import type { WarmOutcome } from './reasons.ts'

/** The progress of a warm run: after each page, and once more at its end. */
export interface WarmProgress {
  /**
   * The name of the run: `all`, the name that was given to `warm()`, `pages` without one,
   * `refreshAhead` or `afterInvalidation`.
   */
  readonly name: string
  readonly done: number
  readonly failures: number
  /** The number of all pages, as soon as it is known. */
  readonly total: number | undefined
  /** The last page or warmer. */
  readonly url: string
  /** How the run has ended; undefined while it runs. */
  readonly outcome: WarmOutcome | undefined
}
/** One page that could not be warmed. */
export interface WarmFailure {
  /** Path and query, or the name of the source of pages that failed. */
  readonly url: string
  /** Its status, if it was answered. */
  readonly status: number | undefined
  readonly reason: string
}
export interface WarmEvent {
  /**
   * The name of the run: `all`, the name that was given to `warm()`, `pages` without one,
   * `refreshAhead` or `afterInvalidation`.
   */
  readonly name: string
  readonly outcome: WarmOutcome
  /** The number of pages rendered and stored, and of warmers that ran. */
  readonly warmed: number
  /** The number of pages that were fresh. */
  readonly fresh: number
  /** The number of pages rendered that may not be stored. */
  readonly skipped: number
  /** The number of pages that may not be stored, by reason. */
  readonly reasons: Readonly<Record<string, number>>
  /** The number of failed pages. */
  readonly failures: number
  /** The first hundred of them. */
  readonly failed: readonly WarmFailure[]
  /** Milliseconds. */
  readonly time: number
  /** The bytes of the pages rendered and stored. */
  readonly bytes: number
  /** The instance that rendered; undefined: this one. */
  readonly by: string | undefined
}
