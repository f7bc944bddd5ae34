import { Scanner } from './scanner.ts'
import { isTokenCharacter } from '../values/token.ts'

/** A value of a structured field (RFC 9651 §3.3), or the list in parentheses that may stand for one. */
export type BareItem =
  | { readonly type: 'integer' | 'decimal'; readonly value: number }
  /** In seconds since 1970. */
  | { readonly type: 'date'; readonly value: number }
  | { readonly type: 'string' | 'token' | 'display-string'; readonly value: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'byte-sequence'; readonly value: Uint8Array }
  | { readonly type: 'inner-list'; readonly value: readonly BareItem[] }

/**
 * A Dictionary (RFC 9651 §4.2.2), or undefined when it breaks the grammar anywhere. Parameters are
 * checked and left out; of a repeated key the last value counts, as the RFC says. Takes time in
 * proportion to the length of the value.
 */
export function parseDictionary(value: string): ReadonlyMap<string, BareItem> | undefined {
  const members = new Map<string, BareItem>()
  const whole = separated(value, (input) => {
    const key = readKey(input)
    if (key === undefined) return false
    const member = input.skip('=') ? readMember(input) : truth(input)
    if (member === undefined) return false
    members.set(key, member)
    return true
  })
  return whole ? members : undefined
}

/**
 * A List (RFC 9651 §4.2.1) as {@link parseDictionary} reads a Dictionary; undefined when it breaks
 * the grammar.
 */
export function parseList(value: string): BareItem[] | undefined {
  const members: BareItem[] = []
  const whole = separated(value, (input) => {
    const member = readMember(input)
    return member !== undefined && members.push(member) > 0
  })
  return whole ? members : undefined
}

/**
 * A List whose members are all Strings, such as `Cache-Groups` (RFC 9875); undefined when it breaks
 * the grammar or a member is anything else, since such a field is to be ignored as a whole.
 */
export function parseStringList(value: string): string[] | undefined {
  const strings: string[] = []
  for (const member of parseList(value) ?? [undefined]) {
    if (member?.type !== 'string') return undefined
    strings.push(member.value)
  }
  return strings
}

/**
 * A String (RFC 9651 §4.1.6) with its quotes. What a String cannot hold, that is control characters
 * and everything outside ASCII, is percent-encoded as UTF-8, so that no value can end its field.
 */
export function serializeString(value: string): string {
  const printable = value.replace(/[^\x20-\x7e]+/g, percentEncoded)
  return `"${printable.replace(/["\\]/g, '\\$&')}"`
}

