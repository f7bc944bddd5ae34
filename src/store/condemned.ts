/** What is asked of an entry to know whether it has fallen. */
interface Standing {
  readonly stamp: number
  readonly closure: readonly string[]
}

/**
 * What a great number of entries fell by: they count as fallen at once, and are taken out in slices, so that no request waits for the clean-up.
 */
export class Condemned {
  readonly #numbers = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#numbers.size === 0
  }

  add(dependency: string, number: number): void {
    this.#numbers.set(dependency, Math.max(number, this.#numbers.get(dependency) ?? 0))
  }

  /** All of them are taken out; one that came meanwhile has a sweep of its own. */
  done(dependency: string, number: number): void {
    if (this.#numbers.get(dependency) === number) this.#numbers.delete(dependency)
  }

  has({ stamp, closure }: Standing): boolean {
    for (const [dependency, number] of this.#numbers) {
      if (stamp < number && closure.includes(dependency)) return true
    }
    return false
  }

  clear(): void {
    this.#numbers.clear()
  }
}
