import type { WarmRequest } from './page-request.ts'
import type { Popularity } from './popularity.ts'

/** How long it waits for more to fall before it begins, milliseconds: invalidations come in bursts. */
const burst = 100
/** How much may be waiting: what falls beyond it, visitors make. */
const mostWaiting = 10_000
/** How often it looks what has become stale by now, milliseconds at most. */
const longestPause = 1_000

export interface RewarmingOptions {
  readonly run: (pages: readonly WarmRequest[]) => Promise<unknown>
  /** Does something stand there that is stale? */
  readonly isStale: (key: string) => boolean
}

/** Makes anew what has fallen, the hottest first, before visitors come for it. One run at a time. */
export class Rewarming {
  readonly #popularity: Popularity
  readonly #options: RewarmingOptions
  #fallen = new Set<string>()
  /** What becomes stale within a time: until when, milliseconds of performance.now(). */
  readonly #softening = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #watch: NodeJS.Timeout | undefined
  #isRunning = false
  #isClosed = false

  constructor(popularity: Popularity, options: RewarmingOptions) {
    this.#popularity = popularity
    this.#options = options
  }

  /** These keys have fallen, or become stale within so many milliseconds. */
  add(keys: Iterable<string>, over = 0): void {
    if (over > 0) {
      const end = performance.now() + over
      for (const key of keys) {
        if (this.#softening.size >= mostWaiting) break
        this.#softening.set(key, end)
      }
      this.#watchOut()
      return
    }
    for (const key of keys) {
      if (this.#fallen.size >= mostWaiting) break
      this.#fallen.add(key)
    }
    if (this.#fallen.size > 0 && !this.#isRunning) this.#soon()
  }

  /** Looks what is stale by now, until all of it is or was made anew. */
  #watchOut(): void {
    if (this.#isClosed || this.#watch || this.#softening.size === 0) return
    const now = performance.now()
    const left = Math.max(...this.#softening.values()) - now
    this.#watch = setTimeout(
      () => {
        this.#watch = undefined
        const stale: string[] = []
        for (const [key, end] of this.#softening) {
          const isStale = this.#options.isStale(key)
          if (isStale || performance.now() > end) this.#softening.delete(key)
          if (isStale) stale.push(key)
        }
        this.add(stale)
        this.#watchOut()
      },
      Math.max(burst, Math.min(longestPause, left / 10)),
    )
    this.#watch.unref()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#watch)
  }

  /** What goes on falling does not keep back what has fallen. */
  #soon(): void {
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => void this.#start(), burst)
    this.#timer.unref()
  }

  async #start(): Promise<void> {
    this.#timer = undefined
    const pages = this.#popularity.among(this.#fallen).map(({ request }) => request)
    this.#fallen = new Set()
    if (pages.length === 0) return
    this.#isRunning = true
    try {
      await this.#options.run(pages)
    } finally {
      this.#isRunning = false
      if (this.#fallen.size > 0) this.#soon()
    }
  }
}
