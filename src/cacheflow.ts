import { fail } from './events/errors.ts'
import { type CacheflowEvents, type EventName, Events } from './events/events.ts'
import { type Explanation, type Impact, explanationOf, impactOf } from './response/explain.ts'
import {
  type CacheFragment,
  fragmentIn,
  fragmentsIn,
  promisedIn,
  putIn,
} from './fragments/cache-fragment.ts'
import type { RedisStatus } from './redis/member.ts'
import { DependencyTracker } from './fragments/dependency-tracker.ts'
import { ResponseCache } from './response/response-cache.ts'
import { type Scope, contextScope, within } from './fragments/scope.ts'
import type { Entity } from './entities/entity.ts'
import {
  type InvalidationReceipt,
  type InvalidationTarget,
  dependenciesOf,
} from './invalidation/target.ts'
import type { Softness } from './invalidation/soft.ts'
import { type TouchReceipt, type Touched, Touches } from './entities/touch.ts'
import { type UpdateOptions, updating } from './entities/touch-on-save.ts'
import { RequestHandler } from './node/handler.ts'
import { flag, refuseUnknown } from './values/option-check.ts'
import { type Duration, milliseconds } from './values/duration.ts'
import { type CacheflowOptions, resolveOptions } from './options/cache-options.ts'
import { type Wait, waitsForAll } from './options/redis-options.ts'
import type { Applications, FragmentHandle } from './warming/plan.ts'
import { type WarmHandle, Warming } from './warming/warming.ts'

export interface InvalidateOptions {
  /**
   * Invalidated entries may be served stale while they are refreshed, for as long as they would
   * have been fresh. Default `false`.
   */
  readonly soft?: boolean
  /**
   * With `soft`: each entry becomes stale at its own time within this duration (jitter); fragments in
   * the first half, everything that contains some in the second. Default: all at once.
   */
  readonly spread?: Duration
  /**
   * `'all'`: until every instance has confirmed, for at most `redis.maxStaleness`; `'redis'`: until
   * Redis has confirmed. Default: the option `redis.wait`, `'redis'`.
   */
  readonly wait?: Wait
}

/** A cache's state in this process. */
export interface CacheStats {
  /** Entries in memory: responses, fragments, and an index for each key with variants. */
  readonly entries: number
  /** Their bytes, overhead counted. */
  readonly bytes: number
  readonly maxBytes: number
  /** The distinct dependencies of stored responses and fragments. */
  readonly dependencies: number
  /** Renders in flight that other requests may wait for. */
  readonly inFlight: number
  /** The number of the last invalidation. */
  readonly sequence: number
  /** Hits and misses count visitors alone, without warm-up requests of this process. */
  readonly hits: number
  readonly misses: number
  readonly bypasses: number
  /** Fragments shown from the cache. */
  readonly fragmentHits: number
  /** Fragments whose body ran. */
  readonly fragmentMisses: number
}

