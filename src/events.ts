import { channel } from 'node:diagnostics_channel'
import { fail } from './errors.ts'

/** Why a stored response was used. */
export type HitReason =
  /** It is fresh (RFC 9111 §4.2). */
  | 'fresh'
  /** It is stale, in its stale-while-revalidate window; a refresh runs in the background (RFC 5861 §3). */
  | 'stale-while-revalidate'
  /** It is stale and the client accepts that: max-stale, with `requestDirectives` on (RFC 9111 §5.2.1.2). */
  | 'max-stale'
  /** The application failed and the response is in its stale-if-error window (RFC 5861 §4). */
  | 'stale-if-error'
  /** The application answered 304 to our validation, or freshWhen() named the stored version. */
  | 'validated'
  /** Another request was making it; this one waited and shares the answer. */
  | 'collapsed'

/** Why no stored response could be used as it is, so that the application runs. */
export type MissReason =
  /** Nothing is stored under the key. */
  | 'absent'
  /** What is stored is stale and no stale window applies. */
  | 'expired'
  /** What was stored fell by an invalidation. */
  | 'invalidated'
  /** What was stored gave way to newer entries: the memory bound was reached. */
  | 'evicted'
  /** Responses are stored, but none for these request inputs (Vary and observed inputs). */
  | 'vary'
  /** The stored response must be validated on each use (no-cache). */
  | 'no-cache'
  /** The client asked for validation and `requestDirectives` is on. */
  | 'request'
  /** A response of this key was lately not storable: requests run side by side and do not wait. */
  | 'hit-for-miss'

/** Why a request passes by the cache: nothing is looked up and nothing is stored, but for 'credentials'. */
export type BypassReason =
  /** The method is neither GET nor HEAD. */
  | 'method'
  /**
   * The request carries Authorization (or a header of `credentials`) and nobody said who shares. Only what says public,
   * s-maxage or must-revalidate is served or stored all the same (RFC 9111 §3.5).
   */
  | 'credentials'
  /** The request carries cookies and what the application read of them is unknown. */
  | 'cookie'
  /** session() returned null: nobody shares. */
  | 'session'
  /** A GET with a body: the body is not part of the key. */
  | 'body'
  /** If-Match or If-Unmodified-Since: a 412 is the application's business. */
  | 'precondition'
  /** The request target is not a plain path (absolute form, asterisk, authority), or Host is no plain host. */
  | 'target'
  /** Upgrade or Expect: the connection leaves the ways of a cache. */
  | 'upgrade'
  /** route(false), or the cache is closed. */
  | 'off'
  /** The cache itself failed; a fault event tells how. */
  | 'fault'

/** Why a response was not stored. */
export type RefuseReason =
  /** Its status is not kept: an error other than 404 and 410, unless `maxAge: 'http'`; or a 304, which has no body. */
  | 'status'
  /** It says no-store (RFC 9111 §5.2.2.5). */
  | 'no-store'
  /** It says private (RFC 9111 §5.2.2.7). */
  | 'private'
  /** It says must-understand, and its status is none that we know (RFC 9111 §5.2.2.3). */
  | 'must-understand'
  /** It sets a cookie, and a cookie is for one visitor. */
  | 'set-cookie'
  /** It says Vary: *, which no request matches (RFC 9111 §4.1). */
  | 'vary-any'
  /** The request carried a credential, and the response does not say public, s-maxage or must-revalidate. */
  | 'authorization'
  /** A 206, or a Content-Range: a part is not the whole. */
  | 'partial'
  /** An event stream (or multipart/x-mixed-replace): it has no end. */
  | 'event-stream'
  /** It has trailers, which are not stored. */
  | 'trailers'
  /** Neither the response nor the options give it a lifetime. */
  | 'no-lifetime'
  /** Its lifetime is over on arrival and it has no validator of its own. */
  | 'stale-on-arrival'
  /** no-cache without a validator of the application's own: it could never be validated. */
  | 'no-validator'
  /** A credential header was read, or is named in Vary. */
  | 'credentials-read'
  /** The whole Cookie header was read, or is named in Vary. */
  | 'cookie-read'
  /** The session was read. */
  | 'session-read'
  /** The user was read. */
  | 'user-read'
  /** All request headers were read at once. */
  | 'headers-read'
  /** Something of the connection was read that tells clients apart: a certificate, a port. */
  | 'connection-read'
  /**
   * What middleware before the cache read of it is unknown: it looked like a hit on arrival, or it was the first request
   * that reached the cache in a router, on a route, or behind other Koa middleware.
   */
  | 'unobserved'
  /** Its Content-Encoding is none the request's normalised Accept-Encoding accepts. */
  | 'encoding'
  /** The page holds a token against cross-site request forgery, which is for one visitor. */
  | 'csrf-token'
  /** The page holds the nonce of its Content-Security-Policy, which is for one response. */
  | 'csp-nonce'
  /** draft.noStore(reason) was called. */
  | 'draft'
  /** The request said no-store (RFC 9111 §5.2.1.5). */
  | 'request-no-store'
  /** Larger than `memory.maxEntrySize`. */
  | 'too-large'
  /** The body ended before the declared length, or the handler destroyed the response. */
  | 'incomplete'
  /** Something it depends on was invalidated after its making had started. */
  | 'invalidated'
  /** The application changed the request's method (method override). */
  | 'method-changed'
  /** route(false) was met, or the cache was closed, while it was made. */
  | 'off'
  /** The cache itself failed; a fault event tells how. */
  | 'fault'

