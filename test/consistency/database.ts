/** What pages are made from: each record has a version, and every read is counted. */
export class Database {
  readonly #versions = new Map<string, number>()
  readonly #reads = new Map<string, number>()
  readonly #watchers = new Set<() => void>()

  /** `card 1`, and after a write `card 2`. */
  read(name: string): string {
    this.#reads.set(name, this.reads(name) + 1)
    for (const look of [...this.#watchers]) look()
    return this.now(name)
  }

  write(name: string): void {
    this.#versions.set(name, (this.#versions.get(name) ?? 1) + 1)
  }

  /** What a read would give, not counted. */
  now(name: string): string {
    return `${name} ${this.#versions.get(name) ?? 1}`
  }

  reads(name: string): number {
    return this.#reads.get(name) ?? 0
  }

  /** Resolves when the record has been read so many times: then that making has begun. */
  async isRead(name: string, times = 1): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.reads(name) < times) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
  }
}
