import { isToken } from './token.ts'

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

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c

function readLine(line: string, found: Directive[]): void {
  // Once a quoted string does not end, quotes are not looked at any more: what follows is read as
  // malformed directives, so that a stray quote can neither hide a no-store nor cost a second search.
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

function readDirective(text: string, broken: boolean): Directive {
  const equals = text.indexOf('=')
  const spelling = equals < 0 ? text : text.slice(0, equals)
  // `max-age =60` is malformed, and still about max-age.
  const name = spelling.trimEnd().toLowerCase()
  const named = !broken && isToken(spelling)
  if (equals < 0) return { name, argument: undefined, wellFormed: named }
  const raw = text.slice(equals + 1)
  const argument = raw.charCodeAt(0) === QUOTE ? unquoted(raw) : isToken(raw) ? raw : undefined
  return { name, argument: argument ?? raw, wellFormed: named && argument !== undefined }
}

/** The text of a quoted string (RFC 9110 §5.6.4), or undefined when there is more or less than one. */
function unquoted(raw: string): string | undefined {
  const parts: string[] = []
  let start = 1
  for (let i = 1; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code === QUOTE) {
      parts.push(raw.slice(start, i))
      return i === raw.length - 1 ? parts.join('') : undefined
    }
    if (code === BACKSLASH) {
      parts.push(raw.slice(start, i))
      i += 1
      start = i
    }
  }
  return undefined
}
