/** Keys that other instances make, as far as this one asks for them. */
export class Fillings {
  readonly #watches = new Map<string, Set<Watch>>()

  /** Begins before Redis is asked: its answer and the message that a key is made take two connections. */
  watch(key: string): Watch {
    const watches = this.#watches.get(key) ?? new Set()
    this.#watches.set(key, watches)
    const watch = new Watch(() => {
      watches.delete(watch)
      if (watches.size === 0 && this.#watches.get(key) === watches) this.#watches.delete(key)
    })
    watches.add(watch)
    return watch
  }

  /** Others have made these keys, or given them up. */
  filled(keys: readonly string[]): void {
    for (const key of keys) for (const watch of this.#watches.get(key) ?? []) watch.end()
  }
}

/** One key, from before Redis is asked for it until it is made elsewhere. */
export class Watch {
  readonly #onEnd: () => void
  #isOver = false
  #limit: NodeJS.Timeout | undefined
  #go: (() => void) | undefined

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  /** Ends by itself after so many milliseconds. */
  limit(milliseconds: number): void {
    this.#limit = setTimeout(() => this.end(), milliseconds + 1)
    this.#limit.unref()
  }

  /** Resolves when the watch has ended, or after so many milliseconds. */
  over(milliseconds: number): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      timer.unref()
      this.#go = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#limit)
    this.#onEnd()
    this.#go?.()
  }
}
