/** What is asked of an entry to know whether it has fallen. */
interface ExistingEntry {
  readonly startSequence: number
  readonly dependencies: readonly string[]
}

/** What fell by one dependency and is still to be taken out. */
export interface PendingRemoval {
  /** What was made before it falls. */
  number: number
  /** How many sweeps are under way: what one has done says nothing of what another has still to do. */
  sweeps: number
}

/**
 * What a great number of entries fell by: they count as fallen at once, and are taken out in slices, so that no request waits for the clean-up.
 */
export class PendingRemovals {
  readonly #sentences = new Map<string, PendingRemoval>()

  get isEmpty(): boolean {
    return this.#sentences.size === 0
  }

  add(dependency: string, number: number): PendingRemoval {
    const existing = this.#sentences.get(dependency)
    if (existing === undefined) {
      const sentence = { number, sweeps: 1 }
      this.#sentences.set(dependency, sentence)
      return sentence
    }
    existing.number = Math.max(existing.number, number)
    existing.sweeps++
    return existing
  }

  isUnderWay(dependency: string): boolean {
    return this.#sentences.has(dependency)
  }

  /** Has the store not been emptied since? A later sentence of the same name has sweeps of its own. */
  isCurrent(dependency: string, sentence: PendingRemoval): boolean {
    return this.#sentences.get(dependency) === sentence
  }

  /** A sweep has taken out all that it found. */
  done(dependency: string, sentence: PendingRemoval): void {
    if (--sentence.sweeps === 0) this.#sentences.delete(dependency)
  }

  has({ startSequence, dependencies }: ExistingEntry): boolean {
    for (const dependency of dependencies) {
      const sentence = this.#sentences.get(dependency)
      if (sentence !== undefined && startSequence < sentence.number) return true
    }
    return false
  }

  clear(): void {
    this.#sentences.clear()
  }
}
