import { AsyncResource } from 'node:async_hooks'
import { fail } from '../events/errors.ts'
import { WarmAnnouncer } from './announcer.ts'
import { warmAsOne } from './leader.ts'
import { Throttle } from './throttle.ts'
import { type WarmPart, WarmQueue, partOf } from './queue.ts'
import { type WarmReport, WarmTally } from './report.ts'
import { WarmScheduler } from './scheduler.ts'
import { WarmRun, type WarmSettings } from './run.ts'
import type { ResponseCache } from '../response/response-cache.ts'
import { type WarmTarget, type WarmFetcher, warmFetcher } from './target.ts'
import { type Applications, type FragmentHandle, type Warmer, WarmPlan } from './plan.ts'
import type { WarmerOptions } from './route-options.ts'
import { type WarmOptions, type WarmRunSettings, warmRunSettings } from './options.ts'

/** The handle's part that fills the cache before visitors come. */
export interface WarmHandle {
  /**
   * Makes the pages that routes declare with `warm`, and lets the warmers of `warmer()` run: in this process by requests that take no
   * network, through the whole application. What is fresh is left alone. Of several instances that share a Redis one does it, and
   * another goes on if it dies.
   *
   *   app.listen(3000)
   *   const report = await cache.warm(app)
   *
   * @param target the application (or `cache.wrap(app)`), its server, or the URL at which it listens; without any, the warmers of
   *   `warmer()` run alone
   * @returns what it has come to; a page that fails is part of it
   * @throws CacheflowError `ERR_CACHEFLOW_APPLICATION`, `ERR_CACHEFLOW_OPTION`, `ERR_CACHEFLOW_UNKNOWN_OPTION`,
   *   `ERR_CACHEFLOW_DURATION`, `ERR_CACHEFLOW_CLOSED`
   */
  warm(target?: WarmTarget, options?: WarmOptions): Promise<WarmReport>
  /**
   * Declares a warmer of its own, which every `warm()` lets run: it makes fragments, or adds pages.
   *
   *   cache.warmer('menu', (cache) => cache.fragment('menu', { tags: ['menu'] }, renderMenu))
   *
   * @throws CacheflowError `ERR_CACHEFLOW_OPTION`, `ERR_CACHEFLOW_UNKNOWN_OPTION`
   */
  warmer(name: string, run: Warmer, options?: WarmerOptions): void
  /** How warm the cache is, for health checks. Without `warming.enabled` it is `warm`. */
  readiness(): Readiness
}

/** How warm the cache is, for health checks. */
export interface Readiness {
  /** `cold`: `warm()` was not called; `warming`: the first run is under way; `warm`: it has ended, whatever it came to. */
  readonly state: 'cold' | 'warming' | 'warm'
  /** What the run under way has done, or the last one. */
  readonly done: number
  /** The last run that has ended. */
  readonly report: WarmReport | undefined
}

/** What warmers are given beside the cache. */
export interface WarmSurroundings {
  readonly handle: () => FragmentHandle
  readonly applications: Applications | undefined
}

/** Fills the cache before visitors come. */
export class Warming {
  readonly #cache: ResponseCache
  readonly #settings: WarmSettings
  readonly plan: WarmPlan
  /** The last run of each name. */
  readonly #last = new Map<string, Promise<unknown>>()
  /** What is warmed is nobody's request, wherever warm() was called. */
  readonly #outside = new AsyncResource('cacheflow.warming')
  readonly #closing = new AbortController()
  readonly #upkeep: WarmScheduler
  readonly #pace: Throttle
  #first: { readonly target: WarmTarget | undefined; readonly options: WarmOptions } | undefined
  #state: Readiness['state'] = 'cold'
  #tally: WarmTally | undefined
  #report: WarmReport | undefined

