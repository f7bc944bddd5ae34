import type { Sequence } from '../invalidation/sequence.ts'

/**
 * Whether this instance believes nothing once it has not heard of Redis for maxStaleness. Barriers rely on it that an
 * instance which said to be strict is so: it is before it says so, and until behind the first heartbeat that no longer does.
 */
export class Strictness {
  readonly #sequence: Sequence
  readonly #isLasting: boolean
  #isEasing = false

  /** @param isLasting invalidations of this instance wait for all instances where they do not say otherwise */
  constructor(sequence: Sequence, isLasting: boolean) {
    this.#sequence = sequence
    this.#isLasting = isLasting
    if (isLasting) sequence.isStrict = true
  }

  /** What the next heartbeat says. */
  get isSaid(): boolean {
    return this.#sequence.isStrict && !this.#isEasing
  }

  /** @param said whether the heartbeat that was answered has said so */
  heed(isWanted: boolean, said: boolean): void {
    const isStrict = isWanted || this.#isLasting
    if (isStrict) this.#sequence.isStrict = true
    else if (!said) this.#sequence.isStrict = false
    this.#isEasing = !isStrict && said
  }
}
