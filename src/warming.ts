import { AsyncResource } from 'node:async_hooks'
import { fail } from './errors.ts'
import type { CacheFragment, CacheFragments } from './flow/fragment.ts'
import { WarmAnnouncer } from './flow/warm-announcer.ts'
import { warmAsOne } from './flow/warm-leadership.ts'
import { type WarmPart, WarmQueue, type WarmSource, partOf, tasksOf } from './flow/warm-queue.ts'
import { type WarmReport, WarmTally } from './flow/warm-report.ts'
import { WarmPace } from './flow/warm-pace.ts'
import { WarmUpkeep } from './flow/warm-upkeep.ts'
import { WarmRun } from './flow/warm-run.ts'
import type { ResponseCache } from './flow/response-cache.ts'
import { type WarmTarget, type WarmWay, warmWay } from './node/warm-target.ts'
import {
  type DeclaredPages,
  type WarmOptions,
  type WarmRunSettings,
  type WarmerOptions,
  warmRunSettings,
  warmSource,
  warmerPriority,
} from './warming-options.ts'

/** The handle's part that makes fragments outside of requests. */
export interface FragmentHandle {
  /** cacheFragment() outside of a request, in a job; what it encloses and depends on is found in the same way. */
  readonly fragment: CacheFragment
  /** cacheFragments() outside of a request. */
  readonly fragments: CacheFragments
  /**
   * Runs a job whose fragments belong together. What they are made of is to be read within it, so that nothing that was read
   * before an invalidation is stored behind it.
   */
  run<Result>(job: () => Result): Result
}

/** What an adapter knows of its framework's applications. */
export interface Applications {
  /** Applications that stand behind what was given to `warm()`: itself, or those of a listener. */
  of(given: unknown): readonly unknown[]
  /** Begins to observe an application, so that its first request is seen from its arrival. */
  meet(app: unknown): void
  /** The patterns of the routes on which a middleware stands, mount paths included. */
  patterns(app: unknown, middleware: unknown): readonly string[]
}

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
   * @param target the application (or `cache.wrap(app)`), its server, or the URL at which it listens; without any, only those of `warmer()` run
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

/** What a warmer of its own is given beside the cache. */
export interface WarmerCall {
  /** The run is to end. */
  readonly signal: AbortSignal
  /** Adds pages to the run: paths, URLs, or a source of them. */
  pages(source: WarmSource): void
}

/** A warmer of its own: makes fragments, adds pages, or calls whatever it likes. */
export type Warmer = (cache: FragmentHandle, call: WarmerCall) => unknown

/** Fills the cache before visitors come. */
export class Warming<Native> {
  readonly #cache: ResponseCache<Native>
  readonly #handle: () => FragmentHandle
  readonly #applications: Applications | undefined
  readonly #declared: { readonly middleware: unknown; readonly pages: DeclaredPages }[] = []
  readonly #warmers = new Map<string, { readonly run: Warmer; readonly priority: number }>()
  /** The last run of each name. */
  readonly #last = new Map<string, Promise<unknown>>()
  /** What is warmed is nobody's request, wherever warm() was called. */
  readonly #outside = new AsyncResource('cacheflow.warming')
  readonly #closing = new AbortController()
  readonly #upkeep: WarmUpkeep<Native>
  readonly #pace: WarmPace
  #first: { readonly target: WarmTarget | undefined; readonly options: WarmOptions } | undefined
  #state: Readiness['state'] = 'cold'
  #tally: WarmTally | undefined
  #report: WarmReport | undefined