/** The handle of one cache for applications. Adapters make it a middleware too. */
export interface CacheHandle extends FragmentHandle, WarmHandle {
  /**
   * Invalidates everything that depends on `target`. Once the promise resolves, no such entry is
   * served, and responses whose rendering began earlier are not stored.
   *
   *   await cache.invalidate({ tag: 'posts' })
   *   await cache.invalidate(post.ref(7))
   *   await cache.invalidate({ route: '/posts/:id', params: { id: 7 } }, { soft: true })
   *
   * @throws CacheflowError `ERR_CACHEFLOW_TARGET`, `ERR_CACHEFLOW_TAG`, `ERR_CACHEFLOW_OPTION`,
   *   `ERR_CACHEFLOW_UNKNOWN_OPTION`; `ERR_CACHEFLOW_UNCONFIRMED` when Redis did not confirm: then
   *   it holds in this process, and is retried until it is confirmed
   */
  invalidate(target: InvalidationTarget, options?: InvalidateOptions): Promise<InvalidationReceipt>
  /**
   * Counts the entries of this instance that an invalidation would remove, without removing them.
   * @throws as `invalidate`
   */
  impact(target: InvalidationTarget): Impact
  /**
   * Explains a key as events and receipts show it: its dependencies, the fragments inside, the
   * entries around it, and its last invalidation.
   */
  explain(key: string): Explanation
  /**
   * Reports that records have changed: invalidates them, their lists, their parents as their
   * entities declare them, and everything that contains one of these. All touches of one tick are
   * carried out together.
   *
   *   await cache.touch(comment(row))     // the comment, its post, and every doll around them
   *
   * @throws CacheflowError `ERR_CACHEFLOW_TOUCH`, `ERR_CACHEFLOW_PERSIST`,
   *   `ERR_CACHEFLOW_UNCONFIRMED`
   */
  touch(...records: readonly Touched[]): Promise<TouchReceipt>
  /**
   * Wraps a function that saves a row; its success touches the row:
   *
   *   const saveComment = cache.updates(comment, async (row) => db.save(row))
   */
  updates<Row extends object, Args extends readonly unknown[], Saved>(
    entity: Entity<Row>,
    save: (...args: Args) => Promise<Saved> | Saved,
    options?: UpdateOptions<Row, Args>,
  ): (...args: Args) => Promise<Saved>
  /**
   * The same as a decorator (the standard ones) of a method that saves a row:
   *
   *   class Comments {
   *     @cache.touches(comment)
   *     async save(row) { ... }
   *   }
   */
  touches<Row extends object>(
    entity: Entity<Row>,
    options?: Omit<UpdateOptions<Row>, 'was'>,
  ): <This, Args extends readonly unknown[], Saved>(
    method: (this: This, ...args: Args) => Promise<Saved>,
  ) => (this: This, ...args: Args) => Promise<Saved>
  /** Runs a function whose touches reach the records themselves, and not their parents. */
  noTouching<Result>(run: () => Result): Result
  /**
   * Runs a function and carries out its touches when it has resolved, so that nothing is rendered
   * from rows not committed yet; when it throws they are dropped. Its other invalidations take
   * effect at once, and again at its end.
   */
  transaction<Result>(run: () => Promise<Result>): Promise<Result>
  /**
   * Renders a fragment now and replaces the stored one, in every instance; everything that contains
   * the old one is invalidated:
   *
   *   await cache.put('home/top', { maxAge: '1h' }, async () => render(await db.topTen()))
   *
   * The arguments are those of cacheFragment(); it returns the text. Its body has to read the data
   * that it shows, because data read before the call may have changed since. When the body fails,
   * nothing is stored.
   *
   * @throws CacheflowError as `cacheFragment()`; `ERR_CACHEFLOW_UNCONFIRMED` when Redis did not
   *   confirm the invalidation of the old one: then the body did not run
   */
  readonly put: CacheFragment
  /**
   * Listens to the events of this cache.
   *
   * @returns a function that ends the listening
   * @throws CacheflowError `ERR_CACHEFLOW_EVENT` for an unknown name
   */
  on<Name extends EventName>(
    name: Name,
    listener: (event: CacheflowEvents[Name]) => void,
  ): () => void
  stats(): CacheStats
  /** The state of the connection to Redis; undefined without Redis. */
  status(): RedisStatus | undefined
  /**
   * Empties the cache and turns it off: requests bypass it from now on. Later invalidations are
   * still carried out, over a connection to Redis of their own.
   */
  close(): Promise<void>
}

/** Wires one cache: its parts, its handle, and the request handler of its adapter. */
export class Cacheflow<Native> {
  readonly handler: RequestHandler
  readonly handle: CacheHandle
  readonly #cache: ResponseCache
  readonly #events = new Events()
  readonly #touches: Touches
  readonly warming: Warming

