import { fail } from './errors.ts'
import { type CacheflowEvents, type EventName, Events } from './events.ts'
import { ResponseCache } from './flow/response-cache.ts'
import {
  type InvalidationReceipt,
  type InvalidationTarget,
  dependenciesOf,
} from './graph/invalidation.ts'
import { Gate } from './node/gate.ts'
import { flag, refuseUnknown } from './option-check.ts'
import { type CacheflowOptions, resolveOptions } from './options.ts'

export interface InvalidateOptions {
  /** What falls may be served stale while it is renewed, for as long as it would have been. Default `false`. */
  readonly soft?: boolean
}

/** A cache's state in this process. */
export interface CacheStats {
  /** Entries in memory: responses, and an index for each key with variants. */
  readonly entries: number
  /** Their bytes, overhead counted. */
  readonly bytes: number
  readonly maxBytes: number
  /** The distinct dependencies that stored responses have. */
  readonly dependencies: number
  /** Responses being made that others may wait for. */
  readonly making: number
  /** The number of the last invalidation. */
  readonly sequence: number
  readonly hits: number
  readonly misses: number
  readonly bypasses: number
}

/** The handle of one cache: what applications say to it. Adapters make it a middleware too. */
export interface CacheHandle {
  /**
   * Fells what was made from the target: after the promise resolves nothing of it is served again, and no response whose
   * making began before is stored.
   *
   *   await cache.invalidate({ tag: 'posts' })
   *   await cache.invalidate({ route: '/posts/:id', params: { id: 7 } }, { soft: true })
   *
   * @throws CacheflowError `ERR_CACHEFLOW_TARGET`, `ERR_CACHEFLOW_TAG`, `ERR_CACHEFLOW_OPTION`,
   *   `ERR_CACHEFLOW_UNKNOWN_OPTION`, `ERR_CACHEFLOW_CLOSED`
   */
  invalidate(target: InvalidationTarget, options?: InvalidateOptions): Promise<InvalidationReceipt>
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
  /** Empties the cache and turns it off: requests pass by it from now on. */
  close(): Promise<void>
}

/** The rooms put together: one cache with its handle and the gate through which adapters send requests. */
export class Cacheflow<Native> implements CacheHandle {
  readonly gate: Gate<Native>
  readonly #cache: ResponseCache<Native>
  readonly #events = new Events()

  constructor(options: CacheflowOptions<Native>) {
    this.#cache = new ResponseCache(resolveOptions(options), this.#events)
    this.gate = new Gate(this.#cache)
  }

  async invalidate(
    target: InvalidationTarget,
    options: InvalidateOptions = {},
  ): Promise<InvalidationReceipt> {
    if (this.#cache.isClosed) throw fail('ERR_CACHEFLOW_CLOSED', target, 'invalidate()')
    refuseUnknown(options, new Set(['soft']), 'invalidate()')
    const soft = flag(options.soft, 'soft', false)
    return this.#cache.invalidate(dependenciesOf(target, 'invalidate()'), soft)
  }

  on<Name extends EventName>(
    name: Name,
    listener: (event: CacheflowEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener)
  }

  stats(): CacheStats {
    const { store, collapsing, sequence, hits, misses, bypasses } = this.#cache
    return {
      entries: store.entries,
      bytes: store.bytes,
      maxBytes: store.maxSize,
      dependencies: store.dependencies,
      making: collapsing.making,
      sequence: sequence.applied,
      hits,
      misses,
      bypasses,
    }
  }

  async close(): Promise<void> {
    this.#cache.close()
  }
}
