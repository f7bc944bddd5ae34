/** A copy of a body that is under way. */
export interface Copy {
  /** It makes room for others: nothing of it is kept. */
  crowdOut(): void
}

/**
 * Bounds what the copies of all bodies under way hold together. Where it is full, the copy that has stood still for the
 * longest time makes room: clients that do not read hold nothing against those who do.
 */
export class CopyRoom {
  readonly #limit: number
  /** What each holds; the one that has grown last stands last. */
  readonly #copies = new Map<Copy, number>()
  #held = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get held(): number {
    return this.#held
  }

  take(copy: Copy, bytes: number): void {
    const before = this.#copies.get(copy) ?? 0
    this.#copies.delete(copy)
    this.#copies.set(copy, before + bytes)
    this.#held += bytes
    while (this.#held > this.#limit) {
      const [oldest] = this.#copies.keys()
      if (oldest === undefined) return
      this.leave(oldest)
      oldest.crowdOut()
    }
  }

  leave(copy: Copy): void {
    this.#held -= this.#copies.get(copy) ?? 0
    this.#copies.delete(copy)
  }
}