  constructor(
    cache: ResponseCache<Native>,
    handle: () => FragmentHandle,
    applications: Applications | undefined,
  ) {
    this.#cache = cache
    this.#handle = handle
    this.#applications = applications
    const { share } = cache.settings.warming
    this.#pace = new WarmPace({ share, visitors: () => cache.visitors })
    this.#upkeep = new WarmUpkeep(cache, {
      again: () => this.#again({}),
      pages: (name, pages, isForced) =>
        this.#again({ pages, force: isForced, name: name ?? 'fallen' }, name !== undefined),
    })
  }

  /** A route's middleware, and the pages to warm there. */
  declare(middleware: unknown, pages: DeclaredPages): void {
    this.#declared.push({ middleware, pages })
  }

  warmer(name: string, run: Warmer, options: WarmerOptions = {}): void {
    const given: unknown = run
    if (typeof name !== 'string' || name === '' || typeof given !== 'function') {
      throw fail('ERR_CACHEFLOW_OPTION', typeof given === 'function' ? name : given, 'warmer()', {
        mend: "Give a name and a function: warmer('menu', async (cache) => { ... }).",
      })
    }
    this.#warmers.set(name, { run, priority: warmerPriority(options) })
  }

  readiness(): Readiness {
    const state = this.#cache.settings.warming.enabled ? this.#state : 'warm'
    return { state, done: this.#tally?.done ?? 0, report: this.#report }
  }

  async warm(target: WarmTarget | undefined, options: WarmOptions = {}): Promise<WarmReport> {
    if (this.#cache.isClosed) throw fail('ERR_CACHEFLOW_CLOSED', target, 'warm()')
    const settings = warmRunSettings(options, this.#cache.settings.warming)
    const way = warmWay(target, settings)
    const { name } = settings
    if (!settings.enabled) return new WarmTally().report(name, 'off', 0)
    if (this.#state === 'cold') this.#state = 'warming'
    this.#first ??= { target, options }
    const report = await this.#queue(way, settings)
    this.#report = report
    this.#state = 'warm'
    this.#upkeep.start()
    return report
  }

  /** The first run again, unheard by who called it, or what else is to be warmed. @param isOfAll one instance does it for all */
  async #again(given: WarmOptions, isOfAll = true): Promise<void> {
    if (this.#first === undefined || this.#cache.isClosed) return
    const { target, options } = this.#first
    const whole = { ...options, ...given, signal: this.#closing.signal }
    const own = warmRunSettings(whole, this.#cache.settings.warming)
    const settings = { ...own, onProgress: undefined }
    const way = warmWay(target, settings)
    await this.#queue(way, settings, isOfAll)
  }

  /** Runs of one name come one after the other. */
  async #queue(way: WarmWay, settings: WarmRunSettings, isOfAll = true): Promise<WarmReport> {
    const { name } = settings
    const earlier = this.#last.get(name) ?? Promise.resolve()
    const begin = (): Promise<WarmReport> => this.#warm(way, settings, isOfAll)
    const run = earlier.then(() => this.#outside.runInAsyncScope(begin))
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

  async #warm(way: WarmWay, settings: WarmRunSettings, isOfAll: boolean): Promise<WarmReport> {
    const { membership } = this.#cache
    if (membership === undefined || !isOfAll) return this.#here(way, settings)
    const signal = this.#signalOf(settings)
    return warmAsOne(
      membership.warmLease,
      membership.sequence.joined,
      settings.name,
      signal,
      async () => {
        const report = await this.#here(way, settings)
        // Whoever hears that all is warm finds it in Redis.
        await membership.store.flush()
        return report
      },
    )
  }

  async #here(way: WarmWay, settings: WarmRunSettings): Promise<WarmReport> {
    const { events } = this.#cache
    const report = await this.#run(way, settings, this.#signalOf(settings))
    if (events.wants('warm')) events.emit('warm', report)
    return report
  }

  #signalOf({ signal }: WarmRunSettings): AbortSignal {
    const closing = this.#closing.signal
    return signal && signal !== closing ? AbortSignal.any([signal, closing]) : closing
  }

  async #run(way: WarmWay, settings: WarmRunSettings, signal: AbortSignal): Promise<WarmReport> {
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
        visit: (request, timeout) => way.visit(request, timeout),
        onDone: (url) => announcer.done(url),
      }).finish()
      announcer.ended(outcome)
      return tally.report(name, outcome, performance.now() - start)
    } finally {
      cache.warming--
    }
  }

  #parts(way: WarmWay, { pages }: WarmRunSettings, queue: WarmQueue): WarmPart[] {
    const applications = this.#applications
    const apps = applications?.of(way.app) ?? []
    for (const app of apps) applications?.meet(app)
    if (pages !== undefined) return [partOf('pages', 0, pages)]
    const own = Array.from(this.#warmers, ([name, each]) => this.#job(name, each, queue))
    if (way.isNowhere === true) return own
    const routes = this.#declared.map(
      ({ middleware, pages: { pages: source, variants, priority } }) => {
        const patterns = [
          ...new Set(apps.flatMap((app) => applications?.patterns(app, middleware) ?? [])),
        ]
        const name = patterns[0] ?? 'a route'
        return { name, priority, tasks: () => tasksOf(source, { name, patterns, variants }) }
      },
    )
    const { hottest } = this.#cache.settings.warming
    const hot = hottest > 0 ? [partOf('hottest', 0, () => this.#upkeep.hottest(hottest))] : []
    return [...hot, ...routes, ...own]
  }

  #job(
    name: string,
    { run, priority }: { readonly run: Warmer; readonly priority: number },
    queue: WarmQueue,
  ): WarmPart {
    const handle = this.#handle()
    const job = async (signal: AbortSignal): Promise<boolean> => {
      let isAdded = false
      const pages = (given: WarmSource): void => {
        const source = warmSource(given, `pages() of the warmer ${name}`)
        queue.add(partOf(name, priority, source))
        isAdded = true
      }
      await handle.run(() => run(handle, { signal, pages }))
      return isAdded
    }
    return {
      name,
      priority,
      tasks: () => [{ kind: 'job', url: name, name, run: job } as const].values(),
    }
  }
}
