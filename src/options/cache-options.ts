import { randomUUID } from 'node:crypto'
import type { ByteSize } from '../values/byte-size.ts'
import { type Duration, milliseconds } from '../values/duration.ts'
import type { UserAgentClass } from '../request/request-input.ts'
import type { Policy } from '../request/policy.ts'
import {
  fieldNames,
  fieldText,
  flag,
  fn,
  inputNames,
  refuseUnknown,
  text,
  wholeNumber,
} from '../values/option-check.ts'
import { userAgentClass } from '../http/normalisation.ts'
import { credentialFields, ignoredInputs } from './observe-options.ts'
import type { Surrogate } from '../http/surrogate.ts'
import { type RedisOptions, redisSettings } from './redis-options.ts'
import type { RedisClient } from '../redis/connection.ts'
import { type RouteOptions, policyOverlay, routeOptionNames } from './route-options.ts'
import { type WarmingOptions, warmSettings } from '../warming/options.ts'
import { type CacheSettings, disabled } from './cache-settings.ts'
import {
  auditSample,
  coding,
  collapseTimeout,
  fragmentSettings,
  sizesOf,
  statusOf,
  surrogatesOf,
} from './grouped-options.ts'

export interface CacheflowOptions<Native> extends RouteOptions<Native> {
  /**
   * `false` creates a cache that does nothing, for tests and development: it touches neither
   * requests nor fragments nor Redis. Default `true`.
   */
  readonly enabled?: boolean
  readonly memory?: {
    /** Bound on the bytes in this process, overhead counted. Default `'64MiB'`. */
    readonly maxSize?: ByteSize
    /** Bound on one response; larger ones pass through. Default an eighth of maxSize. */
    readonly maxEntrySize?: ByteSize
  }
  readonly fragments?: {
    /**
     * A fragment that reads an input missing in its key throws, with the stack of the read, and so
     * do two bodies under one key in a page. Otherwise such a fragment is not stored. Default:
     * NODE_ENV is `'development'`.
     */
    readonly strict?: boolean
    /**
     * Encloses each fragment in comments with its key and the time of its rendering, for
     * development. Default `false`.
     */
    readonly annotate?: boolean
  }
  /**
   * The Redis that instances share: a client of ioredis, or `{ client, namespace, ... }`. Default
   * none: the process shares nothing.
   */
  readonly redis?: RedisClient | RedisOptions
  /**
   * How `warm()` fills the cache before visitors come. Default none: it renders the pages of
   * routes, four at a time.
   */
  readonly warming?: WarmingOptions
  /**
   * Renders a sample of the hits again in the background and compares: an `audit` event reports
   * each. `sample` is the share of hits, from 0 to 1: `0.001` is one of a thousand. Default none.
   */
  readonly audit?: { readonly sample: number }
  /**
   * A trial run: everything is stored, nothing is served from the cache, and `audit` events tell
   * where a hit would have differed from the application's response. Default `false`.
   */
  readonly verify?: boolean
  /**
   * Compresses bodies of 1 KiB and more once, after they have been stored: Redis keeps them
   * compressed, and hits are sent so to clients that accept the coding. `'gzip'`, `'br'`, or
   * `'zstd'` where Node has it (22.15 and later). Default `false`.
   */
  readonly compress?: false | 'gzip' | 'br' | 'zstd'
  /** The maximum of variants of one key. Minimum 1, default 100. */
  readonly maxVariants?: number
  /**
   * Coalesces equal concurrent requests, so that they run the application once; `timeout` bounds
   * the wait. Default `{ timeout: '5s' }`.
   */
  readonly collapse?: boolean | { readonly timeout: Duration }
  /** How long requests of a key that could not be stored run side by side without waiting. Default `'2m'`. */
  readonly hitForMiss?: Duration
  /**
   * Observes which inputs of a request the application reads, and keeps a variant for each value.
   * `ignore` names headers and cookies that do not shape responses (`'x-request-id'`,
   * `'cookie:consent'`). Default `true`; `false` turns it off, and requests with cookies bypass the
   * cache.
   */
  readonly observe?: boolean | { readonly ignore: readonly string[] }
  /** Headers beside Authorization that carry credentials, such as `'x-api-key'`. Default none. */
  readonly credentials?: readonly string[]
  /**
   * Headers and cookies that are no credentials, although their names look like it:
   * `'x-token-count'`, `'cookie:session_theme'`. Default none.
   */
  readonly notCredentials?: readonly string[]
  /**
   * The secret of the hash that replaces values of cookies and unknown headers in keys; it must be
   * the same in all instances. Default: the namespace in Redis; without Redis, a random one.
   */
  readonly keySecret?: string
  /**
   * Targeted Cache-Control fields, in order of precedence (RFC 9213); the two of the default are hidden from clients.
   * Default `['Cacheflow-Cache-Control', 'Surrogate-Control']`.
   */
  readonly targetedFields?: readonly string[]
  /**
   * The CDNs in front, which get tag headers: `fastly()`, `cloudflare()`, ... Default none: tags
   * stay inside.
   */
  readonly surrogate?: Surrogate | readonly Surrogate[]
  /**
   * Obeys no-cache, max-age, min-fresh, max-stale and only-if-cached of requests. Default `false`.
   */
  readonly requestDirectives?: boolean
  /** Allows heuristic lifetimes from Last-Modified (RFC 9111 §4.2.2). Default `false`. */
  readonly heuristic?: boolean
  /** Sends Cache-Status (RFC 9211); `'debug'` adds the cache key. Default `true`. */
  readonly cacheStatus?: boolean | 'debug'
  /**
   * Sends `cacheflow-debug` and Server-Timing, and prints warnings. Default: NODE_ENV is
   * `'development'`.
   */
  readonly debug?: boolean
  /**
   * The name of the build; another build neither confirms nor serves pages of this one: with Redis
   * it is part of every key. Default none; with Redis, where NODE_ENV is `'development'`, a new one
   * at each start.
   */
  readonly build?: string
  /**
   * The Cache-Control for clients where the application sets none and the response is stored by
   * maxAge. Default `'no-cache'`; `false`: none.
   */
  readonly cacheControl?: string | false
  /** The class of a User-Agent, which replaces it in variants. Default: `'bot'` or `'human'`. */
  readonly userAgent?: UserAgentClass
  /** Milliseconds since 1970, for tests. Default `Date.now`. */
  readonly clock?: () => number
}

