import type { HeaderFields } from './header-fields.ts'
import { type Timeline, currentAge } from './freshness.ts'
import { type Validators, headInvalidates } from './validation.ts'

/** `unanswered`: nobody set a status or a body, and the framework answers with 404 by itself. */
export type BodyForm = 'bytes' | 'text' | 'json' | 'none' | 'null' | 'unanswered'

/** The body of a stored response in a content coding (RFC 9110 §8.4): made once, and sent to whoever accepts it. */
export interface CodedBody {
  readonly coding: 'gzip' | 'br' | 'zstd'
  readonly body: Buffer
}

/** A stored response (RFC 9111 §1.2): immutable but for its timeline, which a soft invalidation shortens, and for what is compressed behind it. */
export interface StoredResponse {
  readonly kind: 'response'
  /** Its cache key before variants: the one that events and invalidations name. */
  readonly primaryKey: string
  /** The key it rests under, variant included. */
  readonly key: string
  readonly status: number
  readonly statusMessage: string | undefined
  /** End-to-end header fields, Date and ETag included, Age left out. */
  readonly fields: HeaderFields
  /** Its Cache-Control is one of ours, which gives way to whatever layers outside of the cache say. */
  readonly isControlOurs: boolean
  /** Fields of which layers outside of the cache had lines too, which stay before the stored ones, in lower case. */
  readonly added: readonly string[]
  /** Fields of layers outside of the cache that the application took away, in lower case. */
  readonly removed: readonly string[]
  /** The bytes; never changed, so that they can be sent again and again without a copy. */
  readonly body: Buffer
  /** As what the framework held the body, so that middleware outside of the cache finds the same on a hit. */
  readonly form: BodyForm
  /** The same, compressed, where that has been done. */
  coded?: CodedBody | undefined
  readonly validators: Validators
  /**
   * The end-to-end fields as the application made them, where a validator is among them: what it may confirm with a 304.
   * Those that rest in `fields` have ours beside them, which say nothing of what the application wants.
   */
  readonly confirmable: HeaderFields | undefined
  timeline: Timeline
  readonly mayServeStale: boolean
  readonly noCache: boolean
  readonly servesAuthorized: boolean
  /** Made for a request with credentials: the answer to one without them says nothing of it. */
  readonly wasAuthorized: boolean
  /** Made for one audience of session(): never refreshed in the background, where the audience is unknown. */
  readonly group: string | undefined
  /** The sequence number as of which it is valid: that at which its making started, or a later one as of which Redis found it so. */
  readonly startSequence: number
  /** The sequence number at which its making started. */
  readonly startedAt: number
  /** As of when this process knows it to be valid, milliseconds of a clock that only goes forward. */
  readonly verifiedAt: number
  /** Every dependency it was made from, flattened. */
  readonly dependencies: readonly string[]
  readonly tags: readonly string[]
  /** The matched route pattern, such as `/posts/:id`. */
  readonly route: string | undefined
  /** The names of the request inputs that select this variant. */
  readonly inputs: readonly string[]
  /** This variant has been served from memory at least once. */
  isUsed?: boolean
}

export type Judgement =
  /** Use it. */
  | 'fresh'
  /** Use it and refresh it in the background. */
  | 'refresh'
  /** Validate it, or make it anew. */
  | 'stale'
  /** Of no use any more. */
  | 'dead'

export function freshnessOf(stored: StoredResponse, now: number): Judgement {
  const { timeline } = stored
  if (now < timeline.staleAt && !stored.noCache) return 'fresh'
  if (now < timeline.revalidateUntil && stored.mayServeStale) return 'refresh'
  return now < timeline.deleteAt ? 'stale' : 'dead'
}

/** The statuses for which a stale response may stand in (RFC 5861 §4). */
export function isFailure(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504
}

/** Does the head of a 200 to HEAD speak of another representation than the stored one (RFC 9111 §4.3.5)? */
export function differs(stored: StoredResponse, head: HeaderFields): boolean {
  const length = ['Content-Length', String(stored.body.byteLength)]
  return headInvalidates([...stored.fields, ...length], head)
}

/** May it stand in for a failed application (RFC 5861 §4)? */
export function mayReplaceError(stored: StoredResponse, now: number): boolean {
  return stored.mayServeStale && now < stored.timeline.errorUntil
}

/** Do a request's min-fresh, max-age and max-stale accept this response (RFC 9111 §5.2.1)? */
export function acceptedBy(
  wish: { minFresh: number | undefined; maxAge: number | undefined; maxStale: number | undefined },
  stored: StoredResponse,
  now: number,
): boolean {
  const { maxAge, minFresh, maxStale } = wish
  const left = (stored.timeline.staleAt - now) / 1000
  if (maxAge !== undefined && currentAge(stored.timeline, now) > maxAge) return false
  if (minFresh !== undefined && left < minFresh) return false
  if (left > 0) return true
  // Who says nothing of freshness takes something stale where the response itself allows it.
  if (maxStale === undefined) return maxAge === undefined && minFresh === undefined
  return stored.mayServeStale && -left <= maxStale
}