  /** @param applications what an adapter knows of them; without HTTP there are none */
  constructor(options: CacheflowOptions<Native>, applications?: Applications) {
    const settings = resolveOptions(options)
    this.#cache = new ResponseCache(settings, this.#events)
    this.handler = new RequestHandler(this.#cache)
    this.#touches = new Touches({
      invalidate: (dependencies) => this.#cache.invalidate(dependencies, false),
      clock: this.#cache.settings.clock,
      onTouch: (records, parents) => {
        if (this.#events.wants('touch')) this.#events.emit('touch', { records, parents })
      },
    })
    this.warming = new Warming(this.#cache, settings.warming, {
      handle: () => this.handle,
      applications,
    })
    this.handle = this.#handle()
  }

  #handle(): CacheHandle {
    const touches = this.#touches
    const touch = async (...records: readonly Touched[]): Promise<TouchReceipt> =>
      touches.touch(records)
    const touchAll = (records: readonly Touched[]): Promise<TouchReceipt> => touch(...records)
    return {
      invalidate: (target, options) => this.#invalidate(target, options),
      impact: (target) => impactOf(this.#cache, target),
      explain: (key) => explanationOf(this.#cache, key),
      touch,
      updates: (entity, save, options = {}) => updating(touchAll, entity, save, options),
      touches:
        (entity, options = {}) =>
        (method) =>
          updating(touchAll, entity, method, options),
      noTouching: (run) => touches.noTouching(run),
      transaction: (run) => touches.transaction(run),
      fragment: (name: string, ...given: readonly unknown[]) =>
        promisedIn(this.#scope(), 'fragment()', (scope) => fragmentIn(scope, name, given)),
      fragments: (name: string, ...given: readonly unknown[]) =>
        promisedIn(this.#scope(), 'fragments()', (scope) => fragmentsIn(scope, name, given)),
      put: async (name: string, ...given: readonly unknown[]) =>
        putIn(this.#cache.fragments, this.#scope(), name, given),
      run: (job) => within(this.#scope(), job),
      on: (name, listener) => this.#events.on(name, listener),
      stats: () => this.#stats(),
      status: () => this.#cache.membership?.status(),
      warm: (target, given) => this.warming.warm(target, given),
      warmer: (name, run, given) => this.warming.plan.warmer(name, run, given),
      readiness: () => this.warming.readiness(),
      close: () => this.#cache.close(() => this.warming.close()),
    }
  }

  /** What is being made for this cache; a new job where nothing is. */
  #scope(): Scope {
    const { fragments, sequence } = this.#cache
    const scope = contextScope()
    if (scope?.fragments === fragments) return scope
    const root = new DependencyTracker(sequence.start())
    return { fragments, tracker: root, root, visitor: undefined, fragment: undefined }
  }

  async #invalidate(
    target: InvalidationTarget,
    options: InvalidateOptions = {},
  ): Promise<InvalidationReceipt> {
    refuseUnknown(options, new Set(['soft', 'spread', 'wait']), 'invalidate()')
    const { redis } = this.#cache.settings
    const waits = waitsForAll(options.wait, 'wait of invalidate()', redis?.waitsForAll ?? false)
    const soft = this.#softness(options)
    const dependencies = dependenciesOf(target, 'invalidate()')
    if (!soft && dependencies !== 'all') this.#touches.invalidated(dependencies)
    return this.#cache.invalidate(dependencies, soft, waits)
  }

  #softness(options: InvalidateOptions): Softness {
    const soft = flag(options.soft, 'soft', false)
    if (options.spread === undefined) return soft
    const over = milliseconds(options.spread, 'spread of invalidate()')
    if (!soft) {
      throw fail('ERR_CACHEFLOW_OPTION', options.spread, 'spread of invalidate()', {
        mend: 'Give soft: true with it: what falls at once cannot be spread.',
      })
    }
    return over === 0 || { at: this.#cache.settings.clock(), over }
  }

  #stats(): CacheStats {
    const { store, collapsing, fragments, sequence, membership, hits, misses, bypasses } =
      this.#cache
    return {
      entries: store.entries,
      bytes: store.bytes,
      maxBytes: store.maxSize,
      dependencies: store.dependencies,
      inFlight: collapsing.render + fragments.inFlight,
      sequence: membership?.sequence.applied ?? sequence.applied,
      hits,
      misses,
      bypasses,
      fragmentHits: fragments.tally.hits,
      fragmentMisses: fragments.tally.misses,
    }
  }
}

/**
 * A cache without HTTP, for workers and scripts: fragments, touches and invalidations.
 *
 *   const cache = createCacheflow()
 *   const html = await cache.fragment('mail/digest', { maxAge: '1h' }, renderDigest)
 *
 * @throws CacheflowError as `cacheflow()`
 */
export function createCacheflow(options: CacheflowOptions<never> = {}): CacheHandle {
  return new Cacheflow<never>(options).handle
}
