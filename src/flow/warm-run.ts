import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import type { WarmRequest } from './warm-entry.ts'
import type { WarmQueue } from './warm-queue.ts'
import type { WarmOutcome } from '../reasons.ts'
import type { WarmTally } from './warm-report.ts'
import type { VisitEnd } from './visit.ts'

/** How hard warmers may work, resolved. */
export interface Pace {
  /** Requests at one time. */
  readonly parallelism: number
  /** Requests in a second at most. */
  readonly rate: number
  /** Milliseconds that a run may take. */
  readonly budget: number
  /** Milliseconds that one request may take. */
  readonly timeout: number
  /** How often what has failed is tried again. */
  readonly retries: number
}

/** Warming as the options of the cache have it. */
export interface WarmSettings extends Pace {
  readonly enabled: boolean
  /** Where visitors see the application; none: as `warm()` finds it. */
  readonly origins: readonly string[]
  readonly headers: Readonly<Record<string, string>>
  /** How many of the pages that visitors ask for most are warmed beside. */
  readonly hottest: number
  readonly afterInvalidation: boolean
  /** Milliseconds between two runs; undefined: it runs when it is called. */
  readonly every: number | undefined
  /** How long before they are stale hot pages are made anew, milliseconds; 0: not before. */
  readonly ahead: number
}

/** What came of one request. */
export interface Visited {
  readonly status: number | undefined
  readonly end: VisitEnd
}

export interface WarmRunOptions extends Pace {
  readonly queue: WarmQueue
  readonly tally: WarmTally
  readonly signal: AbortSignal
  /** Makes a request. @throws when there is no answer in time */
  readonly visit: (request: WarmRequest, timeout: number) => Promise<Visited>
  /** Where visitors see the application: a page that does not say so itself is made for each. */
  readonly origins: readonly string[]
  /** @param total how many there are, as soon as all are known */
  readonly onDone: (url: string, total: number | undefined) => void
}

/** A turn of the event loop that takes longer is followed by a rest as long, so that half of the time is the visitors', milliseconds. */
const longestTurn = 1
const longestRest = 50

/** Milliseconds before the first repetition; twice as many before each further one, up to the longest. */
const firstPause = 100
const longestPause = 30_000

/** One run: takes what its queue has to give, so many at one time, and counts what comes of it. */
export class WarmRun {
  readonly #options: WarmRunOptions
  readonly #end = new AbortController()
  #outcome: WarmOutcome = 'complete'
  #working = 0
  /** What the tasks that were taken come to, with a request for each origin. */
  #expected = 0
  #turn: Promise<void> = Promise.resolve()
  /** When the next request may start, on the clock of performance.now(). */
  #next = 0
  #done: () => void = () => undefined

  constructor(options: WarmRunOptions) {
    this.#options = options
  }

  /** Resolves when all is done, or nothing more is to be done; never rejects. */
  async finish(): Promise<WarmOutcome> {
    const { budget, signal } = this.#options
    const abort = (): void => this.#stop('aborted')
    signal.addEventListener('abort', abort, { once: true })
    const timer = Number.isFinite(budget)
      ? setTimeout(() => this.#stop('budget'), budget)
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
    const { queue, tally, origins, onDone } = this.#options
    const { signal } = this.#end
    for (;;) {
      await this.#visitorsFirst()
      if (signal.aborted) return
      const task = await queue.next()
      if (task === undefined) return
      const isEverywhere = task.kind === 'page' && task.request.origin === undefined
      this.#expected += isEverywhere ? origins.length : 1
      switch (task.kind) {
        case 'failed':
          tally.fail(task.url, undefined, task.reason)
          break
        case 'job':
          await this.#job(task.name, task.run)
          break
        case 'page':
          await this.#everywhere(task.request)
      }
      onDone(task.url, queue.isExhausted ? this.#expected : undefined)
    }
  }

  /** One request starts in a turn of the event loop: visitors who came meanwhile come in between. */
  #visitorsFirst(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const start = performance.now()
      await turn()
      const busy = performance.now() - start
      if (busy > longestTurn) await pause(Math.min(busy, longestRest), undefined)
    })
    return this.#turn
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
      const rest = Math.min(firstPause * 2 ** attempt, longestPause)
      await pause(rest, undefined, { signal }).catch(() => undefined)
    }
  }

  async #try(
    request: WarmRequest,
  ): Promise<{ status: number | undefined; reason: string; isTransient: boolean } | undefined> {
    const { visit, timeout, tally } = this.#options
    try {
      const { status, end } = await visit(request, timeout)
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
