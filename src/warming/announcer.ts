import type { WarmProgress } from '../events/warm-progress.ts'
import type { WarmOutcome } from '../events/reasons.ts'
import type { ResponseCache } from '../response/response-cache.ts'
import type { WarmQueue } from './queue.ts'
import type { WarmTally } from './report.ts'

/** What is told of a run, and who hears of it beside those who listen to the event. */
export interface Announced {
  readonly name: string
  readonly queue: WarmQueue
  readonly tally: WarmTally
  /** For how many origins each page is made that does not say its own. */
  readonly origins: number
  readonly onProgress: ((progress: WarmProgress) => unknown) | undefined
}

/** Tells how far a run of warmers is: after each page, and at its end. */
export class WarmAnnouncer {
  readonly #cache: ResponseCache
  readonly #told: Announced
  #url = ''

  constructor(cache: ResponseCache, told: Announced) {
    this.#cache = cache
    this.#told = told
  }

  done(url: string): void {
    this.#url = url
    this.#tell(undefined)
  }

  ended(outcome: WarmOutcome): void {
    this.#tell(outcome)
  }

  #tell(outcome: WarmOutcome | undefined): void {
    const { events } = this.#cache
    const { name, queue, tally, origins, onProgress } = this.#told
    const isHeard = events.wants('progress')
    if (!isHeard && onProgress === undefined) return
    const { done, failures } = tally
    const total = queue.isExhausted ? queue.pages(origins) : undefined
    const progress = { name, done, failures, total, url: this.#url, outcome }
    if (isHeard) events.emit('progress', progress)
    // Who only looks on ends nothing.
    const fault = (error: unknown): void => this.#cache.fault(error, 'onProgress of warm()')
    try {
      const heard = onProgress?.(progress)
      if (heard instanceof Promise) heard.catch(fault)
    } catch (error) {
      fault(error)
    }
  }
}
