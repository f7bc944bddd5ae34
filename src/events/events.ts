import { channel } from 'node:diagnostics_channel'
import { fail } from './errors.ts'
import type {
  AuditDifference,
  BypassReason,
  ResetReason,
  FragmentReason,
  FragmentUncacheableReason,
  HitReason,
  MissReason,
  RefreshReason,
  UncacheableReason,
} from './reasons.ts'
import type { WarmEvent, WarmProgress } from './warm-progress.ts'

export interface HitEvent {
  readonly key: string
  readonly method: string
  /** Path and query as received. */
  readonly url: string
  readonly reason: HitReason
  /** Where the response was found: in the memory of this process, or in Redis. */
  readonly from: 'memory' | 'redis'
  /** Seconds since the response was rendered. */
  readonly age: number
  /** Seconds of freshness left; negative when stale. */
  readonly ttl: number
  readonly route: string | undefined
}
export interface MissEvent {
  readonly key: string
  readonly method: string
  readonly url: string
  readonly reason: MissReason
  /** The dependency that invalidated the entry, such as `tag:posts`, for reason 'invalidated'. */
  readonly invalidatedBy: string | undefined
}
export interface BypassEvent {
  readonly method: string
  readonly url: string
  readonly reason: BypassReason
  /** The name of the header or option that decided. */
  readonly detail: string | undefined
}
export interface StoreEvent {
  readonly key: string
  readonly route: string | undefined
  readonly status: number
  readonly bytes: number
  /** Seconds of freshness. */
  readonly ttl: number
  readonly tags: readonly string[]
  /** The request inputs that select between the variants of this key. */
  readonly vary: readonly string[]
}
export interface UncacheableEvent {
  readonly key: string
  readonly method: string
  readonly url: string
  readonly route: string | undefined
  readonly reason: UncacheableReason
  readonly detail: string | undefined
}
export interface RefreshEvent {
  readonly key: string
  readonly reason: RefreshReason
  /**
   * The result: the entry was replaced, freshened by a 304, kept because the refresh failed, or
   * removed because the application's new response may not be stored.
   */
  readonly outcome: 'stored' | 'validated' | 'kept' | 'removed'
}
export interface FragmentEvent {
  readonly key: string
  /** The name given to `cacheFragment()`: `posts/card`. */
  readonly fragment: string
  readonly reason: FragmentReason
  /**
   * The dependency that invalidated the fragment, such as `tag:posts`, for reason 'invalidated'.
   */
  readonly invalidatedBy: string | undefined
  /** Its body ran, and the text was stored. */
  readonly stored: boolean
  /** Why the text of its body was not stored. */
  readonly uncacheable: FragmentUncacheableReason | undefined
  readonly detail: string | undefined
}
export interface TouchEvent {
  /** The touched records, such as `entity:comment:3`. */
  readonly records: readonly string[]
  /** The parents of these records, such as `entity:post:7`. */
  readonly parents: readonly string[]
}
export interface InvalidateEvent {
  /** The invalidated dependency, such as `tag:posts`. */
  readonly dependency: string
  readonly sequence: number
  readonly soft: boolean
  /** Milliseconds within which its entries become stale; 0: at once. */
  readonly spread: number
  /** The keys invalidated in this instance: the first thousand. */
  readonly keys: readonly string[]
}
export interface RedisEvent {
  /** Whether Redis answers: the first state is reported, and each change. */
  readonly connected: boolean
  /** The cause, if it does not and as far as it is known. */
  readonly error: unknown
}
export interface UnconfirmedEvent {
  /** The invalidated dependencies, such as `tag:posts`. */
  readonly dependencies: readonly string[]
  /** False: not confirmed by Redis, and being retried. True: confirmed by now. */
  readonly confirmed: boolean
  readonly error: unknown
}
export interface ResetEvent {
  readonly reason: ResetReason
  /** The number of entries removed from this process. */
  readonly entries: number
}
export interface AuditEvent {
  readonly key: string
  readonly kind: 'response' | 'fragment'
  /** undefined: it is equal to the stored one. */
  readonly difference: AuditDifference | undefined
  readonly detail: string | undefined
  /** The number of the last invalidation at the start of the stored one's rendering. */
  readonly sequence: number
  /** The epoch of these numbers; undefined without Redis. */
  readonly epoch: string | undefined
  /** The stored dependencies: if the two differ, one is missing. */
  readonly dependencies: readonly string[]
}
export interface EvictEvent {
  readonly key: string
  readonly bytes: number
}
export interface WarningEvent {
  /** Why the route is uncacheable or doubtful, or a fragment of it: `clash`. */
  readonly reason: UncacheableReason | FragmentUncacheableReason
  readonly route: string
  readonly message: string
}
export interface ErrorEvent {
  readonly error: unknown
  /** The step that failed; the visitor got the application's own response. */
  readonly during: string
}

