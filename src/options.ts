import { type ByteSize, byteSize } from './byte-size.ts'
import { type Duration, milliseconds } from './duration.ts'
import { fail } from './errors.ts'
import type { UserAgentClass } from './flow/request-input.ts'
import type { Policy, QueryPolicy } from './flow/policy.ts'
import type { Settings } from './flow/settings.ts'
import { fn, flag, refuseUnknown, strings, text, wholeNumber } from './option-check.ts'
import { checkedTag } from './graph/invalidation.ts'
import { userAgentClass } from './http/normalisation.ts'
import type { Surrogate } from './http/surrogate.ts'

/** What can be said for all responses, and again for those of one route: the nearer wins, field by field. */
export interface RouteOptions<Native> {
  /**
   * How long a response is fresh that states no lifetime of its own. `false` stores nothing of that kind; `'http'` lets
   * the response's headers alone decide (RFC 9111). Default `'1m'`.
   */
  readonly maxAge?: Duration | false | 'http'
  /** How long a stale response may still be served while it is renewed (RFC 5861 §3). Default `false`: not at all. */
  readonly staleWhileRevalidate?: Duration | false
  /** How long a stale response may stand in for a 500, 502, 503 or 504 (RFC 5861 §4). Default `false`: not at all. */
  readonly staleIfError?: Duration | false
  /** Tags of every response here; those of route() are added to those of cacheflow(). Default none. */
  readonly tags?: readonly string[]
  /** Request inputs that select variants, read or not: header names, or `cookie:name`. Added up. Default none. */
  readonly vary?: readonly string[]
  /** Replaces path and query in the cache key. Default: the request target as received. */
  readonly key?: (request: Native) => string
  /**
   * Who shares the response: a name such as a role or a user id, or null for nobody. Without it, what is made from
   * credentials, a session, a user or the whole Cookie header is not stored.
   */
  readonly session?: (request: Native) => string | null | undefined
  /** The query parameters that are part of the key; the others are taken from the request. Default: all of them. */
  readonly query?: QueryPolicy
  /** Refuse pages that hold a CSRF token or a CSP nonce. Default `true`. */
  readonly guard?: boolean
}

export interface CacheflowOptions<Native> extends RouteOptions<Native> {
  readonly memory?: {
    /** Bound on the bytes in this process, overhead counted. Default `'64MiB'`. */
    readonly maxSize?: ByteSize
    /** Bound on one response; larger ones pass through. Default an eighth of maxSize. */
    readonly maxEntrySize?: ByteSize
  }
  /** How many variants of one key are kept. Minimum 1, default 100. */
  readonly maxVariants?: number
  /** Equal requests at one time run the application once; `timeout` bounds the wait. Default `{ timeout: '5s' }`. */
  readonly collapse?: boolean | { readonly timeout: Duration }
  /** How long requests of a key that could not be stored run side by side without waiting. Default `'2m'`. */
  readonly hitForMiss?: Duration
  /**
   * Observe what the application reads of a request, and keep a variant for each value. `ignore` names inputs that do
   * not shape responses (`'x-request-id'`, `'cookie:theme'`, `'session'`, `'headers'`). Default `true`; `false` turns
   * it off, and requests with cookies pass by.
   */
  readonly observe?: boolean | { readonly ignore: readonly string[] }
  /** Headers beside Authorization that carry credentials, such as `'x-api-key'`. Default none. */
  readonly credentials?: readonly string[]
  /**
   * Targeted Cache-Control fields, in order of precedence (RFC 9213); the two of the default are hidden from clients.
   * Default `['Cacheflow-Cache-Control', 'Surrogate-Control']`.
   */
  readonly targets?: readonly string[]
  /** The CDNs in front, which then get tag headers: `fastly()`, `cloudflare()`, ... Default none: tags stay inside. */
  readonly surrogate?: Surrogate | readonly Surrogate[]
  /** Honour no-cache, max-age, min-fresh, max-stale and only-if-cached of requests. Default `false`. */
  readonly requestDirectives?: boolean
  /** Allow heuristic lifetimes from Last-Modified (RFC 9111 §4.2.2). Default `false`. */
  readonly heuristic?: boolean
  /** Send Cache-Status (RFC 9211); `'debug'` shows the cache key in it. Default `true`. */
  readonly cacheStatus?: boolean | 'debug'
  /** Send `cacheflow-why` and Server-Timing, and print warnings. Default: NODE_ENV is `'development'`. */
  readonly why?: boolean
  /** Names the build; another build never confirms what this one made. Default none. */
  readonly build?: string
  /** Cache-Control where the application says nothing and we store by maxAge. Default `'no-cache'`; `false`: none. */
  readonly cacheControl?: string | false
  /** The class of a User-Agent, which stands for it in variants. Default: `'bot'` or `'human'`. */
  readonly userAgent?: UserAgentClass
  /** Milliseconds since 1970, for tests. Default `Date.now`. */
  readonly clock?: () => number
}

