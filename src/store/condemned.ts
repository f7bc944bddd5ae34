/** What is asked of an entry to know whether it has fallen. */
interface Standing {
  readonly stamp: number
  readonly closure: readonly string[]
}

interface Sentence {
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

  add(dependency: string, number: number): void {
    const standing = this.#sentences.get(dependency)
    if (standing === undefined) this.#sentences.set(dependency, { number, sweeps: 1 })
    else {
      standing.number = Math.max(standing.number, number)
      standing.sweeps++
    }
  }

  /** What was made before it falls; undefined when nothing of the dependency is under way. */
  numberOf(dependency: string): number | undefined {
    return this.#sentences.get(dependency)?.number
  }

  /** A sweep has taken out all that it found. */
  done(dependency: string): void {
    const standing = this.#sentences.get(dependency)
    if (standing && --standing.sweeps === 0) this.#sentences.delete(dependency)
  }

  has({ stamp, closure }: Standing): boolean {
    for (const [dependency, { number }] of this.#sentences) {
      if (stamp < number && closure.includes(dependency)) return true
    }
    return false
  }

  clear(): void {
    this.#sentences.clear()
  }
}
