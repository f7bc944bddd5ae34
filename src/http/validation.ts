import etag from 'etag'
import {
  type HeaderFields,
  type RequestHeaders,
  endToEnd,
  fieldValue,
  withoutFields,
} from './header-fields.ts'
import { formatHttpDate, parseHttpDate } from './http-date.ts'
import { Scanner } from './scanner.ts'

/** What tells one representation of a resource from another (RFC 9110 §8.8). */
export interface Validators {
  readonly etag: string | undefined
  /** Milliseconds since 1970. HTTP dates know whole seconds, so fractions are not compared. */
  readonly lastModified: number | undefined
}

/** Describes the body, which a 304 has not got. Content-Location is no such field (RFC 9110 §15.4.5). */
const REPRESENTATION_METADATA: ReadonlySet<string> = new Set([
  'content-digest',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'repr-digest',
  'trailer',
  'transfer-encoding',
])

/** The same, and Last-Modified: of no use to a recipient that is told the ETag. */
const REPRESENTATION_METADATA_AND_DATE: ReadonlySet<string> = new Set([
  ...REPRESENTATION_METADATA,
  'last-modified',
])

/**
 * What the stored bytes depend upon, so that another value would misdescribe them (RFC 9111 §3.2), and
 * Set-Cookie, which speaks to one visitor.
 */
const NEVER_FRESHENED: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-range',
  'set-cookie',
  'set-cookie2',
])

const ENTITY_TAG = /^(?:W\/)?"[!#-~\x80-\xff]*"$/

/**
 * The entity-tags of an If-None-Match or If-Match, as they were sent, or `'*'`. Tags may contain commas.
 * A member that is no entity-tag (unquoted, `w/` in lower case, a space inside) is left out: it matches
 * nothing. Reads the value once, from left to right.
 */
export function parseEntityTags(value: string): readonly string[] | '*' {
  if (value.trim() === '*') return '*'
  const tags: string[] = []
  const scanner = new Scanner(value)
  while (!scanner.atEnd) {
    scanner.takeWhile(isBlank)
    const tag = entityTag(scanner)
    scanner.takeWhile(isBlank)
    if (tag !== undefined && (scanner.atEnd || scanner.next === ',')) tags.push(tag)
    scanner.takeWhile((char) => char !== ',')
    scanner.skip(',')
  }
  return tags
}

/** Both are entity-tags and name the same thing, be it only weakly (RFC 9110 §8.8.3.2). */
export function weakMatch(a: string, b: string): boolean {
  return opaque(a) === opaque(b) && ENTITY_TAG.test(a)
}

/** Both are entity-tags, equal, and neither is weak (RFC 9110 §8.8.3.2). */
export function strongMatch(a: string, b: string): boolean {
  return a === b && !a.startsWith('W/') && ENTITY_TAG.test(a)
}

/** The validators a response carries. An ETag on several lines is none, and a bad date is none. */
export function validatorsOf(fields: HeaderFields): Validators {
  return {
    etag: fieldValue(fields, 'etag')?.trim(),
    lastModified: parseHttpDate(fieldValue(fields, 'last-modified')),
  }
}

/**
 * Whether a GET or HEAD is to be answered with 304 (RFC 9110 §13.1.2, §13.1.3, §13.2.2): If-None-Match
 * decides alone when it is there, by weak comparison; otherwise If-Modified-Since does.
 *
 * Ask only where the answer would be a 200 (§13.2.1). Without Last-Modified, If-Modified-Since is not
 * met: to compare it with Date, as RFC 9111 §4.3.2 allows, would call a page not modified that was made
 * anew within the same second.
 */
export function isNotModified(request: RequestHeaders, stored: Validators): boolean {
  const noneMatch = requestValue(request, 'if-none-match')
  if (noneMatch !== undefined) {
    const tags = parseEntityTags(noneMatch)
    if (tags === '*') return true
    const own = stored.etag
    return own !== undefined && tags.some((tag) => weakMatch(tag, own))
  }
  if (stored.lastModified === undefined) return false
  const since = parseHttpDate(requestValue(request, 'if-modified-since'))
  return since !== undefined && wholeSeconds(stored.lastModified) <= since
}

/**
 * Whether the request carries a condition that only the application may judge: a failed If-Match or
 * If-Unmodified-Since is a 412 (RFC 9110 §13.2.2).
 */
