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
  | 'uri-miss'
  /** What is stored is stale and no stale window applies. */
  | 'expired'
  /** What was stored fell by an invalidation. */
  | 'invalidated'
  /** What was stored gave way to newer entries: the memory bound was reached. */
  | 'evicted'
  /** It is stored and fresh, and with `verify` it is made anew all the same, to be compared. */
  | 'verify'
  /** It is stored and fresh, and a warmer makes it anew: with `force`, or ahead of its end. */
  | 'warm'
  /** Redis was not heard of for longer than `maxStaleness`, so that what is stored may have been invalidated. */
  | 'disconnected'
  /** Responses are stored, but none for these request inputs (Vary and observed inputs). */
  | 'vary-miss'
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
  /** session() returned null: nobody shares. Or it is asked before the middleware that knows the visitor. */
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
  /** The cache itself failed; an error event tells how. */
  | 'error'

/** Why a response was not stored. */
export type UncacheableReason =
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
  /** It says Vary: *, which no request matches (RFC 9111 §4.1), or too many headers and cookies select its variant. */
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
  /** no-cache without a validator of the application's own, or made again in place of a 304: it could never be validated. */
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
   * session() looked for something that was not on the request yet, such as `req.user`: it came afterwards, or what was read
   * afterwards may tell who the visitor is.
   */
  | 'session-early'
  /** All request headers were read at once. */
  | 'headers-read'
  /** Something of the connection was read that tells clients apart: a certificate, a port. */
  | 'connection-read'
  /**
   * What middleware before the cache read of it is unknown: it looked like a hit on arrival, or it was the first request
   * that reached the cache in a router, on a route, or behind other Koa middleware.
   */
  | 'unobserved'
  /**
   * Its URL has parameters that the key leaves out, and middleware before the cache or the route may have seen them: it may be
   * answered from the store, not fill it.
   */
  | 'query-seen'
  /** It is a health check, a heartbeat or metrics, and neither the response nor the route gives it a lifetime. */
  | 'operational'
  /** Its Content-Encoding is none the request's normalised Accept-Encoding accepts. */
  | 'encoding'
  /** The page holds a token against cross-site request forgery, which is for one visitor. */
  | 'csrf-token'
  /** The page holds the nonce of its Content-Security-Policy, which is for one response. */
  | 'csp-nonce'
  /**
   * It shows something of its request that its key does not have: a User-Agent, which is there by its class, a trace id, or an input of
   * `observe.ignore`.
   */
  | 'request-shown'
  /** Its code ran in the async context of another request, so that what it was made from is not known. */
  | 'context'
  /** The promise of a fragment was written into it instead of being awaited. */
  | 'promise'
  /** draft.noStore(reason) was called. */
  | 'draft'
  /** The request said no-store (RFC 9111 §5.2.1.5). */
  | 'request-no-store'
  /** Larger than `memory.maxEntrySize`. */
  | 'too-large'
  /** Copies of bodies under way together came to `memory.maxSize`, and its own had stood still for the longest time. */
  | 'crowded'
  /** The body ended before the declared length, or the handler destroyed the response. */
  | 'incomplete'
  /** Something it depends on was invalidated after its making had started. */
  | 'invalidated'
  /** The application changed the request's method (method override). */
  | 'method-changed'
  /** route(false) was met, or the cache was closed, while it was made. */
  | 'off'
  /** The cache itself failed; an error event tells how. */
  | 'error'

/** In what something that was made anew differs from what is stored. */
export type AuditDifference =
  | 'status'
  /** Content-Type, Content-Encoding, Content-Language, Location or Link. */
  | 'fields'
  | 'body'
  /** It would not be stored now. */
  | 'uncacheable'

/** Why a response was made anew in the background. */
export type RefreshReason =
  /** Its time was over, and it was served in its stale-while-revalidate window. */
  | 'stale-while-revalidate'
  /** It was invalidated softly. */
  | 'soft'

/** Why a fragment was shown as it is, or why its body ran. */
export type FragmentReason =
  /** It is stored, and its version is the one asked for. */
  | 'fresh'
  /** It is stale, in its stale-while-revalidate window or softly invalidated; it is made anew in the background. */
  | 'stale-while-revalidate'
  /** Its body failed, and what is stored is in its stale-if-error window. */
  | 'stale-if-error'
  /** Another request was making it; this one waited and shares it. */
  | 'collapsed'
  /** The body ran: nothing is stored under the key. */
  | 'miss'
  /** The body ran: what is stored is of another version of its records. */
  | 'version'
  /** The body ran: its time was over. */
  | 'expired'
  /** The body ran: what was stored fell by an invalidation. */
  | 'invalidated'
  /** The body ran: what was stored gave way to newer entries. */
  | 'evicted'
  /** The body ran: Redis was not heard of for longer than `maxStaleness`. */
  | 'disconnected'
  /** The body ran: put() replaced what was stored. */
  | 'put'
  /** The body ran: `if` is false, `session` is null, the cache is closed, or `uncacheable` says why. */
  | 'off'

/** Why a fragment whose body ran was not stored. */
export type FragmentUncacheableReason =
  /** Its body read something of the visitor that its key does not have. */
  | 'reads'
  /** It was made in a request whose reads are not all known, as its page would be. */
  | 'unobserved'
  /** noStore() was called, in it or in a fragment inside, or something inside failed. */
  | 'draft'
  /** Its body ran in the async context of another request, or of one whose response has ended. */
  | 'context'
  /** It holds a token against cross-site request forgery, which is for one visitor. */
  | 'csrf-token'
  /** A promise was written into it instead of what it promised. */
  | 'promise'
  /** A page showed two texts under its key: each place shows its own, and nothing is stored under the key. */
  | 'clash'
  /** It is empty, and `skipEmpty` is set. */
  | 'empty'
  /** Something it depends on was invalidated after its page had begun. */
  | 'invalidated'
  /** Its body failed. */
  | 'failed'
  /** It is larger than `memory.maxEntrySize`. */
  | 'too-large'

/** How a run of warmers ended. */
export type WarmOutcome =
  /** Everything that was declared has had its turn. */
  | 'complete'
  /** Its signal was given, or the cache was closed. */
  | 'aborted'
  /** Its time budget was used up. */
  | 'max-duration'
  /** `warming.enabled` is off. */
  | 'off'

/** Why everything in this process was let go. */
export type ResetReason =
  /** Redis has lost what it knew, or went back to an older state; the first contact with it is one, too. */
  | 'epoch'
  /** Invalidations were missed, and Redis does not remember them any more. */
  | 'log-gap'
