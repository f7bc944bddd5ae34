import { isToken } from '../values/token.ts'

/** Fields whose value is a list, where spaces around the commas mean nothing (RFC 9110 §5.6.1). */
const LIST_FIELDS: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-language',
  'access-control-request-headers',
  'cache-control',
  'prefer',
  'te',
])

/** More codings than any client names; a longer list counts as invalid. */
const MAX_CODINGS = 32
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** Two names of one coding (RFC 9110 §8.4.1). */
const CODING_ALIASES: ReadonlyMap<string, string> = new Map([
  ['x-gzip', 'gzip'],
  ['x-compress', 'compress'],
])

/**
 * A request field as it stands in a variant key (RFC 9111 §4.1): two values become one only if they mean
 * the same. Accept-Encoding becomes its bucket, see {@link encodingBucket}. In list fields, spaces
 * around commas and empty members go; the rest stays, because applications look at it: `negotiator` up to
 * 1.0 reads `en;q=0.5`, but not the weight of `en; q=0.5`. Every other field, `Available-Dictionary` (RFC 9842) among them, only loses
 * spaces at its ends. A field that is absent stays absent: that is not an empty one.
 *
 * User-Agent and Cookie have readings of their own: {@link userAgentClass}, {@link cookieValue}.
 *
 * @param name in any case
 */
export function normaliseField(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const field = name.toLowerCase()
  if (field === 'accept-encoding') return encodingBucket(value)
  return LIST_FIELDS.has(field) ? normaliseList(value) : trimBlank(value)
}

/**
 * The bucket of an Accept-Encoding: its codings in lower case, sorted by weight, weights written one way.
 *
 *     GZIP ;q=1.0,,br;q=0.50, identity;q=0   ->   gzip,br;q=0.5,identity;q=0
 *     gzip;q=0 | identity | gzip;q=2         ->   (empty: the identity bucket)
 *
 * Codings of equal weight keep their order: `negotiator`, and so `accepts`, `compression`, `koa-compress`
 * and `ctx.acceptsEncodings`, gives the first of them that the application has. Codings we do not know
 * stay as well, since their weights and places count. `q=0` stays only where it takes something away:
 * for `identity` and `*`, and beside a `*` that would let the coding in. `dcb` and `dcz` are codings like
 * others; which dictionary they need is told by the Vary on `Available-Dictionary`.
 *
 * A value that breaks the grammar of RFC 9110 §12.5.3 (also `q=.5`, `Q=1`, four decimals, other
 * parameters) falls into the identity bucket. An application may read more into it: whether its answer
 * may be stored there is for {@link acceptsCoding} to say.
 */
function encodingBucket(value: string): string {
  const codings = parseAcceptEncoding(value)
  if (codings === undefined) return ''
  const accepted = codings.filter(({ weight }) => weight > 0)
  const identityAlone = accepted.every(({ coding }) => coding === 'identity')
  if (identityAlone && weightOf('identity', codings) > 0) return ''

  const open = accepted.some(({ coding }) => coding === '*')
  return codings
    .filter(({ coding, weight }) => weight > 0 || open || coding === 'identity' || coding === '*')
    .toSorted((a, b) => b.weight - a.weight)
    .map(({ coding, weight }) => (weight === 1 ? coding : `${coding};q=${weight}`))
    .join(',')
}

/** Whether an Accept-Encoding, raw or normalised, lets nothing in but a body without coding. */
export function isIdentityBucket(acceptEncoding: string | undefined): boolean {
  return acceptEncoding !== undefined && encodingBucket(acceptEncoding) === ''
}

/**
 * Whether a request may be given a response with this Content-Encoding (RFC 9110 §12.5.3). What it may
 * not be given must not be stored in its bucket.
 *
 * @param acceptEncoding raw or normalised; absent accepts everything, invalid only identity
 * @param contentEncoding the field's value, of which each coding must be acceptable; absent is identity
 */
export function acceptsCoding(
  acceptEncoding: string | undefined,
  contentEncoding: string | undefined,
): boolean {
  if (acceptEncoding === undefined) return true
  const codings = parseAcceptEncoding(acceptEncoding) ?? []
  const applied = members(contentEncoding ?? '').map((coding) => coding.toLowerCase())
  if (applied.length === 0) applied.push('identity')
  return applied.every((coding) => weightOf(coding, codings) > 0)
}

/** What every browser's User-Agent begins with. */
const BROWSER = /^(?:mozilla|opera)\//i
/** No browser's User-Agent is longer. */
const MAX_BROWSER_LENGTH = 1024
const BOT_WORDS =
  /(?<!cu)bot|crawl|spider|slurp|scrap|grab|archive|fetch|feed|scan|check|valid|monitor|inspect|insight|preview|agent|headless|lighthouse|prerender|synthetic|selenium|playwright|google[ -]|https?:|www\.|\.com\b|@[a-z]|compatible;(?! ?(?:msie|konqueror))/i

/**
 * Who sent a User-Agent, as far as pages are made differently for programs. A `human` is what begins like
 * a browser, `Mozilla/` or `Opera/`, and has none of the marks of a program behind it: words such as bot,
 * crawl, spider, fetch, preview, headless; an address (`+http://`, `www.`, `@example`); or `compatible;`
 * other than in Internet Explorer and Konqueror. All else is a `bot`: curl, libraries, link previews, health
 * checks, nothing at all, and anything longer than 1024 characters.
 *
 * It leans towards `bot` because a page made for a program must not reach people; the opposite is harmless.
 */
