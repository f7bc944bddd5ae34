/** What is asked of an entry to know whether it has fallen. */
interface Standing {
  readonly stamp: number
  readonly closure: readonly string[]
}

/** What fell by one dependency and is still to be taken out. */
export interface Sentence {
  /** What was made before it falls. */
  number: number
  /** How many sweeps are under way: what one has done says nothing of what another has still to do. */
  sweeps: number
}

/**
 * What a great number of entries fell by: they count as fallen at once, and are taken out in slices, so that no request waits for the clean-up.
 */
export class Condemned {
  readonly #sentences = new Map<string, Sentence>()

  get isEmpty(): boolean {
    return this.#sentences.size === 0
  }

  add(dependency: string, number: number): Sentence {
    const standing = this.#sentences.get(dependency)
    if (standing === undefined) {
      const sentence = { number, sweeps: 1 }
      this.#sentences.set(dependency, sentence)
      return sentence
    }
    standing.number = Math.max(standing.number, number)
    standing.sweeps++
    return standing
  }

  isUnderWay(dependency: string): boolean {
    return this.#sentences.has(dependency)
  }

  /** Has the store not been emptied since? A later sentence of the same name has sweeps of its own. */
  isCurrent(dependency: string, sentence: Sentence): boolean {
    return this.#sentences.get(dependency) === sentence
  }

  /** A sweep has taken out all that it found. */
  done(dependency: string, sentence: Sentence): void {
    if (--sentence.sweeps === 0) this.#sentences.delete(dependency)
  }

  has({ stamp, closure }: Standing): boolean {
    for (const dependency of closure) {
      const sentence = this.#sentences.get(dependency)
      if (sentence !== undefined && stamp < sentence.number) return true
    }
    return false
  }

  clear(): void {
    this.#sentences.clear()
  }
}