  constructor(cache: ResponseCache, settings: WarmSettings, surroundings: WarmSurroundings) {
    this.#cache = cache
    this.#settings = settings
    const { handle, applications } = surroundings
    this.plan = new WarmPlan(handle, applications)
    const { maxUtilization: share } = settings
    this.#pace = new Throttle({ maxUtilization: share, visitors: () => cache.visitors })
    this.#upkeep = new WarmScheduler(cache, settings, {
      again: () => this.#again({}),
      pages: (name, pages, over) => this.#again({ name, pages, force: false }, over),
    })
  }

  readiness(): Readiness {
    const state = this.#settings.enabled ? this.#state : 'warm'
    return { state, done: this.#tally?.done ?? 0, report: this.#report }
  }

  async warm(target: WarmTarget | undefined, options: WarmOptions = {}): Promise<WarmReport> {
    if (this.#cache.isClosed) throw fail('ERR_CACHEFLOW_CLOSED', target, 'warm()')
    const settings = warmRunSettings(options, this.#settings)
    const way = warmFetcher(target, settings)
    const { name } = settings
    if (!settings.enabled) return new WarmTally().report(name, 'off', 0)
    if (this.#state === 'cold') this.#state = 'warming'
    this.#first ??= { target, options }
    try {
      this.#report = await this.#queue(way, settings)
      return this.#report
    } finally {
      this.#state = 'warm'
      this.#upkeep.start()
    }
  }

  /** The first run again, unheard by who called it, or what else is to be warmed in its way. */
  async #again(given: WarmOptions, over: Partial<WarmRunSettings> = {}): Promise<void> {
    if (this.#first === undefined) return
    const { target, options } = this.#first
    const whole = { ...options, ...given, signal: this.#closing.signal }
    const own = warmRunSettings(whole, this.#settings)
    const settings = { ...own, ...over, onProgress: undefined }
    await this.#queue(warmFetcher(target, settings), settings)
  }

  /** Runs of one name come one after the other. */
  async #queue(way: WarmFetcher, settings: WarmRunSettings): Promise<WarmReport> {
    const { name } = settings
    const earlier = this.#last.get(name) ?? Promise.resolve()
    const run = earlier.then(() => this.#outside.runInAsyncScope(() => this.#warm(way, settings)))
    this.#last.set(
      name,
      run.catch(() => undefined),
    )
    return run
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#last.values())
    await this.#upkeep.close()
  }

  async #warm(way: WarmFetcher, settings: WarmRunSettings): Promise<WarmReport> {
    const { membership } = this.#cache
    if (membership === undefined) return this.#here(way, settings)
    const warm = async (budget: number): Promise<WarmReport> => {
      const report = await this.#here(way, { ...settings, maxDuration: budget })
      // Whoever hears that all is warm finds it in Redis.
      await membership.store.flush()
      return report
    }
    const { name, sharing, isForced, maxDuration: budget } = settings
    if (sharing === 'own') return warm(budget)
    const signal = this.#signalOf(settings)
    const onFault = (error: unknown): void => this.#cache.fault(error, 'asking who is to warm')
    const shared = { name, isDoneByOne: sharing === 'one', isForced, budget, signal, onFault }
    return warmAsOne(membership.warmLease, membership.sequence.joined, shared, warm)
  }

  async #here(way: WarmFetcher, settings: WarmRunSettings): Promise<WarmReport> {
    const { events } = this.#cache
    const report = await this.#run(way, settings, this.#signalOf(settings))
    if (events.wants('warm')) events.emit('warm', report)
    return report
  }

  #signalOf({ signal }: WarmRunSettings): AbortSignal {
    const closing = this.#closing.signal
    return signal && signal !== closing ? AbortSignal.any([signal, closing]) : closing
  }

  async #run(
    way: WarmFetcher,
    settings: WarmRunSettings,
    signal: AbortSignal,
  ): Promise<WarmReport> {
    const { name, origins, onProgress } = settings
    const cache = this.#cache
    const start = performance.now()
    const queue = new WarmQueue()
    const tally = new WarmTally()
    this.#tally = tally
    for (const part of this.#parts(way, settings, queue)) queue.add(part)
    const own = origins.length > 0 ? origins : [way.origin]
    const told = { name, queue, tally, origins: own.length, onProgress }
    const announcer = new WarmAnnouncer(cache, told)
    cache.warming++
    try {
      const outcome = await new WarmRun({
        ...settings,
        queue,
        tally,
        signal,
        pace: this.#pace,
        origins: own,
        fetch: (request, timeout) => way.fetch(request, timeout),
        onDone: (url) => announcer.done(url),
      }).finish()
      announcer.ended(outcome)
      return tally.report(name, outcome, performance.now() - start)
    } finally {
      cache.warming--
    }
  }

  #parts(way: WarmFetcher, { pages }: WarmRunSettings, queue: WarmQueue): WarmPart[] {
    if (pages !== undefined) {
      this.plan.applications(way.app)
      return [partOf('pages', 0, pages)]
    }
    const own = this.plan.warmers(queue)
    if (way.isNowhere === true) return own
    const { hottest } = this.#settings
    const hot = hottest > 0 ? [partOf('hottest', 0, () => this.#upkeep.hottest(hottest))] : []
    return [...hot, ...this.plan.routes(way.app), ...own]
  }
}
