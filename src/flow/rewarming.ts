import type { WarmRequest } from './warm-entry.ts'
import type { Popularity } from './popularity.ts'

/** How long it waits for more to fall before it begins, milliseconds: invalidations come in bursts. */
const burst = 100
/** How much may be waiting: what falls beyond it, visitors make. */
const mostWaiting = 10_000

/** Makes anew what has fallen, the hottest first, before visitors come for it. One run at a time. */
export class Rewarming {
  readonly #popularity: Popularity
  readonly #run: (pages: readonly WarmRequest[]) => Promise<unknown>
  #fallen = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #isRunning = false
  #isClosed = false

  constructor(popularity: Popularity, run: (pages: readonly WarmRequest[]) => Promise<unknown>) {
    this.#popularity = popularity
    this.#run = run
  }

  /** These keys have fallen. */
  add(keys: Iterable<string>): void {
    for (const key of keys) if (this.#fallen.size < mostWaiting) this.#fallen.add(key)
    if (this.#fallen.size > 0 && !this.#isRunning) this.#soon()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
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
      await this.#run(pages)
    } finally {
      this.#isRunning = false
      if (this.#fallen.size > 0) this.#soon()
    }
  }
}
