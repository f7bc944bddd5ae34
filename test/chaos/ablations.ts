import type { FaultName } from './faults.ts'

/** One mechanism of the package, taken out of a copy of its compiled files. */
export interface Ablation {
  /** What is missing then. */
  readonly without: string
  readonly cuts: readonly Cut[]
  /** A run in which the harness catches it. */
  readonly run: {
    readonly seed: number
    readonly seconds: number
    readonly processes?: number
    readonly staleness?: number
    readonly faults: readonly FaultName[]
    readonly barrier?: boolean
  }
}

/** A text that stands in a file exactly once, and what stands there instead. */
export interface Cut {
  readonly file: string
  readonly text: string
  readonly instead: string
}

export const ablations: Readonly<Record<string, Ablation>> = {
  'fence-in-process': {
    without: 'the check of a fragment against the invalidations since its making began',
    cuts: [
      {
        file: 'src/flow/fragment-cache.js',
        text: 'fallen(sequence.felledBy(making.stamp, outcome.closure))',
        instead: 'undefined',
      },
    ],
    run: { seed: 1, seconds: 10, faults: [] },
  },
  'joins-in-process': {
    without: 'the check before a reader joins a making that runs',
    cuts: [
      {
        file: 'src/flow/fragment-cache.js',
        text: 'return !isOvertaken && !making.needs(scope);',
        instead: 'return !making.needs(scope);',
      },
      {
        file: 'src/flow/fragment-cache.js',
        text: 'this.#room.sequence.felledBy(making.stamp, outcome.closure) === undefined',
        instead: 'true',
      },
    ],
    run: { seed: 1, seconds: 10, faults: [] },
  },
}
