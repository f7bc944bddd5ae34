import type { RouteParams } from '../invalidation/dependency.ts'
import type { RequestHeaders } from '../http/header-fields.ts'
import type { Start } from '../invalidation/sequence.ts'
import type { ReadTracker } from './read-tracker.ts'
import { DependencyTracker } from '../fragments/dependency-tracker.ts'
import type { WarmRequestState } from './warm-request.ts'

/** The route that the framework matched. */
export interface MatchedRoute {
  /** The whole pattern, mount paths included: `/posts/:id`. */
  readonly pattern: string
  /** The other patterns of a route that has several: the framework does not tell which of them matched. */
  readonly others: readonly string[]
  readonly params: RouteParams
}

/**
 * A request as the cache sees it: plain HTTP facts, so that the core knows no framework. An adapter makes one for each
 * request; on the hot path only `method`, `target`, `origin` and `headers` are read.
 */
export interface IncomingRequest {
  readonly method: string
  /** The request target as received: path and query, never decoded or reordered. */
  readonly target: string
  /** `https://shop.example:8443`, by the trust the application puts in its proxies. */
  readonly origin: string
  /** The origin leaves out the port of a test's server: a read of the host selects a variant. */
  readonly hasHostInput?: boolean
  readonly headers: RequestHeaders
  /** HTTP/1.x, which has reason phrases and heads as flat lists; HTTP/2 has neither. */
  readonly isHttp1: boolean
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string
  /** Its connection carries a proof of who comes (NTLM, Negotiate), which holds for requests without credentials too. */
  readonly isIdentified: boolean
  /** The address of the peer: part of what the application reads as the client's address. */
  readonly remoteAddress: string
  /** The framework's own request, for the application's `key` and `session` functions. */
  readonly native: unknown
  /** True when every read since the request's arrival was observed, so that unread cookies are known to be unread. */
  readonly observedFromStart: boolean
  /** On arrival it looked like a hit, so that nobody noted its reads: it may be answered from the store, not fill it. */
  readonly foreseen: boolean
  /** The observation that began before the cache's place was reached, and when that was. */
  readonly observation: ReadTracker | undefined
  readonly arrivedAt: Start | undefined
  /** What was said of the response before the request was judged anew at its route. */
  readonly tracker: DependencyTracker | undefined
  /** It comes from a warmer, and not from a visitor. */
  readonly warmRequest?: WarmRequestState | undefined
  /** Notes reads of its target from now on, for fragments: it may be called again. */
  watchTarget?(observation: ReadTracker): void
  /** The server that it came to is known, so that one like it can go the same way, past all that stands around the application. */
  readonly isRepeatable: boolean
  /** A body follows: it is not a part of the key. */
  readonly hasBody: boolean
  /** The matched route; known once the application has run. */
  route(): MatchedRoute | undefined
  /** All routes that matched, the last one first: a handler may have passed the request on to the next. */
  routes(): readonly MatchedRoute[]
}

/** What goes on where middleware has spoken already, or begins; of what was read since its arrival the stamp has to know. */
export function trackerOf(request: IncomingRequest, start: Start): DependencyTracker {
  return request.tracker ?? new DependencyTracker(request.arrivedAt ?? start)
}

/** The value of a header as one string; several lines joined as RFC 9110 §5.3 says. */
export function headerValue(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}