const routeNames: ReadonlySet<string> = new Set([
  'maxAge',
  'staleWhileRevalidate',
  'staleIfError',
  'tags',
  'vary',
  'key',
  'session',
  'query',
  'guard',
])
const names: ReadonlySet<string> = new Set([
  ...routeNames,
  'memory',
  'maxVariants',
  'collapse',
  'hitForMiss',
  'observe',
  'credentials',
  'targets',
  'surrogate',
  'requestDirectives',
  'heuristic',
  'cacheStatus',
  'why',
  'build',
  'cacheControl',
  'userAgent',
  'clock',
])

const defaultMaxSize = 64 * 1024 * 1024
const minute = 60_000

/** Checks and completes the options of one cache. */
export function resolveOptions<Native>(options: CacheflowOptions<Native>): Settings<Native> {
  refuseUnknown(options, names, 'cacheflow()')
  const maxSize = byteSize(options.memory?.maxSize ?? defaultMaxSize, 'memory.maxSize')
  const collapse = options.collapse ?? true
  const observe = options.observe ?? true
  const base: Policy<Native> = {
    off: false,
    mode: 'own',
    maxAge: minute,
    staleWhileRevalidate: 0,
    staleIfError: 0,
    heuristic: flag(options.heuristic, 'heuristic', false),
    tags: [],
    vary: [],
    key: undefined,
    session: undefined,
    query: undefined,
    guard: true,
  }
  return {
    policy: overlaid(base, options),
    maxSize,
    maxEntrySize: byteSize(
      options.memory?.maxEntrySize ?? Math.floor(maxSize / 8),
      'memory.maxEntrySize',
    ),
    maxVariants: wholeNumber(options.maxVariants ?? 100, 'maxVariants'),
    collapseTimeout:
      typeof collapse === 'object'
        ? milliseconds(collapse.timeout, 'collapse.timeout')
        : flag(collapse, 'collapse', true) && 5_000,
    hitForMiss: milliseconds(options.hitForMiss ?? 2 * minute, 'hitForMiss'),
    observe: typeof observe === 'object' || flag(observe, 'observe', true),
    ignoredInputs: new Set(
      typeof observe === 'object' ? strings(observe.ignore, 'observe.ignore').map(inputName) : [],
    ),
    credentials: new Set([
      'authorization',
      'proxy-authorization',
      ...strings(options.credentials ?? [], 'credentials').map((name) => name.toLowerCase()),
    ]),
    targets: strings(
      options.targets ?? ['Cacheflow-Cache-Control', 'Surrogate-Control'],
      'targets',
    ),
    surrogates: surrogatesOf(options.surrogate),
    requestDirectives: flag(options.requestDirectives, 'requestDirectives', false),
    cacheStatus:
      options.cacheStatus === 'debug' ? 'debug' : flag(options.cacheStatus, 'cacheStatus', true),
    why: flag(options.why, 'why', process.env['NODE_ENV'] === 'development'),
    build: text(options.build ?? '', 'build'),
    cacheControl:
      options.cacheControl === false
        ? false
        : text(options.cacheControl ?? 'no-cache', 'cacheControl'),
    userAgentClass: fn(options.userAgent, 'userAgent') ?? userAgentClass,
    clock: fn(options.clock, 'clock') ?? Date.now,
  }
}

