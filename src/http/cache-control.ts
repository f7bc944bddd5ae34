import { type Directive, readDirectives } from './cache-directive.ts'
import type { RequestHeaders } from './header-fields.ts'
import { lifetimeIn, restrictionsIn } from './restriction.ts'
import { isToken } from '../values/token.ts'

/**
 * The directives of a `Cache-Control` field (RFC 9111 §5.2, RFC 5861, RFC 8246), all times in seconds.
 *
 * Where a field is malformed it is read in the direction that stores less and keeps it shorter: what
 * restricts counts even when it is misspelled, what permits only when it is spelled correctly.
 */
export interface CacheControl {
  /**
   * Undefined when absent. 0, that is stale, when it is negative, fractional, empty or no number, or when
   * a repetition is shorter than the first. At most 2^31.
   */
  readonly maxAge: number | undefined
  /** As {@link maxAge}, for shared caches. */
  readonly sMaxage: number | undefined
  /** How long after it became stale a response may be served while it is renewed. Invalid: 0. */
  readonly staleWhileRevalidate: number | undefined
  /** How long after it became stale a response may stand in for an error. Invalid: 0. */
  readonly staleIfError: number | undefined
  readonly noStore: boolean
  /** True for `no-cache` and for `no-cache="field"`. */
  readonly noCache: boolean
  /** The fields of `no-cache="..."`, in lower case; empty when the whole response is meant. */
  readonly noCacheFields: readonly string[]
  /** True for `private` and for `private="field"`. */
  readonly private: boolean
  /** The fields of `private="..."`, in lower case; empty when the whole response is meant. */
  readonly privateFields: readonly string[]
  readonly public: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly immutable: boolean
  readonly noTransform: boolean
  readonly onlyIfCached: boolean
  /** Of a request: how much longer the response must stay fresh. Invalid values are ignored. */
  readonly minFresh: number | undefined
  /** Of a request: how stale the response may be; Infinity for a bare `max-stale`. Invalid: 0. */
  readonly maxStale: number | undefined
  /** The shortest lifetime in what could not be read: it grants none, and no lifetime by default may be longer. */
  readonly ceiling: number | undefined
  /** Whether there was any directive at all, known or not. */
  readonly present: boolean
}

/** The greatest lifetime: what is longer is read as this (RFC 9111 §1.2.2). */
const MAX_DELTA_SECONDS = 2 ** 31

/**
 * The directives of a `Cache-Control` field, one line or several. Never throws, and takes time in
 * proportion to the length of the value, whatever the value is.
 */
export function parseCacheControl(value: string | readonly string[] | undefined): CacheControl {
  return cacheControlOf(readDirectives(value))
}

/**
 * The directives a request came with. `Pragma: no-cache` stands for `no-cache` when there is no
 * `Cache-Control` (RFC 9111 §5.4).
 */
export function requestCacheControl(headers: RequestHeaders): CacheControl {
  const control = headers['cache-control']
  if (control !== undefined) return parseCacheControl(control)
  const pragma = readDirectives(headers['pragma']).filter(({ name }) => name === 'no-cache')
  return cacheControlOf(pragma)
}