export function userAgentClass(userAgent: string | undefined): 'bot' | 'human' {
  if (userAgent === undefined || userAgent.length > MAX_BROWSER_LENGTH) return 'bot'
  return BROWSER.test(userAgent) && !BOT_WORDS.test(userAgent) ? 'human' : 'bot'
}

/**
 * One cookie's value for a variant key: raw, as it stands between `name=` and the next `;`, quotes and
 * percent signs included. Undefined when there is none.
 *
 * Parsers disagree where the name comes twice or has odd spaces around it: `cookie` takes the first,
 * `cookies` the first without them. Then every such pair is returned whole, joined by `;`, which no plain
 * value contains, so that two requests an application can tell apart never have the same value.
 */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  const pairs: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    // Older parsers trim more than spaces and tabs from a name.
    if (equals >= 0 && pair.slice(0, equals).trim() === name) pairs.push(pair)
  }
  const [pair, second] = pairs
  if (pair === undefined) return undefined
  const plain = pair.slice(pair.search(/[^ ]/))
  return second === undefined && plain.startsWith(`${name}=`)
    ? plain.slice(name.length + 1)
    : `;${pairs.join(';')}`
}

/**
 * One string for the values that a variant was chosen by. Every part carries its length, so that different
 * names or values never make the same key, whatever delimiters they contain; absent and empty differ.
 *
 *     6:accept=9:text/html;4:dnt-;
 *     ^ ^      ^ ^         ^
 *     | name   | value     absent
 *     lengths, in UTF-16 units
 *
 * @param names in an order that the caller keeps
 * @param values one for each name
 */
export function variantKey(
  names: readonly string[],
  values: readonly (string | undefined)[],
): string {
  let key = ''
  for (const [index, name] of names.entries()) {
    const value = values[index]
    key += `${name.length}:${name}${value === undefined ? '-' : `=${value.length}:${value}`};`
  }
  return key
}

/** The names in what `variantKey` has made, each with text that is equal where its values are. */
export function* variantParts(key: string): Generator<readonly [name: string, value: string]> {
  let at = 0
  const take = (): string => {
    const colon = key.indexOf(':', at)
    const start = colon + 1
    at = colon < 0 ? key.length : start + Number(key.slice(at, colon))
    return key.slice(start, at)
  }
  while (at < key.length) {
    const name = take()
    const isThere = key[at++] === '='
    yield [name, isThere ? `=${take()}` : '-']
    // Behind the semicolon.
    at++
  }
}

interface WeightedCoding {
  readonly coding: string
  readonly weight: number
}

/** The members of an Accept-Encoding in their order; undefined when one of them is malformed. */
function parseAcceptEncoding(value: string): WeightedCoding[] | undefined {
  const list = members(value)
  if (list.length > MAX_CODINGS) return undefined
  const codings: WeightedCoding[] = []
  for (const member of list) {
    const semicolon = member.indexOf(';')
    const coding = semicolon < 0 ? member : trimBlank(member.slice(0, semicolon))
    const weight = semicolon < 0 ? '1' : WEIGHT.exec(trimBlank(member.slice(semicolon + 1)))?.[1]
    if (weight === undefined || !isToken(coding)) return undefined
    codings.push({ coding: coding.toLowerCase(), weight: Number(weight) })
  }
  return codings
}

/** The highest weight given to a coding by name, else by `*`; identity alone needs no mention. */
function weightOf(coding: string, codings: readonly WeightedCoding[]): number {
  const name = CODING_ALIASES.get(coding) ?? coding
  const named = codings.filter(
    (entry) => (CODING_ALIASES.get(entry.coding) ?? entry.coding) === name,
  )
  const matching = named.length > 0 ? named : codings.filter((entry) => entry.coding === '*')
  if (matching.length === 0) return name === 'identity' ? 1 : 0
  return Math.max(...matching.map(({ weight }) => weight))
}

/** The members of a list without quoted strings, trimmed; empty ones are left out (RFC 9110 §5.6.1). */
function members(value: string): string[] {
  return value
    .split(',')
    .map(trimBlank)
    .filter((member) => member !== '')
}

/** Drops the spaces around commas outside quoted strings, and empty members. One pass. */
function normaliseList(value: string): string {
  let list = ''
  let blanks = ''
  let afterComma = true
  let quoted = false
  for (let i = 0; i < value.length; i++) {
    const char = value.charAt(i)
    if (!quoted && isBlank(char)) {
      blanks += char
      continue
    }
    const comma = !quoted && char === ','
    if (!comma) list += afterComma ? char : blanks + char
    else if (!afterComma) list += char
    blanks = ''
    if (char === '"') quoted = !quoted
    else if (quoted && char === '\\') list += value.charAt(++i)
    afterComma = comma
  }
  return afterComma ? list.slice(0, -1) : list
}

/** Spaces and tabs, not the no-break space that `trim` would take from a latin1 value too. */
function trimBlank(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charAt(start))) start++
  while (end > start && isBlank(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t'
}
