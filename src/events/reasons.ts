/** Why a stored response was used. */
export type HitReason =
  /** It is fresh (RFC 9111 §4.2). */
  | 'fresh'
  /**
   * It is stale, in its stale-while-revalidate window; a refresh runs in the background (RFC 5861
   * §3).
   */
  | 'stale-while-revalidate'
  /**
   * It is stale, and the client accepts that by max-stale, with `requestDirectives` on (RFC 9111
   * §5.2.1.2).
   */
  | 'max-stale'
  /** The application failed and the response is in its stale-if-error window (RFC 5861 §4). */
  | 'stale-if-error'
  /** The application answered 304 to the validation, or freshWhen() named the stored version. */
  | 'validated'
  /** Another request rendered it; this one waited and shares the response. */
  | 'collapsed'

/** Why no stored response could be used as it is, so that the application ran. */
export type MissReason =
  /** Nothing is stored under the key. */
  | 'uri-miss'
  /** The stored response is stale, and no stale window applies. */
  | 'expired'
  /** The stored response was invalidated. */
  | 'invalidated'
  /** The stored response was evicted for newer entries, because the memory bound was reached. */
  | 'evicted'
  /** The stored response is fresh, and `verify` renders it again to compare. */
  | 'verify'
  /**
   * The stored response is fresh, and a warm run renders it again: with `force`, or ahead of its
   * end.
   */
  | 'warm'
  /**
   * Redis was unreachable for longer than `maxStaleness`, so the stored response may have been
   * invalidated.
   */
  | 'disconnected'
  /** Responses are stored, but none for these request inputs (Vary and observed inputs). */
  | 'vary-miss'
  /** The stored response must be validated on each use (no-cache). */
  | 'no-cache'
  /** The client asked for validation and `requestDirectives` is on. */
  | 'request'
  /**
   * The last response of this key could not be stored: requests run side by side and do not wait.
   */
  | 'hit-for-miss'

/**
 * Why a request bypassed the cache: it is not consulted and nothing is stored, except for
 * 'credentials'.
 */
export type BypassReason =
  /** The method is neither GET nor HEAD. */
  | 'method'
  /**
   * The request carries Authorization (or a header of `credentials`), and `session` does not say
   * who shares. Only responses with public, s-maxage or must-revalidate are served or stored
   * nevertheless (RFC 9111 §3.5).
   */
  | 'credentials'
  /** The request carries cookies, and the application's reads of them are unknown. */
  | 'cookie'
  /**
   * session() returned null: nobody shares. Or it was called before the middleware that knows the
   * visitor.
   */
  | 'session'
  /** A GET with a body: the body is not part of the key. */
  | 'body'
  /** If-Match or If-Unmodified-Since: only the application can answer 412. */
  | 'precondition'
  /**
   * The request target is not a plain path (absolute form, asterisk, authority), or Host is no
   * plain host.
   */
  | 'target'
  /** Upgrade or Expect: the connection may change its protocol. */
  | 'upgrade'
  /** route(false), or the cache is closed. */
  | 'off'
  /** The cache itself failed; an error event has the cause. */
  | 'error'

/** Why a response was not stored. */
export type UncacheableReason =
  /**
   * Its status is not cacheable: an error other than 404 and 410, unless `maxAge: 'http'`; or a
   * 304, which has no body.
   */
  | 'status'
  /** It says no-store (RFC 9111 §5.2.2.5). */
  | 'no-store'
  /** It says private (RFC 9111 §5.2.2.7). */
  | 'private'
  /** It says must-understand, and its status is unknown (RFC 9111 §5.2.2.3). */
  | 'must-understand'
  /** It sets a cookie, and a cookie is for one visitor. */
  | 'set-cookie'
  /**
   * It says Vary: *, which no request matches (RFC 9111 §4.1), or too many headers and cookies
   * select its variant.
   */
  | 'vary-any'
  /**
   * The request carried a credential, and the response does not say public, s-maxage or
   * must-revalidate.
   */
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
  /**
   * It says no-cache without a validator of its own, or was rendered again in place of a 304: it
   * could never be validated.
   */
  | 'no-validator'
  /** A credential header was read, or is named in Vary. */
  | 'credentials-read'
  /** The whole Cookie header was read, or is named in Vary. */
  | 'cookie-read'
  /** The session was read. */
  | 'session-read'
  /** The user was read. */
  | 'user-read'
  /**
   * session() looked for a property that the request did not have yet, such as `req.user`: it was
   * set later, or a later read may identify the visitor.
   */
  | 'session-early'
  /** All request headers were read at once. */
  | 'headers-read'
  /** A property of the connection was read that identifies the client: a certificate, a port. */
  | 'connection-read'
  /**
   * The reads of middleware before the cache are unknown: the request looked like a hit on arrival,
   * or was the first one that reached the cache in a router, on a route, or behind other Koa
   * middleware.
   */
  | 'unobserved'
  /**
   * Its URL has parameters that the key omits, and middleware before the cache or the route may
   * have seen them: the request may be answered from the store, but not fill it.
   */
  | 'query-seen'
  /**
   * It is a health check, a heartbeat or metrics, and neither the response nor the route gives it a
   * lifetime.
   */
  | 'operational'
  /** The request's normalised Accept-Encoding does not accept its Content-Encoding. */
  | 'encoding'
  /** The page holds a token against cross-site request forgery, which is for one visitor. */
  | 'csrf-token'
  /** The page holds the nonce of its Content-Security-Policy, which is for one response. */
  | 'csp-nonce'
  /**
   * It shows an input of its request that its key does not have: a User-Agent, which the key has by
   * its class, a trace id, or an input of `observe.ignore`.
   */
  | 'request-shown'
  /** Its code ran in the async context of another request, so its inputs are unknown. */
  | 'context'
  /** The promise of a fragment was written into it instead of being awaited. */
  | 'promise'
  /** noStore(reason) was called. */
  | 'draft'
  /** The request said no-store (RFC 9111 §5.2.1.5). */
  | 'request-no-store'
  /** It is larger than `memory.maxEntrySize`. */
  | 'too-large'
  /**
   * The copies of all bodies in flight reached `memory.maxSize`, and this one had not grown for the
   * longest time.
   */
  | 'crowded'
  /** The body ended before the declared length, or the handler destroyed the response. */
  | 'incomplete'
  /** A dependency was invalidated after its rendering had started. */
  | 'invalidated'
  /** The application changed the request's method (method override). */
  | 'method-changed'
  /** route(false) was reached, or the cache was closed, during its rendering. */
  | 'off'
  /** The cache itself failed; an error event has the cause. */
  | 'error'