/** What a list of directives says together, whatever syntax they were read from. */
export function cacheControlOf(list: readonly Directive[]): CacheControl {
  const times = new Map<string, number>()
  const flags = new Set<string>()
  const noCache = new Scope()
  const privacy = new Scope()
  let ceiling: number | undefined
  // What is misspelled counts where it restricts (S-31).
  const misread = (text: string): void => {
    for (const { name } of restrictionsIn(text)) {
      if (name === 'no-cache') noCache.addWhole()
      else if (name === 'private') privacy.addWhole()
      else flags.add(name)
    }
  }
  const bound = (text: string): void => {
    const lifetime = lifetimeIn(text)
    if (lifetime !== undefined) ceiling = Math.min(ceiling ?? Infinity, lifetime)
  }

  for (const directive of list) {
    const { name, argument, wellFormed } = directive
    switch (name) {
      case 'max-age':
      case 's-maxage':
      case 'stale-while-revalidate':
      case 'stale-if-error':
        if (wellFormed && seconds(directive) === undefined) misread(argument ?? '')
        times.set(name, shorter(times.get(name), seconds(directive) ?? 0))
        break
      case 'max-stale': {
        // A bare max-stale accepts any age (RFC 9111 §5.2.1.2).
        const bare = wellFormed && argument === undefined
        times.set(name, shorter(times.get(name), bare ? Infinity : (seconds(directive) ?? 0)))
        break
      }
      case 'min-fresh': {
        const value = seconds(directive)
        if (value !== undefined && !times.has(name)) times.set(name, value)
        break
      }
      case 'no-cache':
        noCache.add(directive)
        break
      case 'private':
        privacy.add(directive)
        break
      // These two permit storing what would not be stored without them.
      case 'public':
      case 'must-understand':
        if (wellFormed && argument === undefined) flags.add(name)
        break
      case 'no-store':
      case 'must-revalidate':
      case 'proxy-revalidate':
      case 'immutable':
      case 'no-transform':
      case 'only-if-cached':
        flags.add(name)
        break
      default:
        // Unknown directives are ignored (RFC 9111 §5.2.3), unless they are known ones in disguise.
        misread(name)
        if (!wellFormed || name.includes('max')) bound(`${name}=${argument ?? ''}`)
    }
    if (!wellFormed && argument !== undefined) misread(argument)
  }

  return {
    maxAge: times.get('max-age'),
    sMaxage: times.get('s-maxage'),
    staleWhileRevalidate: times.get('stale-while-revalidate'),
    staleIfError: times.get('stale-if-error'),
    noStore: flags.has('no-store'),
    noCache: noCache.stated,
    noCacheFields: noCache.fields,
    private: privacy.stated,
    privateFields: privacy.fields,
    public: flags.has('public'),
    mustRevalidate: flags.has('must-revalidate'),
    proxyRevalidate: flags.has('proxy-revalidate'),
    mustUnderstand: flags.has('must-understand'),
    immutable: flags.has('immutable'),
    noTransform: flags.has('no-transform'),
    onlyIfCached: flags.has('only-if-cached'),
    minFresh: times.get('min-fresh'),
    maxStale: times.get('max-stale'),
    ceiling,
    present: list.length > 0,
  }
}

/** delta-seconds (RFC 9111 §1.2.2): digits and nothing else, in a token or, leniently, in quotes. */
function seconds({ argument, wellFormed }: Directive): number | undefined {
  if (!wellFormed || argument === undefined || argument === '') return undefined
  let value = 0
  for (let i = 0; i < argument.length; i++) {
    const digit = argument.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = Math.min(value * 10 + digit, MAX_DELTA_SECONDS)
  }
  return value
}

/** The first value, or stale when another is shorter (RFC 9111 §4.2.1). */
function shorter(first: number | undefined, next: number): number {
  return first === undefined || next >= first ? (first ?? next) : 0
}

/**
 * What `no-cache` or `private` applies to. The unqualified form, and one that cannot be read, is about
 * the whole response, whatever fields another repetition names.
 */
class Scope {
  #stated = false
  #whole = false
  readonly #names = new Set<string>()

  add({ argument, wellFormed }: Directive): void {
    this.#stated = true
    const listed = wellFormed ? (argument ?? '').split(',') : []
    const names = listed.map((name) => name.trim().toLowerCase()).filter((name) => name !== '')
    if (names.length === 0 || !names.every(isToken)) this.#whole = true
    for (const name of names) this.#names.add(name)
  }

  addWhole(): void {
    this.#stated = true
    this.#whole = true
  }

  get stated(): boolean {
    return this.#stated
  }

  get fields(): readonly string[] {
    return this.#whole ? [] : [...this.#names]
  }
}
