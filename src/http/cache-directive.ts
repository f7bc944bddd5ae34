import { isToken } from '../values/token.ts'

/** One directive of a `Cache-Control` field as it was spelled (RFC 9111 §5.2). */
export interface Directive {
  /** In lower case. */
  readonly name: string
  /** Without its quotes; undefined when there was no `=`. */
  readonly argument: string | undefined
  /** Whether the directive, its argument included, follows the grammar. */
  readonly wellFormed: boolean
}

/**
 * The directives of a `Cache-Control` field in the order sent, one line or several, known or not.
 * Never throws, and takes time in proportion to the length of the value, whatever the value is.
 */
export function readDirectives(value: unknown): Directive[] {
  const found: Directive[] = []
  // A handler may have set a number, or an array of anything.
  for (const line of Array.isArray(value) ? value : [value]) {
    if (typeof line === 'string') readLine(line, found)
    else if (typeof line === 'number') readLine(String(line), found)
  }
  return found
}

const TAB = 0x09
const SPACE = 0x20
const QUOTE = 0x22
const COMMA = 0x2c
const EQUALS = 0x3d
const BACKSLASH = 0x5c

function readLine(line: string, found: Directive[]): void {
  // After a quote that is out of place or never closes, quotes are not looked at any more: the rest is
  // read as malformed directives, so that a stray quote can neither hide a no-store nor cost a second
  // search.
  let broken = false
  let start = 0
  while (start < line.length) {
    let end = broken ? nextComma(line, start) : endOfDirective(line, start)
    if (end < 0) {
      broken = true
      end = nextComma(line, start)
    }
    const text = line.slice(start, end).trim()
    if (text !== '') found.push(readDirective(text, broken))
    start = end + 1
  }
}

function nextComma(line: string, start: number): number {
  const comma = line.indexOf(',', start)
  return comma < 0 ? line.length : comma
}

/** The place of the comma that ends the directive, or -1 when the quotes in it are malformed. */
function endOfDirective(line: string, start: number): number {
  let equals = -1
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === COMMA) return i
    if (code === QUOTE) return equals === i - 1 && equals >= 0 ? afterQuoted(line, i) : -1
    if (code === EQUALS && equals < 0) equals = i
  }
  return line.length
}

/** The place of the comma that follows the quoted string and nothing but white space, or -1. */
function afterQuoted(line: string, quote: number): number {
  let closed = false
  for (let i = quote + 1; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (!closed) {
      if (code === QUOTE) closed = true
      else if (code === BACKSLASH) i++
    } else if (code === COMMA) {
      return i
    } else if (code !== SPACE && code !== TAB) {
      return -1
    }
  }
  return closed ? line.length : -1
}

function readDirective(text: string, broken: boolean): Directive {
  const equals = text.indexOf('=')
  const spelling = equals < 0 ? text : text.slice(0, equals)
  // `max-age =60` is malformed, and still about max-age.
  const name = spelling.trimEnd().toLowerCase()
  const named = !broken && isToken(spelling)
  if (equals < 0) return { name, argument: undefined, wellFormed: named }
  const raw = text.slice(equals + 1)
  const quoted = !broken && raw.startsWith('"')
  const argument = quoted ? unquoted(raw) : raw
  return { name, argument, wellFormed: named && (quoted || isToken(raw)) }
}

/** The text of a quoted string that is known to be whole (RFC 9110 §5.6.4). */
function unquoted(raw: string): string {
  const parts: string[] = []
  let start = 1
  for (let i = 1; i < raw.length; i++) {
    if (raw.charCodeAt(i) !== BACKSLASH) continue
    parts.push(raw.slice(start, i))
    i += 1
    start = i
  }
  parts.push(raw.slice(start, -1))
  return parts.join('')
}