/** Checks the options of a route once, and gives the overlay that adds them to what holds around it. */
export function resolveRoute<Native>(
  options: RouteOptions<Native> | false,
): (policy: Policy<Native>) => Policy<Native> {
  if (options === false) return (policy) => ({ ...policy, off: true })
  if (typeof options !== 'object' || options === null) {
    throw fail('ERR_CACHEFLOW_OPTION', options, 'route()', {
      mend: 'Give an object of options, or false to keep the route out of the cache.',
    })
  }
  refuseUnknown(options, routeNames, 'route()')
  const overlays = new WeakMap<Policy<Native>, Policy<Native>>()
  const overlay = (policy: Policy<Native>): Policy<Native> => {
    const known = overlays.get(policy) ?? overlaid(policy, options)
    overlays.set(policy, known)
    return known
  }
  // A wrong option is told where it is written, not at the first request.
  overlaid(unset as Policy<Native>, options)
  return overlay
}

const unset: Policy<never> = {
  off: false,
  mode: 'own',
  maxAge: false,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  heuristic: false,
  tags: [],
  vary: [],
  key: undefined,
  session: undefined,
  query: undefined,
  guard: true,
}

function overlaid<Native>(policy: Policy<Native>, options: RouteOptions<Native>): Policy<Native> {
  const { maxAge, tags = [], vary = [] } = options
  return {
    off: policy.off,
    heuristic: policy.heuristic,
    mode: maxAge === undefined ? policy.mode : maxAge === 'http' ? 'http' : 'own',
    maxAge:
      maxAge === undefined || maxAge === 'http' ? policy.maxAge : length(maxAge, 'maxAge', false),
    staleWhileRevalidate:
      length(options.staleWhileRevalidate, 'staleWhileRevalidate', 0) ??
      policy.staleWhileRevalidate,
    staleIfError: length(options.staleIfError, 'staleIfError', 0) ?? policy.staleIfError,
    tags: [
      ...new Set([...policy.tags, ...strings(tags, 'tags').map((t) => checkedTag(t, 'tags'))]),
    ],
    vary: [...new Set([...policy.vary, ...strings(vary, 'vary').map(inputName)])],
    key: fn(options.key, 'key') ?? policy.key,
    session: fn(options.session, 'session') ?? policy.session,
    query: options.query === undefined ? policy.query : queryPolicy(options.query),
    guard: flag(options.guard, 'guard', policy.guard),
  }
}

function length<Off>(given: Duration | false, option: string, off: Off): number | Off
function length<Off>(
  given: Duration | false | undefined,
  option: string,
  off: Off,
): number | Off | undefined
function length<Off>(
  given: Duration | false | undefined,
  option: string,
  off: Off,
): number | Off | undefined {
  if (given === undefined) return undefined
  return given === false ? off : milliseconds(given, option)
}

function queryPolicy(given: unknown): QueryPolicy {
  if (typeof given === 'object' && given !== null && Object.keys(given).length === 1) {
    if ('only' in given) return { only: strings(given.only, 'query.only') }
    if ('ignore' in given) return { ignore: strings(given.ignore, 'query.ignore') }
  }
  throw fail('ERR_CACHEFLOW_OPTION', given, 'query', {
    mend: "Give { only: ['page'] } or { ignore: TRACKING_PARAMETERS }.",
  })
}

function surrogatesOf(given: Surrogate | readonly Surrogate[] | undefined): readonly Surrogate[] {
  const list: readonly unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given]
  return list.map((surrogate) => {
    if (isSurrogate(surrogate)) return surrogate
    throw fail('ERR_CACHEFLOW_OPTION', surrogate, 'surrogate', {
      mend: 'Give fastly(), cloudflare(), cloudfront(), akamai(), bunny(), xkey(), cacheGroups() or an object of that shape.',
    })
  })
}

function isSurrogate(given: unknown): given is Surrogate {
  return (
    typeof given === 'object' &&
    given !== null &&
    'header' in given &&
    typeof given.header === 'string' &&
    'encode' in given &&
    typeof given.encode === 'function'
  )
}

/** Header names compare without case; cookie names do not. */
function inputName(name: string): string {
  return name.startsWith('cookie:') ? name : name.toLowerCase()
}