const names: ReadonlySet<string> = new Set([
  ...routeOptionNames,
  'enabled',
  'memory',
  'fragments',
  'redis',
  'warming',
  'audit',
  'verify',
  'compress',
  'maxVariants',
  'collapse',
  'hitForMiss',
  'observe',
  'credentials',
  'notCredentials',
  'keySecret',
  'targetedFields',
  'surrogate',
  'requestDirectives',
  'heuristic',
  'cacheStatus',
  'debug',
  'build',
  'cacheControl',
  'userAgent',
  'clock',
])

const base: Policy = {
  off: false,
  mode: 'own',
  maxAge: 60_000,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  heuristic: false,
  namesLifetime: false,
  tags: [],
  vary: [],
  key: undefined,
  session: undefined,
  query: undefined,
  ignoreSetCookie: [],
  detectSecrets: true,
  invalidateRedirect: false,
}

/** Checks and completes the options of one cache. */
export function resolveOptions<Native>(options: CacheflowOptions<Native>): CacheSettings {
  refuseUnknown(options, names, 'cacheflow()')
  const { collapse = true, observe = true, hitForMiss = '2m' } = options
  const { cacheStatus = true, cacheControl = 'no-cache' } = options
  const isDevelopment = process.env['NODE_ENV'] === 'development'
  // Yesterday's code would go on in Redis: where nobody names builds, each start is one.
  const isOwnBuild = isDevelopment && options.redis !== undefined && options.build === undefined
  const build = isOwnBuild ? `start-${randomUUID()}` : text(options.build, 'build', '')
  const heuristic = flag(options.heuristic, 'heuristic', false)
  const redis = redisSettings(options.redis)
  const harmless = new Set(inputNames(options.notCredentials, 'notCredentials', []))
  const credentials = credentialFields(options.credentials)
  const enabled = flag(options.enabled, 'enabled', true)
  const settings: CacheSettings = {
    enabled,
    policy: policyOverlay(options)({ ...base, heuristic, off: !enabled }),
    ...sizesOf(options.memory),
    ...fragmentSettings(options.fragments),
    redis,
    warming: warmSettings(options.warming),
    compress: coding(options.compress),
    auditSample: auditSample(options.audit),
    verify: flag(options.verify, 'verify', false),
    maxVariants: wholeNumber(options.maxVariants, 'maxVariants', 100),
    collapseTimeout: collapseTimeout(collapse),
    hitForMiss: milliseconds(hitForMiss, 'hitForMiss'),
    observe: observe !== false,
    ignoredInputs: new Set(ignoredInputs(observe, credentials, harmless)),
    credentials,
    harmless,
    keySecret: text(options.keySecret, 'keySecret', '') || redis?.namespace,
    targetedFields: fieldNames(options.targetedFields, 'targetedFields', [
      'Cacheflow-Cache-Control',
      'Surrogate-Control',
    ]),
    surrogates: surrogatesOf(options.surrogate),
    requestDirectives: flag(options.requestDirectives, 'requestDirectives', false),
    cacheStatus: statusOf(cacheStatus),
    debug: flag(options.debug, 'debug', isDevelopment),
    build,
    keyedBuild: options.redis === undefined ? '' : build,
    cacheControl: cacheControl === false ? false : fieldText(cacheControl, 'cacheControl'),
    userAgentClass: fn(options.userAgent, 'userAgent') ?? userAgentClass,
    clock: fn(options.clock, 'clock') ?? Date.now,
  }
  return enabled ? settings : disabled(settings)
}
