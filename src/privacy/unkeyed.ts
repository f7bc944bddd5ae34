import { isIP } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { type HeaderFields, fieldLines, fieldValue, withoutFields } from '../http/header-fields.ts'
import { cookieValue } from '../http/normalisation.ts'
import { cookieNameOf, cookieValueOf } from '../http/set-cookie.ts'
import { type IncomingRequest, headerValue } from '../request/incoming-request.ts'

/** A value with fewer letters and digits stands in many a page by chance. */
const shortest = 8
/** What templates put in the place of one character comes to no more. */
const MAX_ESCAPE = 24
/** More is not looked at of one value, nor of the places where it may begin. */
const MAX_RUNS = 16
const MAX_PLACES = 1_000
/** Lists of addresses come from clients. */
const MAX_ADDRESSES_LENGTH = 1_024
const MAX_BODY = 16 * 1024 * 1024

/**
 * Which of these inputs does a response show? They were read, and are not in its key: what one client sends in them would stand in
 * everybody's page.
 */
export function shownIn(
  request: IncomingRequest,
  names: Iterable<string>,
  fields: HeaderFields,
  body: Buffer,
): string | undefined {
  let texts: readonly Buffer[] | undefined
  for (const name of names) {
    for (const value of valuesOf(request, name)) {
      const runs = value.match(/[A-Za-z0-9]+/g)?.slice(0, MAX_RUNS) ?? []
      const isShort = runs.join('').length < shortest
      // An address is looked for as it stands, however short: its dots and colons are not there by chance.
      if (isShort && isIP(value) === 0) continue
      texts ??= textsOf(fields, body)
      if (texts === undefined) return `${name}, perhaps: the body is coded`
      if (texts.some((text) => (isShort ? text.includes(value) : holds(text, runs)))) return name
    }
  }
  return undefined
}

/** The name of one of these cookies that a response sets and whose value it shows elsewhere, whole or in part. */
export function cookieShownIn(
  names: readonly string[],
  fields: HeaderFields,
  body: Buffer,
): string | undefined {
  if (names.length === 0) return undefined
  const lines = fieldLines(fields, 'set-cookie').filter((line) =>
    names.includes(cookieNameOf(line)),
  )
  if (lines.length === 0) return undefined
  const others = withoutFields(fields, new Set(['set-cookie']))
  const texts = textsOf(others, body)
  for (const line of lines) {
    const isShown = textsIn(cookieValueOf(line)).some((value) => {
      // A short value is one that stands there by itself: a number of a visitor, say.
      if (texts?.some((text) => holdsWord(text, value))) return true
      const runs = value.match(/[A-Za-z0-9]+/g)?.slice(0, MAX_RUNS) ?? []
      const parts = [runs, ...runs.map((run) => [run])]
      return parts.some(
        (part) => part.join('').length >= shortest && texts?.some((text) => holds(text, part)),
      )
    })
    // A body that cannot be read may show it.
    if (isShown || texts === undefined) return cookieNameOf(line)
  }
  return undefined
}

/** Does the value stand in the text with nothing around it that could belong to a longer one? */
function holdsWord(text: Buffer, value: string): boolean {
  if (value === '') return false
  let place = text.indexOf(value)
  for (let looked = 0; place >= 0 && looked < MAX_PLACES; looked++) {
    if (!isWordByte(text[place - 1]) && !isWordByte(text[place + value.length])) return true
    place = text.indexOf(value, place + 1)
  }
  return place >= 0
}

function isWordByte(byte: number | undefined): boolean {
  return byte !== undefined && /[A-Za-z0-9]/.test(String.fromCharCode(byte))
}

/** A value as it stands in a cookie, and what it may have been made from: percent coding, Base64. */
function textsIn(value: string): string[] {
  const texts = [value, Buffer.from(value, 'base64').toString('latin1')]
  try {
    const decoded = decodeURIComponent(value)
    texts.push(decoded, Buffer.from(decoded, 'base64').toString('latin1'))
  } catch {
    // It is no percent coding.
  }
  return texts
}

function valuesOf(request: IncomingRequest, name: string): string[] {
  const { headers } = request
  const value = name.startsWith('cookie:')
    ? cookieValue(headerValue(headers, 'cookie'), name.slice('cookie:'.length))
    : headerValue(headers, name)
  const values = value === undefined ? [] : [value]
  // Who ignores what proxies say of the address ignores the peer's, too.
  if (name === 'x-forwarded-for') {
    values.push(...(value?.split(',') ?? []))
    if (!/^(?:::ffff:)?127\.|^::1$/.test(request.remoteAddress)) values.push(request.remoteAddress)
  }
  return [...values, ...values.flatMap(addressesIn)]
}

/** Addresses alone, as applications show them: without a port, parameters, or the prefix of an IPv4 address in IPv6. */
function addressesIn(value: string): string[] {
  return value
    .slice(0, MAX_ADDRESSES_LENGTH)
    .split(/[\s,;="[\]]+/)
    .map((part) => part.replace(/^::ffff:(?=\d+\.)/i, '').replace(/^([\d.]+):\d+$/, '$1'))
    .filter((part) => isIP(part) !== 0)
}

/** A text with these parts in their order, however what is between them is escaped. */
function holds(text: Buffer, [first = '', ...others]: readonly string[]): boolean {
  let place = text.indexOf(first)
  for (let looked = 0; place >= 0 && looked < MAX_PLACES; looked++) {
    let end = place + first.length
    const isHere = others.every((run) => {
      const next = text.subarray(end, end + MAX_ESCAPE + run.length).indexOf(run)
      end += next + run.length
      return next >= 0
    })
    if (isHere) return true
    place = text.indexOf(first, place + 1)
  }
  return false
}

/** Undefined where the body cannot be read: it may hold anything. */
function textsOf(fields: HeaderFields, body: Buffer): readonly Buffer[] | undefined {
  try {
    return [Buffer.from(fields.join('\n')), plain(fields, body)]
  } catch {
    return undefined
  }
}

/** The body without its coding. */
function plain(fields: HeaderFields, body: Buffer): Buffer {
  const coding = fieldValue(fields, 'content-encoding')?.toLowerCase()
  const options = { maxOutputLength: MAX_BODY }
  if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(body, options)
  if (coding === 'br') return brotliDecompressSync(body, options)
  if (coding === 'deflate') return inflateSync(body, options)
  if (coding !== undefined && coding !== 'identity') throw new Error(`unknown coding ${coding}`)
  return body
}
