import type { WarmRequest } from './page-request.ts'
import type { Popularity } from './popularity.ts'

/** How long it waits for more to fall before it begins, milliseconds: invalidations come in bursts. */
const burst = 100
/** How much may be waiting: what falls beyond it, visitors make. */
const MAX_WAITING = 10_000
/** How often it looks what has become stale by now, milliseconds at most. */
const MAX_PAUSE = 1_000

export interface RewarmingOptions {
  readonly run: (pages: readonly WarmRequest[]) => Promise<unknown>
  /** Does something stand there that is stale? */
  readonly isStale: (key: string) => boolean
}

/** Makes anew what has fallen, the hottest first, before visitors come for it. One run at a time. */
export class Rewarming {
  readonly #popularity: Popularity
  readonly #options: RewarmingOptions
  #invalidated = new Set<string>()
  /** What becomes stale within a time: until when, milliseconds of performance.now(). */
  readonly #softInvalidation = new Map<string, number>()
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
        if (this.#softInvalidation.size >= MAX_WAITING) break
        this.#softInvalidation.set(key, end)
      }
      this.#watchOut()
      return
    }
    for (const key of keys) {
      if (this.#invalidated.size >= MAX_WAITING) break
      this.#invalidated.add(key)
    }
    if (this.#invalidated.size > 0 && !this.#isRunning) this.#soon()
  }

  /** Looks what is stale by now, until all of it is or was made anew. */
  #watchOut(): void {
    if (this.#isClosed || this.#watch || this.#softInvalidation.size === 0) return
    const now = performance.now()
    const left = Math.max(...this.#softInvalidation.values()) - now
    this.#watch = setTimeout(
      () => {
        this.#watch = undefined
        const stale: string[] = []
        for (const [key, end] of this.#softInvalidation) {
          const isStale = this.#options.isStale(key)
          if (isStale || performance.now() > end) this.#softInvalidation.delete(key)
          if (isStale) stale.push(key)
        }
        this.add(stale)
        this.#watchOut()
      },
      Math.max(burst, Math.min(MAX_PAUSE, left / 10)),
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
    const pages = this.#popularity.among(this.#invalidated).map(({ request }) => request)
    this.#invalidated = new Set()
    if (pages.length === 0) return
    this.#isRunning = true
    try {
      await this.#options.run(pages)
    } finally {
      this.#isRunning = false
      if (this.#invalidated.size > 0) this.#soon()
    }
  }
}
