import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import type { Policy, QueryPolicy } from '../request/policy.ts'
import type { WarmSource } from '../warming/queue.ts'
import { checkedTag } from '../invalidation/target.ts'
import { isToken } from '../values/token.ts'
import { flag, fn, inputNames, refuseUnknown, strings } from '../values/option-check.ts'
import { type DeclaredPages, type RouteWarming, declaredPages } from '../warming/route-options.ts'

/** Options for all responses, and again for those of one route, which win field by field. */
export interface RouteOptions<Native> {
  /**
   * How long a response without a lifetime of its own is fresh. With `false` such a response is not
   * stored; with `'http'` the response's headers alone decide (RFC 9111). Default `'1m'`.
   */
  readonly maxAge?: Duration | false | 'http'
  /**
   * How long a stale response may be served while it is refreshed (RFC 5861 §3). Default `false`:
   * not at all.
   */
  readonly staleWhileRevalidate?: Duration | false
  /**
   * How long a stale response may be served in place of a 500, 502, 503 or 504 (RFC 5861 §4).
   * Default `false`: not at all.
   */
  readonly staleIfError?: Duration | false
  /** Tags of every response; those of route() are added to those of cacheflow(). Default none. */
  readonly tags?: readonly string[]
  /** Request inputs that select variants, read or not: header names, or `cookie:name`. Added up. Default none. */
  readonly vary?: readonly string[]
  /** Replaces path and query in the cache key. Default: the request target as received. */
  readonly key?: (request: Native) => string
  /**
   * The group that shares the response: a name such as a role or a user id, or null for nobody.
   * Without it, a response made from credentials, a session, a user or the whole Cookie header is
   * not stored.
   */
  readonly session?: (request: Native) => string | null | undefined
  /**
   * The query parameters that are part of the key; the others are removed from the request.
   * Default: all of them.
   */
  readonly query?: QueryPolicy
  /**
   * Cookies that a response may set and be stored all the same, without them: the visitor for whom
   * it was rendered gets them, and nobody else. For cookies that are not part of the page, such as
   * those of a session that nobody reads, of analytics or of a consent banner. A response that
   * shows the value of such a cookie is not stored. Names, added up. Default none.
   */
  readonly ignoreSetCookie?: readonly string[]
  /** Does not store pages that hold a CSRF token or a CSP nonce. Default `true`. */
  readonly detectSecrets?: boolean
  /**
   * A POST, PUT, PATCH or DELETE that is answered by a redirection also invalidates the page that
   * its Location names. Default `false`: a redirection tells where to go, not what has changed.
   */
  readonly invalidateRedirect?: boolean
}

/** Options for one route, and its pages to be warmed. */
export interface RouteDeclaration<Native> extends RouteOptions<Native> {
  /**
   * The pages of the route that `warm()` renders: a list or a generator of parameters, paths or
   * URLs, or a function that gives one. With `{ pages, variants, priority }` also their variants
   * and their order. Default none.
   */
  readonly warm?: WarmSource | RouteWarming
}

export const routeOptionNames: ReadonlySet<string> = new Set([
  'maxAge',
  'staleWhileRevalidate',
  'staleIfError',
  'tags',
  'vary',
  'key',
  'session',
  'query',
  'ignoreSetCookie',
  'detectSecrets',
  'invalidateRedirect',
])
const declarationNames: ReadonlySet<string> = new Set([...routeOptionNames, 'warm'])

/** The pages that a route declares to be warmed. */
export function pagesOfRoute(options: RouteDeclaration<never> | false): DeclaredPages | undefined {
  return options === false || options.warm === undefined ? undefined : declaredPages(options.warm)
}

/** Checks the options of a route once, and gives the overlay that adds them to what holds around it. */
export function resolveRoute<Native>(
  options: RouteDeclaration<Native> | false,
): (policy: Policy) => Policy {
  if (options === false) return (policy) => ({ ...policy, off: true })
  const mend = 'Give an object of options, or false to keep the route out of the cache.'
  refuseUnknown(options, declarationNames, 'route()', mend)
  const laid = policyOverlay(options)
  const overlay = (policy: Policy): Policy => ({
    ...laid(policy),
    namesLifetime: policy.namesLifetime || options.maxAge !== undefined,
  })
  const overlaid = new WeakMap<Policy, Policy>()
  return (policy) => {
    const known = overlaid.get(policy) ?? overlay(policy)
    overlaid.set(policy, known)
    return known
  }
}