/** How a response that was rendered again differs from the stored one. */
export type AuditDifference =
  | 'status'
  /** Content-Type, Content-Encoding, Content-Language, Location or Link. */
  | 'fields'
  | 'body'
  /** It would not be stored now. */
  | 'uncacheable'

/** Why a response was refreshed in the background. */
export type RefreshReason =
  /** It had expired, and was served in its stale-while-revalidate window. */
  | 'stale-while-revalidate'
  /** It was invalidated softly. */
  | 'soft'

/** Why a fragment was shown as it is, or why its body ran. */
export type FragmentReason =
  /** It is stored, in the requested version. */
  | 'fresh'
  /**
   * It is stale, in its stale-while-revalidate window or softly invalidated; it is refreshed in the
   * background.
   */
  | 'stale-while-revalidate'
  /** Its body failed, and the stored fragment is in its stale-if-error window. */
  | 'stale-if-error'
  /** Another request rendered it; this one waited and shares it. */
  | 'collapsed'
  /** The body ran: nothing is stored under the key. */
  | 'miss'
  /** The body ran: the stored fragment is of another version of its records. */
  | 'version'
  /** The body ran: the stored fragment had expired. */
  | 'expired'
  /** The body ran: the stored fragment was invalidated. */
  | 'invalidated'
  /** The body ran: the stored fragment was evicted for newer entries. */
  | 'evicted'
  /** The body ran: Redis was unreachable for longer than `maxStaleness`. */
  | 'disconnected'
  /** The body ran: put() replaced the stored fragment. */
  | 'put'
  /**
   * The body ran: `if` is false, `session` is null, the cache is closed, or `uncacheable` says why.
   */
  | 'off'

/** Why a fragment whose body ran was not stored. */
export type FragmentUncacheableReason =
  /** Its body read an input of the visitor that its key does not have. */
  | 'reads'
  /**
   * It was rendered in a request whose reads are not all known; or by the async context alone, with
   * `observe: false` or while such a request was in flight.
   */
  | 'unobserved'
  /** noStore() was called, in it or in a fragment inside, or a fragment inside failed. */
  | 'draft'
  /**
   * Its body ran in the async context of another request, or of one whose response has ended; or
   * its request was meanwhile read in another context, or beside its body.
   */
  | 'context'
  /** It holds a token against cross-site request forgery, which is for one visitor. */
  | 'csrf-token'
  /** A promise was written into it instead of being awaited. */
  | 'promise'
  /**
   * A page showed two texts under its key: each place shows its own, and nothing is stored under
   * the key.
   */
  | 'clash'
  /** It is empty, and `skipEmpty` is set. */
  | 'empty'
  /** A dependency was invalidated after the rendering of its page had started. */
  | 'invalidated'
  /** Its body failed. */
  | 'failed'
  /** It is larger than `memory.maxEntrySize`. */
  | 'too-large'

/** How a warm run ended. */
export type WarmOutcome =
  /** All declared pages were attempted. */
  | 'complete'
  /** Its signal was aborted, or the cache was closed. */
  | 'aborted'
  /** Its `maxDuration` was over. */
  | 'max-duration'
  /** `warming.enabled` is off. */
  | 'off'

/** Why the memory of this process was emptied. */
export type ResetReason =
  /** Redis has lost its data, or was restored to an older state; the first contact counts too. */
  | 'epoch'
  /** Invalidations were missed, and Redis no longer remembers them. */
  | 'log-gap'
