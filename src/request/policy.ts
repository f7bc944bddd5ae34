import type { LifetimePolicy } from '../http/freshness.ts'

/** Which query parameters are part of the key; the others are hidden from the application. */
export type QueryPolicy =
  | { readonly only: readonly string[] }
  | { readonly ignore: readonly string[] }

/** A function of the framework's own request; as the type of a method it takes those of every framework. */
type OfRequest<Result> = { call(request: unknown): Result }['call']

/** What holds for one request: the options of cacheflow(), overlaid by those of route(). Nothing optional is left. */
export interface Policy extends LifetimePolicy {
  /** route(false): neither looked up nor stored. */
  readonly off: boolean
  /** The route says itself how long its responses are fresh. */
  readonly namesLifetime: boolean
  readonly tags: readonly string[]
  /** Inputs that select variants whether observed or not: header names, or `cookie:name`. */
  readonly vary: readonly string[]
  readonly key: OfRequest<string> | undefined
  readonly session: OfRequest<string | null | undefined> | undefined
  readonly query: QueryPolicy | undefined
  /** Cookies that a response may set without being kept from the store: they are not part of it. */
  readonly ignoreSetCookie: readonly string[]
  /** Refuse bodies that hold a CSRF token or a CSP nonce. */
  readonly detectSecrets: boolean
  /** The Location of a redirection after an unsafe method is invalidated, too. */
  readonly invalidateRedirect: boolean
}