/** Why a response was made anew in the background. */
export type RefreshReason =
  /** Its time was over, and it was served in its stale-while-revalidate window. */
  | 'stale-while-revalidate'
  /** It was invalidated softly. */
  | 'soft'

export interface HitEvent {
  readonly key: string
  readonly method: string
  /** Path and query as received. */
  readonly url: string
  readonly reason: HitReason
  /** Seconds since the response was made. */
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
  /** What felled the entry, for reason 'invalidated': a dependency such as `tag:posts`. */
  readonly by: string | undefined
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
export interface RefuseEvent {
  readonly key: string
  readonly method: string
  readonly url: string
  readonly route: string | undefined
  readonly reason: RefuseReason
  readonly detail: string | undefined
}
export interface RefreshEvent {
  readonly key: string
  readonly reason: RefreshReason
  /** What became of it: the entry was replaced, freshened by a 304, or kept because the refresh failed. */
  readonly outcome: 'stored' | 'validated' | 'kept'
}
export interface InvalidateEvent {
  /** The dependency that was invalidated, such as `tag:posts`. */
  readonly dependency: string
  readonly sequence: number
  readonly soft: boolean
  /** The keys that fell in this instance. */
  readonly keys: readonly string[]
}
export interface EvictEvent {
  readonly key: string
  readonly bytes: number
}
export interface WarningEvent {
  /** What makes the route uncacheable or doubtful. */
  readonly reason: RefuseReason
  readonly route: string
  readonly message: string
}
export interface FaultEvent {
  readonly error: unknown
  /** What the cache was doing; the visitor got the application's own answer. */
  readonly during: string
}

/** The events of `cache.on(name, listener)`; the same objects go to `node:diagnostics_channel` as `cacheflow:<name>`. */
export interface CacheflowEvents {
  hit: HitEvent
  miss: MissEvent
  bypass: BypassEvent
  store: StoreEvent
  refuse: RefuseEvent
  refresh: RefreshEvent
  invalidate: InvalidateEvent
  evict: EvictEvent
  warning: WarningEvent
  fault: FaultEvent
}
export type EventName = keyof CacheflowEvents
type Listener = (event: never) => unknown

const eventNames: readonly EventName[] = [
  'hit',
  'miss',
  'bypass',
  'store',
  'refuse',
  'refresh',
  'invalidate',
  'evict',
  'warning',
  'fault',
]

const channels = new Map(eventNames.map((name) => [name, channel(`cacheflow:${name}`)]))

/** Typed events without cost for those that nobody hears: ask `wants(name)` before making the event. */
export class Events {
  /** Lists that are replaced, never changed: an event goes to those who listened when it happened. */
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

  // A listener's fault must not become the page's; and a fault listener's own fault ends here.
  #faulty(name: EventName, error: unknown): void {
    if (name !== 'fault') this.emit('fault', { error, during: `a listener of '${name}'` })
  }

  #of(name: EventName): readonly { readonly listener: Listener }[] {
    return this.#listeners.get(name) ?? []
  }
}
