import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../events/errors.ts'
import type { WarmRequest } from './page-request.ts'
import type { Throttle } from './throttle.ts'
import type { WarmQueue, WarmTask } from './queue.ts'
import type { WarmOutcome } from '../events/reasons.ts'
import type { WarmTally } from './report.ts'
import type { WarmResult } from '../request/warm-request.ts'

/** How hard warmers may work, resolved. */
export interface Pace {
  /** Requests at one time. */
  readonly parallelism: number
  /** Requests in a second at most. */
  readonly rate: number
  /** Milliseconds that a run may take. */
  readonly maxDuration: number
  /** Milliseconds that one request may take. */
  readonly timeout: number
  /** How often what has failed is tried again. */
  readonly retries: number
}

/** Times at which to warm. */
export interface WarmSchedule {
  /** Calls `run` whenever it is time, until what it returns is called. It does not keep the process alive. */
  start(run: () => void): () => void
}

/** Warming as the options of the cache have it. */
export interface WarmSettings extends Pace {
  readonly enabled: boolean
  /** How much of the event loop's time warming may take while visitors are there, from 0 to 1. */
  readonly maxUtilization: number
  /** Where visitors see the application; none: as `warm()` finds it. */
  readonly origins: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  /** How many of the pages that visitors ask for most are warmed beside. */
  readonly hottest: number
  readonly afterInvalidation: boolean
  /** Milliseconds between two runs; undefined: it runs when it is called. */
  readonly every: number | undefined
  readonly cron: WarmSchedule | undefined
  /** How long before they are stale hot pages are made anew, milliseconds; 0: not before. */
  readonly refreshAhead: number
}

/** What came of one request. */
export interface FetchResult {
  readonly status: number | undefined
  readonly end: WarmResult
}

export interface WarmRunOptions extends Pace {
  readonly queue: WarmQueue
  readonly tally: WarmTally
  readonly pace: Throttle
  readonly signal: AbortSignal
  /** Makes a request. @throws when there is no answer in time */
  readonly fetch: (request: WarmRequest, timeout: number) => Promise<FetchResult>
  /** Where visitors see the application: a page that does not say so itself is made for each. */
  readonly origins: readonly string[]
  readonly onDone: (url: string) => void
}

/** Milliseconds before the first repetition; twice as many before each further one, up to the longest. */
const firstPause = 100
const MAX_PAUSE = 30_000

/** One run: takes what its queue has to give, so many at one time, and counts what comes of it. */
export class WarmRun {
  readonly #options: WarmRunOptions
  readonly #end = new AbortController()
  #outcome: WarmOutcome = 'complete'
  #working = 0
  /** When the next request may start, on the clock of performance.now(). */
  #next = 0
  #done: () => void = () => undefined

  constructor(options: WarmRunOptions) {
    this.#options = options
  }

  /** Resolves when all is done, or nothing more is to be done; never rejects. */
  async finish(): Promise<WarmOutcome> {
    const { maxDuration: budget, signal } = this.#options
    const abort = (): void => this.#stop('aborted')
    signal.addEventListener('abort', abort, { once: true })
    const timer = Number.isFinite(budget)
      ? setTimeout(() => this.#stop('max-duration'), budget)
      : undefined
    if (signal.aborted) abort()
    const done = new Promise<void>((resolve) => (this.#done = resolve))
    this.#fill()
    await done
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    return this.#outcome
  }

  #stop(outcome: WarmOutcome): void {
    if (this.#end.signal.aborted) return
    this.#outcome = outcome
    this.#options.queue.close()
    this.#end.abort()
  }

  /** As many as may work at one time do. */
  #fill(): void {
    while (this.#working < this.#options.parallelism) {
      this.#working++
      void this.#work().finally(() => {
        this.#working--
        if (this.#working === 0) this.#done()
      })
    }
  }

  async #work(): Promise<void> {
    const { queue, onDone, pace } = this.#options
    const { signal } = this.#end
    while (!signal.aborted) {
      const task = await queue.next()
      if (task === undefined) return
      const aside = await pace.start(signal)
      if (aside === undefined) return
      await this.#do(task)
      pace.end(aside)
      onDone(task.url)
    }
  }

  async #do(task: WarmTask): Promise<void> {
    switch (task.kind) {
      case 'failed':
        return this.#options.tally.fail(task.url, undefined, task.reason)
      case 'job':
        return this.#job(task.name, task.run)
      case 'page':
        return this.#everywhere(task.request)
    }
  }

  async #job(name: string, run: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
    const { tally } = this.#options
    try {
      const hasAdded = await this.#inTime(run(this.#end.signal))
      tally.add({ kind: 'made', bytes: 0 })
      // The pages that it has added are for those who have gone already, too.
      if (hasAdded) this.#fill()
    } catch (error) {
      tally.fail(name, undefined, messageOf(error))
    }
  }

  /** What nobody waits for any more is left to itself: it may never end. */
  #inTime<Result>(job: Promise<Result>): Promise<Result> {
    const { timeout } = this.#options
    const { signal } = this.#end
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const leave = (): void => {
        const error = new Error(`it goes on ${timeout} ms after the end of the run`)
        timer = setTimeout(() => reject(error), timeout)
      }
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave, { once: true })
      job.then(resolve, reject).finally(() => {
        clearTimeout(timer)
        signal.removeEventListener('abort', leave)
      })
    })
  }

  async #everywhere(request: WarmRequest): Promise<void> {
    const { origins } = this.#options
    for (const origin of request.origin === undefined ? origins : [request.origin]) {
      await this.#page({ ...request, origin })
    }
  }

  async #page(request: WarmRequest): Promise<void> {
    const { retries, tally } = this.#options
    const { signal } = this.#end
    for (let attempt = 0; ; attempt++) {
      await this.#mayStart()
      if (signal.aborted) return
      const failure = await this.#try(request)
      if (failure === undefined) return
      if (attempt >= retries || signal.aborted || !failure.isTransient) {
        tally.fail(urlOf(request), failure.status, failure.reason)
        return
      }
      const rest = Math.min(firstPause * 2 ** attempt, MAX_PAUSE)
      await pause(rest, undefined, { signal }).catch(() => undefined)
    }
  }

  async #try(
    request: WarmRequest,
  ): Promise<{ status: number | undefined; reason: string; isTransient: boolean } | undefined> {
    const { fetch: warmRequest, timeout, tally } = this.#options
    try {
      const { status, end } = await warmRequest(request, timeout)
      const isError = status !== undefined && status >= 400
      if (end.kind === 'failed' || (isError && end.kind !== 'fresh')) {
        const isTransient = status === undefined || status >= 500 || status === 429 || !isError
        return {
          status,
          reason: isError ? `status ${status}` : 'the application failed',
          isTransient,
        }
      }
      tally.add(end)
      return undefined
    } catch (error) {
      return { status: undefined, reason: messageOf(error), isTransient: true }
    }
  }

  /** Not more of them in a second than the rate allows. */
  async #mayStart(): Promise<void> {
    const { rate } = this.#options
    if (!Number.isFinite(rate)) return
    const now = performance.now()
    const at = Math.max(now, this.#next)
    this.#next = at + 1000 / rate
    const { signal } = this.#end
    const wait = Math.min(at - now, 2 ** 31 - 1)
    if (wait > 0) await pause(wait, undefined, { signal }).catch(() => undefined)
  }
}

function urlOf({ origin, target }: WarmRequest): string {
  return `${origin ?? ''}${target}`
}