export function hasOriginPrecondition(request: RequestHeaders): boolean {
  return request['if-match'] !== undefined || request['if-unmodified-since'] !== undefined
}

/** The fields of a stored response that belong on a 304 made from it (RFC 9110 §15.4.5). */
export function notModifiedFields(fields: HeaderFields): string[] {
  const tagged = fieldValue(fields, 'etag') !== undefined
  return withoutFields(fields, tagged ? REPRESENTATION_METADATA_AND_DATE : REPRESENTATION_METADATA)
}

/** The conditions with which a cache asks whether its own stored response is still right (RFC 9111 §4.3.1). */
export function conditionsOf(stored: Validators): Record<string, string> {
  const conditions: Record<string, string> = {}
  if (stored.etag !== undefined) conditions['if-none-match'] = stored.etag
  if (stored.lastModified !== undefined) {
    conditions['if-modified-since'] = formatHttpDate(stored.lastModified)
  }
  return conditions
}

/**
 * Whether a 304 that answered {@link conditionsOf} speaks of this stored response (RFC 9111 §4.3.4).
 * A 304 without validators does: one response was asked about.
 */
export function mayFreshen(stored: Validators, notModified: Validators): boolean {
  if (notModified.etag !== undefined) {
    if (stored.etag === undefined) return false
    return notModified.etag.startsWith('W/')
      ? weakMatch(notModified.etag, stored.etag)
      : notModified.etag === stored.etag
  }
  if (notModified.lastModified === undefined) return true
  return (
    stored.lastModified !== undefined &&
    wholeSeconds(stored.lastModified) === wholeSeconds(notModified.lastModified)
  )
}

/**
 * The stored fields, updated from a 304 or a HEAD response (RFC 9111 §3.2): what that brings replaces the
 * stored lines of the same name, except what the stored bytes depend upon. A stored Age goes, since the
 * response is as old as this validation (RFC 9111 §4.2.3).
 */
export function freshenFields(stored: HeaderFields, fresh: HeaderFields): string[] {
  const update = withoutFields(endToEnd(fresh), NEVER_FRESHENED)
  const replaced = new Set(['age'])
  for (let i = 0; i < update.length; i += 2) replaced.add((update[i] ?? '').toLowerCase())
  return [...withoutFields(stored, replaced), ...update]
}

/**
 * Whether a 200 to HEAD shows that the stored GET is out of date (RFC 9111 §4.3.5): it brings another
 * ETag, Last-Modified or Content-Length. Lengths are compared where both are known, and within one
 * Content-Encoding only, because compressing middleware leaves HEAD alone.
 */
export function headInvalidates(stored: HeaderFields, head: HeaderFields): boolean {
  for (const name of ['etag', 'last-modified']) {
    const now = fieldValue(head, name)?.trim()
    if (now !== undefined && now !== fieldValue(stored, name)?.trim()) return true
  }
  const length = fieldValue(head, 'content-length')
  const storedLength = fieldValue(stored, 'content-length')
  return (
    length !== undefined &&
    storedLength !== undefined &&
    fieldValue(head, 'content-encoding') === fieldValue(stored, 'content-encoding') &&
    length.trim() !== storedLength.trim()
  )
}

/** A weak entity-tag over the bytes: equal bytes have equal tags, another coding has another tag. */
export function generateEtag(body: Uint8Array): string {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return etag(bytes, { weak: true })
}

/** The value of a request field as one string; anything that is not text counts as absent. */
function requestValue(request: RequestHeaders, name: string): string | undefined {
  const value: unknown = request[name]
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.join(', ') : undefined
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}

function entityTag(scanner: Scanner): string | undefined {
  const weak = scanner.skip('W') ? 'W' : ''
  if (weak !== '' && !scanner.skip('/')) return undefined
  if (!scanner.skip('"')) return undefined
  const text = scanner.takeWhile(isTagCharacter)
  if (!scanner.skip('"')) return undefined
  return weak === '' ? `"${text}"` : `W/"${text}"`
}

/** etagc (RFC 9110 §8.8.3): visible characters but the quote, and obs-text. */
function isTagCharacter(char: string): boolean {
  return char !== '"' && ((char > ' ' && char < '\x7f') || (char >= '\x80' && char <= '\xff'))
}

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t'
}
