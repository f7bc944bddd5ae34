import { RedisUnavailable } from '../redis/connection.ts'
import type { ResponseCache } from '../response/response-cache.ts'
import { Popularity } from './popularity.ts'
import type { WarmSettings } from './run.ts'
import { Rewarming } from './rewarm.ts'
import type { WarmPage } from './page-request.ts'

/** What keeps a cache warm asks for. */
export interface UpkeepRuns {
  /** The first run again. */
  again(): Promise<unknown>
  /** Pages of this instance. @param leastFresh what is fresh for so long and no longer is made anew, milliseconds */
  pages(
    name: string,
    pages: readonly WarmPage[],
    how: { readonly sharing: 'each' | 'own'; readonly leastFresh: number },
  ): Promise<unknown>
}

/** How often what visitors ask for is told to other instances, milliseconds. */
const REPORT_INTERVAL = 30_000
/** How many pages are looked at that may soon be stale. */
const MAX_AHEAD = 1_000

/** Keeps warm what a first run has warmed: in intervals, ahead of its end, and behind invalidations. */
export class WarmScheduler {
  readonly #cache: ResponseCache
  readonly #settings: WarmSettings
  readonly #popularity: Popularity | undefined
  readonly #runs: UpkeepRuns
  readonly #stops: (() => void)[] = []
  readonly #busy = new Set<string>()
  #rewarming: Rewarming | undefined
  #isStarted = false

  constructor(cache: ResponseCache, settings: WarmSettings, runs: UpkeepRuns) {
    this.#cache = cache
    this.#settings = settings
    const { enabled, hottest, afterInvalidation, refreshAhead: ahead } = settings
    const isAsked = enabled && (hottest > 0 || afterInvalidation || ahead > 0)
    this.#popularity = isAsked ? new Popularity() : undefined
    cache.pages = this.#popularity
    this.#runs = runs
  }

  /** From the end of the first run on. */
  start(): void {
    const { membership, isClosed } = this.#cache
    const popularity = this.#popularity
    const { every, cron, refreshAhead: ahead, afterInvalidation, hottest } = this.#settings
    if (this.#isStarted || isClosed) return
    this.#isStarted = true
    const again = (): Promise<unknown> => this.#runs.again()
    if (every !== undefined) this.#repeat('again', every, again)
    if (cron !== undefined) this.#stops.push(cron.start(() => this.#begin('again', again)))
    if (ahead > 0) this.#repeat('refreshAhead', ahead / 2, () => this.#ahead(ahead))
    if (hottest > 0 && membership) {
      this.#repeat('news', REPORT_INTERVAL, () => this.hottest(hottest))
    }
    if (afterInvalidation && popularity) {
      const rewarming = new Rewarming(popularity, {
        run: (pages) =>
          this.#runs
            .pages('afterInvalidation', pages.map(pageOf), { sharing: 'own', leastFresh: 0 })
            .catch((error: unknown) => this.#cache.fault(error, 'keeping the cache warm')),
        isStale: (key) => this.#isStaleAt(key, this.#cache.settings.clock()),
      })
      this.#rewarming = rewarming
      this.#cache.onInvalidated = (keys, over) => rewarming.add(keys, over)
    }
  }

  /** The pages that visitors ask for most: those of this instance, and of those that share its Redis, now and in its last life. */
  async hottest(count: number): Promise<WarmPage[]> {
    const { membership } = this.#cache
    const popularity = this.#popularity
    if (popularity === undefined) return []
    const own = popularity.hottest(count).map(({ request }) => pageOf(request))
    if (membership === undefined) return own
    try {
      const news = popularity
        .unreported(count)
        .map(({ request, heat }) => [Math.round(heat), JSON.stringify(pageOf(request))] as const)
      const texts = await membership.warmLease.hottest(count, news)
      return texts.flatMap((text) => pageIn(text) ?? [])
    } catch (error) {
      // Without Redis this process knows its own visitors.
      if (!(error instanceof RedisUnavailable)) this.#cache.fault(error, 'asking for the hottest')
      return own
    }
  }

  /** What visitors have asked for is kept for the next life. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    this.#rewarming?.close()
    this.#cache.onInvalidated = undefined
    const { hottest } = this.#settings
    if (hottest > 0) await this.hottest(hottest)
  }

  #repeat(name: string, interval: number, run: () => Promise<unknown>): void {
    const timer = setInterval(() => this.#begin(name, run), interval)
    timer.unref()
    this.#stops.push(() => clearInterval(timer))
  }

  /** What is still under way when its time comes again is not begun beside itself. */
  #begin(name: string, run: () => Promise<unknown>): void {
    if (this.#busy.has(name)) return
    this.#busy.add(name)
    run()
      .catch((error: unknown) => this.#cache.fault(error, 'keeping the cache warm'))
      .finally(() => this.#busy.delete(name))
      .catch(() => undefined)
  }

  #isStaleAt(key: string, time: number): boolean {
    const stored = this.#cache.store.response(key)
    return stored !== undefined && stored.timeline.staleAt <= time
  }

  async #ahead(ahead: number): Promise<void> {
    const popularity = this.#popularity
    const end = this.#cache.settings.clock() + ahead
    const keys = (popularity?.keys(MAX_AHEAD) ?? []).filter((key) => this.#isStaleAt(key, end))
    const pages = popularity?.among(keys) ?? []
    if (pages.length === 0) return
    await this.#runs.pages(
      'refreshAhead',
      pages.map(({ request }) => pageOf(request)),
      { sharing: 'each', leastFresh: ahead },
    )
  }
}

function pageOf({
  origin,
  target,
  headers,
}: {
  readonly origin: string | undefined
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
}): WarmPage {
  return { url: `${origin ?? ''}${target}`, headers }
}

/** What stands in Redis may have been written by anybody. */
function pageIn(text: string): WarmPage | undefined {
  try {
    const found: unknown = JSON.parse(text)
    if (typeof found !== 'object' || found === null || !('url' in found)) return undefined
    if (typeof found.url !== 'string' || !('headers' in found)) return undefined
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(found.headers ?? {})) {
      if (typeof value === 'string') headers[name] = value
    }
    return { url: found.url, headers }
  } catch {
    return undefined
  }
}
