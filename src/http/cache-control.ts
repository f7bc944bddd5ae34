import type { RequestHeaders } from './header-fields.ts'

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
  /** Whether there was any directive at all, known or not. */
  readonly present: boolean
}

/** One directive as it was spelled: the name in lower case, the argument without its quotes. */
export interface Directive {
  readonly name: string
  /** Undefined when there was no `=`. */
  readonly argument: string | undefined
  /** Whether the directive, its argument included, follows the grammar of RFC 9111 §5.2. */
  readonly wellFormed: boolean
}

/** The greatest lifetime: what is longer is read as this (RFC 9111 §1.2.2). */
export const MAX_DELTA_SECONDS: number = 2 ** 31

/**
 * The directives of a `Cache-Control` field, one line or several. Never throws, and takes time in
 * proportion to the length of the value, whatever the value is.
 */
export function parseCacheControl(value: string | readonly string[] | undefined): CacheControl {
  return cacheControlOf(directives(value))
}

/**
 * The directives a request came with. `Pragma: no-cache` stands for `no-cache` when there is no
 * `Cache-Control` (RFC 9111 §5.4).
 */
export function requestCacheControl(headers: RequestHeaders): CacheControl {
  const control = headers['cache-control']
  if (control !== undefined) return parseCacheControl(control)
  const pragma = directives(headers['pragma']).filter(({ name }) => name === 'no-cache')
  return cacheControlOf(pragma)
}

/** What a list of directives says together, whatever syntax they were read from. */
export function cacheControlOf(list: readonly Directive[]): CacheControl {
  let maxAge: number | undefined
  let sMaxage: number | undefined
  let staleWhileRevalidate: number | undefined
  let staleIfError: number | undefined
  let minFresh: number | undefined
  let maxStale: number | undefined
  let noCacheFields: readonly string[] | undefined
  let privateFields: readonly string[] | undefined
  const flags = new Set<string>()

  for (const directive of list) {
    const { name, argument, wellFormed } = directive
    switch (name) {
      case 'max-age':
        maxAge = shorter(maxAge, seconds(directive) ?? 0)
        break
      case 's-maxage':
        sMaxage = shorter(sMaxage, seconds(directive) ?? 0)
        break
      case 'stale-while-revalidate':
        staleWhileRevalidate = shorter(staleWhileRevalidate, seconds(directive) ?? 0)
        break
      case 'stale-if-error':
        staleIfError = shorter(staleIfError, seconds(directive) ?? 0)
        break
      case 'max-stale':
        // A bare max-stale accepts any age (RFC 9111 §5.2.1.2).
        maxStale = shorter(maxStale, argument === undefined ? Infinity : (seconds(directive) ?? 0))
        break
      case 'min-fresh':
        minFresh ??= seconds(directive)
        break
      case 'no-cache':
        noCacheFields = widened(noCacheFields, directive)
        break
      case 'private':
        privateFields = widened(privateFields, directive)
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
      // Unknown directives are ignored (RFC 9111 §5.2.3).
    }
  }

  return {
    maxAge,
    sMaxage,
    staleWhileRevalidate,
    staleIfError,
    noStore: flags.has('no-store'),
    noCache: noCacheFields !== undefined,
    noCacheFields: noCacheFields ?? [],
    private: privateFields !== undefined,
    privateFields: privateFields ?? [],
    public: flags.has('public'),
    mustRevalidate: flags.has('must-revalidate'),
    proxyRevalidate: flags.has('proxy-revalidate'),
    mustUnderstand: flags.has('must-understand'),
    immutable: flags.has('immutable'),
    noTransform: flags.has('no-transform'),
    onlyIfCached: flags.has('only-if-cached'),
    minFresh,
    maxStale,
    present: list.length > 0,
  }
}

function directives(value: unknown): Directive[] {
  const found: Directive[] = []
  // A handler may have set a number, or an array of anything.
  for (const line of Array.isArray(value) ? value : [value]) {
    if (typeof line === 'string') readLine(line, found)
    else if (typeof line === 'number') readLine(String(line), found)
  }
  return found
}

const COMMA = 0x2c
const QUOTE = 0x22
const EQUALS = 0x3d
const BACKSLASH = 0x5c

function readLine(line: string, found: Directive[]): void {
  // Once a quoted string does not end, no later one does, and none is looked for again: what follows
  // is read as if it were unquoted and malformed, so that a stray quote cannot hide a no-store.
  let broken = false
  let start = 0
  while (start < line.length) {
    let end = broken ? nextComma(line, start) : endOfDirective(line, start)
    if (end < 0) {
      broken = true
      end = nextComma(line, start)
    }
    const directive = readDirective(line.slice(start, end), broken)
    if (directive !== undefined) found.push(directive)
    start = end + 1
  }
}

function nextComma(line: string, start: number): number {
  const comma = line.indexOf(',', start)
  return comma < 0 ? line.length : comma
}

/** The place of the comma that ends the directive, or -1 when a quoted string in it does not end. */
function endOfDirective(line: string, start: number): number {
  let quoted = false
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === QUOTE) quoted = !quoted
    else if (quoted && code === BACKSLASH) i++
    else if (!quoted && code === COMMA) return i
  }
  return quoted ? -1 : line.length
}

function readDirective(spelling: string, broken: boolean): Directive | undefined {
  const text = spelling.trim()
  if (text === '') return undefined
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  // `max-age =60` is malformed, and still about max-age.
  const known = name.trim().toLowerCase()
  if (equals < 0) return { name: known, argument: undefined, wellFormed: !broken && isToken(name) }
  const raw = text.slice(equals + 1)
  const argument = raw.charCodeAt(0) === QUOTE ? unquoted(raw) : isToken(raw) ? raw : undefined
  return {
    name: known,
    argument: argument ?? raw,
    wellFormed: !broken && argument !== undefined && isToken(name),
  }
}

/** The text of a quoted string (RFC 9110 §5.6.4), or undefined when it is not exactly one. */
function unquoted(raw: string): string | undefined {
  const parts: string[] = []
  let start = 1
  for (let i = 1; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code === QUOTE) {
      if (i !== raw.length - 1) return undefined
      parts.push(raw.slice(start, i))
      return parts.join('')
    }
    if (code === BACKSLASH) {
      parts.push(raw.slice(start, i))
      start = ++i
    }
  }
  return undefined
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

/** The fields named so far; the unqualified and the unreadable form are about the whole response. */
function widened(
  fields: readonly string[] | undefined,
  { argument, wellFormed }: Directive,
): readonly string[] {
  const named = wellFormed ? (argument ?? '').split(',').map((name) => name.trim()) : []
  const names = named.filter((name) => name !== '').map((name) => name.toLowerCase())
  if (names.length === 0 || !names.every(isToken)) return []
  if (fields === undefined) return [...new Set(names)]
  return fields.length === 0 ? fields : [...new Set([...fields, ...names])]
}

function isToken(text: string): boolean {
  if (text === '') return false
  for (let i = 0; i < text.length; i++) {
    if (!isTokenCharacter(text.charCodeAt(i))) return false
  }
  return true
}

// tchar of RFC 9110 §5.6.2.
function isTokenCharacter(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code < 0x80 && "!#$%&'*+-.^_`|~".includes(String.fromCharCode(code)))
  )
}