/**
 * The events of `cache.on(name, listener)`; the same objects go to `node:diagnostics_channel` as
 * `cacheflow:<name>`.
 */
export interface CacheflowEvents {
  hit: HitEvent
  miss: MissEvent
  bypass: BypassEvent
  store: StoreEvent
  uncacheable: UncacheableEvent
  refresh: RefreshEvent
  fragment: FragmentEvent
  touch: TouchEvent
  invalidate: InvalidateEvent
  evict: EvictEvent
  redis: RedisEvent
  unconfirmed: UnconfirmedEvent
  reset: ResetEvent
  audit: AuditEvent
  progress: WarmProgress
  warm: WarmEvent
  warning: WarningEvent
  error: ErrorEvent
}
export type EventName = keyof CacheflowEvents
type Listener = (event: never) => unknown

const eventNames: readonly EventName[] = [
  'hit',
  'miss',
  'bypass',
  'store',
  'uncacheable',
  'refresh',
  'fragment',
  'touch',
  'invalidate',
  'evict',
  'redis',
  'unconfirmed',
  'reset',
  'audit',
  'progress',
  'warm',
  'warning',
  'error',
]

const channels = new Map(eventNames.map((name) => [name, channel(`cacheflow:${name}`)]))

/** Faults differ by what they name, so that their number has to be bounded. */
const MAX_PRINTED = 100

/**
 * Typed events without cost for those that nobody hears: ask `wants(name)` before making the event.
 */
export class Events {
  readonly #printed = new Set<string>()
  /**
   * Lists that are replaced, never changed: an event goes to those who listened when it happened.
   */
  readonly #listeners = new Map<EventName, readonly { readonly listener: Listener }[]>()

  on<Name extends EventName>(
    name: Name,
    listener: (event: CacheflowEvents[Name]) => void,
  ): () => void {
    if (!channels.has(name)) {
      throw fail('ERR_CACHEFLOW_EVENT', name, 'on()', { mend: `Known: ${eventNames.join(', ')}.` })
    }
    if (typeof listener !== 'function') {
      throw fail('ERR_CACHEFLOW_EVENT', listener, 'on()', { mend: 'Give a function as listener.' })
    }
    const entry = { listener }
    this.#listeners.set(name, [...this.#of(name), entry])
    return () => {
      const others = this.#of(name).filter((other) => other !== entry)
      if (others.length === 0) this.#listeners.delete(name)
      else this.#listeners.set(name, others)
    }
  }

  /** True when somebody in this process listens, here or on the diagnostics channel. */
  wants(name: EventName): boolean {
    return this.#listeners.has(name) || channels.get(name)?.hasSubscribers === true
  }

  emit<Name extends EventName>(name: Name, event: CacheflowEvents[Name]): void {
    if (name === 'error' && !this.wants(name)) this.#print(event)
    channels.get(name)?.publish(event)
    for (const { listener } of this.#of(name)) {
      try {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- under a name stand only listeners of that name
        const done = listener(event as never)
        // An async listener fails later, and nobody else would hear of it but the process, which would end.
        if (done instanceof Promise) done.catch((error: unknown) => this.#faulty(name, error))
      } catch (error) {
        this.#faulty(name, error)
      }
    }
  }

  // A cache that fails at every request answers like none: whoever does not listen has to hear of it all the same, once.
  #print(fault: object): void {
    const { error, during }: { error?: unknown; during?: unknown } = fault
    const message = `${String(during)}: ${String(error)}`
    if (this.#printed.has(message) || this.#printed.size >= MAX_PRINTED) return
    this.#printed.add(message)
    process.emitWarning(message, { type: 'CacheflowWarning', code: 'error' })
  }

  // A listener's fault must not become the page's; and a fault listener's own fault ends here.
  #faulty(name: EventName, error: unknown): void {
    if (name !== 'error') this.emit('error', { error, during: `a listener of '${name}'` })
  }

  #of(name: EventName): readonly { readonly listener: Listener }[] {
    return this.#listeners.get(name) ?? []
  }
}