const encoder = new TextEncoder()
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The UTF-8 bytes of the text, each as `%` and two upper-case hexadecimal digits. */
export function percentEncoded(text: string): string {
  let encoded = ''
  for (const byte of encoder.encode(text)) {
    encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** Members separated by commas, to the end of the value; false when one of them or a comma is wrong. */
function separated(value: unknown, readOne: (input: Scanner) => boolean): boolean {
  if (typeof value !== 'string') return false
  const input = new Scanner(value)
  input.takeWhile(isSpace)
  while (!input.atEnd) {
    if (!readOne(input)) return false
    input.takeWhile(isBlank)
    if (input.atEnd) return true
    if (!input.skip(',')) return false
    input.takeWhile(isBlank)
    // A comma at the end.
    if (input.atEnd) return false
  }
  return true
}

function readMember(input: Scanner): BareItem | undefined {
  const item = input.next === '(' ? readInnerList(input) : readBareItem(input)
  return item !== undefined && skipParameters(input) ? item : undefined
}

function readInnerList(input: Scanner): BareItem | undefined {
  const value: BareItem[] = []
  input.take(1)
  while (!input.atEnd) {
    input.takeWhile(isSpace)
    if (input.skip(')')) return { type: 'inner-list', value }
    const item = readBareItem(input)
    if (item === undefined || !skipParameters(input)) return undefined
    value.push(item)
    if (input.next !== ' ' && input.next !== ')') return undefined
  }
  return undefined
}

/** A key without `=` is true, and may have parameters all the same. */
function truth(input: Scanner): BareItem | undefined {
  return skipParameters(input) ? { type: 'boolean', value: true } : undefined
}

function skipParameters(input: Scanner): boolean {
  while (input.skip(';')) {
    input.takeWhile(isSpace)
    if (readKey(input) === undefined) return false
    if (input.skip('=') && readBareItem(input) === undefined) return false
  }
  return true
}

function readKey(input: Scanner): string | undefined {
  const first = input.next
  if (first !== '*' && !(first >= 'a' && first <= 'z')) return undefined
  return input.takeWhile(
    (char) => (char >= 'a' && char <= 'z') || isDigit(char) || '_-.*'.includes(char),
  )
}

function readBareItem(input: Scanner): BareItem | undefined {
  const first = input.next
  if (first === '-' || isDigit(first)) return readNumber(input)
  if (first === '"') return readString(input)
  if (first === '*' || isAlpha(first)) return readToken(input)
  if (first === '?') return readBoolean(input)
  if (first === ':') return readByteSequence(input)
  if (first === '@') return readDate(input)
  if (first === '%') return readDisplayString(input)
  return undefined
}

function readNumber(input: Scanner): BareItem | undefined {
  const sign = input.skip('-') ? -1 : 1
  const whole = input.takeWhile(isDigit)
  if (whole === '') return undefined
  if (!input.skip('.')) {
    return whole.length > 15 ? undefined : { type: 'integer', value: sign * Number(whole) }
  }
  const fraction = input.takeWhile(isDigit)
  if (whole.length > 12 || fraction.length < 1 || fraction.length > 3) return undefined
  return { type: 'decimal', value: sign * Number(`${whole}.${fraction}`) }
}

function readString(input: Scanner): BareItem | undefined {
  const parts: string[] = []
  input.take(1)
  for (;;) {
    parts.push(input.takeWhile((char) => isVisible(char) && char !== '"' && char !== '\\'))
    if (input.skip('"')) return { type: 'string', value: parts.join('') }
    if (!input.skip('\\')) return undefined
    const escaped = input.take(1)
    if (escaped !== '"' && escaped !== '\\') return undefined
    parts.push(escaped)
  }
}

function readToken(input: Scanner): BareItem {
  const isPart = (char: string): boolean =>
    char === ':' || char === '/' || isTokenCharacter(char.charCodeAt(0))
  return { type: 'token', value: input.takeWhile(isPart) }
}

function readBoolean(input: Scanner): BareItem | undefined {
  input.take(1)
  if (input.skip('1')) return { type: 'boolean', value: true }
  return input.skip('0') ? { type: 'boolean', value: false } : undefined
}

function readByteSequence(input: Scanner): BareItem | undefined {
  input.take(1)
  const digits = input.takeWhile((char) => isAlpha(char) || isDigit(char) || '+/'.includes(char))
  const padding = input.takeWhile((char) => char === '=')
  // Padding may be left out as a whole (RFC 9651 §4.2.7).
  const padded = padding.length <= 2 && (digits.length + padding.length) % 4 === 0
  const complete = padding === '' ? digits.length % 4 !== 1 : padded
  if (!complete || !input.skip(':')) return undefined
  return { type: 'byte-sequence', value: Buffer.from(digits, 'base64') }
}

function readDate(input: Scanner): BareItem | undefined {
  input.take(1)
  const number = readNumber(input)
  return number?.type === 'integer' ? { type: 'date', value: number.value } : undefined
}

function readDisplayString(input: Scanner): BareItem | undefined {
  input.take(1)
  if (!input.skip('"')) return undefined
  const bytes: number[] = []
  for (;;) {
    for (const char of input.takeWhile((c) => isVisible(c) && c !== '"' && c !== '%')) {
      bytes.push(char.charCodeAt(0))
    }
    if (input.skip('"')) break
    if (!input.skip('%')) return undefined
    const hex = input.take(2)
    if (!/^[0-9a-f]{2}$/.test(hex)) return undefined
    bytes.push(Number.parseInt(hex, 16))
  }
  try {
    return { type: 'display-string', value: utf8.decode(Uint8Array.from(bytes)) }
  } catch {
    return undefined
  }
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9'
}

function isAlpha(char: string): boolean {
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z')
}

function isSpace(char: string): boolean {
  return char === ' '
}

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t'
}

function isVisible(char: string): boolean {
  return char >= ' ' && char <= '~'
}