/** Checks options now, and lays them over a policy later: the nearer wins field by field, tags and vary add up. */
export function policyOverlay<Native>(options: RouteOptions<Native>): (policy: Policy) => Policy {
  const maxAge = lifetime(options.maxAge)
  const refresh = window(options.staleWhileRevalidate, 'staleWhileRevalidate')
  const error = window(options.staleIfError, 'staleIfError')
  const tags = strings(options.tags, 'tags', []).map((tag) => checkedTag(tag, 'tags'))
  const vary = inputNames(options.vary, 'vary', [])
  const ignoredCookies = cookieNames(options.ignoreSetCookie)
  const key = fn(options.key, 'key')
  const session = fn(options.session, 'session')
  const query = queryPolicy(options.query)
  const guard =
    options.detectSecrets === undefined
      ? undefined
      : flag(options.detectSecrets, 'detectSecrets', true)
  const redirect = options.invalidateRedirect
  const invalidateRedirect =
    redirect === undefined ? undefined : flag(redirect, 'invalidateRedirect', false)
  return (policy) => ({
    off: policy.off,
    heuristic: policy.heuristic,
    namesLifetime: policy.namesLifetime,
    mode: maxAge === undefined ? policy.mode : maxAge === 'http' ? 'http' : 'own',
    maxAge: maxAge === undefined || maxAge === 'http' ? policy.maxAge : maxAge,
    staleWhileRevalidate: refresh ?? policy.staleWhileRevalidate,
    staleIfError: error ?? policy.staleIfError,
    tags: [...new Set([...policy.tags, ...tags])],
    vary: [...new Set([...policy.vary, ...vary])],
    key: key ?? policy.key,
    session: session ?? policy.session,
    query: query ?? policy.query,
    ignoreSetCookie: [...new Set([...policy.ignoreSetCookie, ...ignoredCookies])],
    detectSecrets: guard ?? policy.detectSecrets,
    invalidateRedirect: invalidateRedirect ?? policy.invalidateRedirect,
  })
}

function cookieNames(given: readonly string[] | undefined): readonly string[] {
  return strings(given, 'ignoreSetCookie', []).map((name) => {
    if (isToken(name)) return name
    throw fail('ERR_CACHEFLOW_OPTION', name, 'ignoreSetCookie', {
      mend: "Give the names of cookies: ['_csrf', 'connect.sid'].",
    })
  })
}

function lifetime(given: RouteOptions<never>['maxAge']): number | false | 'http' | undefined {
  if (given === undefined || given === false || given === 'http') return given
  const length = milliseconds(given, 'maxAge', " Or 'http', or false.")
  warnOfSeconds(given, 'maxAge')
  return length
}

/** Other caches count in seconds: `maxAge: 300` is a third of a second here. */
function warnOfSeconds(given: unknown, option: string): void {
  if (typeof given !== 'number' || given <= 0 || given >= 1_000) return
  process.emitWarning(
    `${option}: ${given} is ${given} milliseconds. Write '${given}s' for seconds, or '${given}ms' where milliseconds are meant.`,
    { type: 'CacheflowWarning', code: 'milliseconds' },
  )
}

function window(given: Duration | false | undefined, option: string): number | undefined {
  if (given === undefined) return undefined
  if (given === false) return 0
  const length = milliseconds(given, option, ' Or false.')
  warnOfSeconds(given, option)
  return length
}

function queryPolicy(given: unknown): QueryPolicy | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'object' && given !== null && Object.keys(given).length === 1) {
    if ('only' in given) return { only: strings(given.only, 'query.only') }
    if ('ignore' in given) return { ignore: strings(given.ignore, 'query.ignore') }
  }
  throw fail('ERR_CACHEFLOW_OPTION', given, 'query', {
    mend: "Give { only: ['page'] } or { ignore: TRACKING_PARAMETERS }.",
  })
}
