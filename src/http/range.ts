import type { RequestHeaders } from './header-fields.ts'
import { parseHttpDate } from './http-date.ts'
import { type Validators, strongMatch } from './validation.ts'

/** A run of bytes of a representation. */
export interface BytePart {
  /** The first byte. */
  readonly start: number
  /** One past the last byte: `body.subarray(start, end)` is the part. */
  readonly end: number
  /** The Content-Range of the part, whose last position is inclusive: `bytes 0-99/1234`. */
  readonly contentRange: string
}

/** How a request for ranges is to be answered. */
export type RangeResult =
  /** 200 with all of it: no range was asked for, or not in a way that we honour. */
  | { readonly kind: 'whole' }
  /** 416, with this Content-Range and no body. */
  | { readonly kind: 'unsatisfiable'; readonly contentRange: string }
  /** 206 with one part and its Content-Range. */
  | ({ readonly kind: 'single' } & BytePart)
  /** 206 as multipart/byteranges: see multipartBody. */
  | {
      readonly kind: 'multiple'
      readonly parts: readonly BytePart[]
      /** The Content-Type of each part: that of the representation. */
      readonly partType: string | undefined
    }

const WHOLE: RangeResult = { kind: 'whole' }

/** More ranges than any reader of PDF or video asks for. RFC 9110 §14.2 lets a server ignore more. */
const MAX_RANGES = 16
const RANGE_SPEC = /^[ \t]*(\d*)-(\d*)[ \t]*$/

/**
 * The answer to the Range and If-Range of a GET whose full answer would be a 200 (RFC 9110 §14.2).
 * Ask after {@link isNotModified}: a condition that makes a 304 goes first (§13.2.2).
 *
 * Malformed ranges, other units, more than 16 ranges, and several ranges that together ask for more bytes
 * than there are get the whole representation. Overlapping and adjacent ranges become one part; parts
 * stand in the order in which they were asked for.
 *
 * @param validators `date`, the stored Date in milliseconds, decides whether Last-Modified is strong
 * @param length of the representation in bytes
 */
export function applyRange(
  request: RequestHeaders,
  validators: Validators & { readonly date?: number | undefined },
  length: number,
  contentType: string | undefined,
): RangeResult {
  const specs = rangeSpecs(request['range'])
  if (specs === undefined || !ifRangeMatches(request, validators)) return WHOLE

  const ranges: Span[] = []
  let total = 0
  for (const spec of specs) {
    const range = resolve(spec, length)
    if (range === 'invalid') return WHOLE
    if (range === 'unsatisfiable') continue
    ranges.push(range)
    total += range.end - range.start
  }
  const [first] = ranges
  if (first === undefined) return { kind: 'unsatisfiable', contentRange: `bytes */${length}` }
  // An empty representation has a last byte that Content-Range cannot name.
  if (length === 0 || (ranges.length > 1 && total > length)) return WHOLE

  const parts = coalesce(ranges).map(({ start, end }) => ({
    start,
    end,
    contentRange: `bytes ${start}-${end - 1}/${length}`,
  }))
  const [only, second] = parts
  return only !== undefined && second === undefined
    ? { kind: 'single', ...only }
    : { kind: 'multiple', parts, partType: contentType }
}

/**
 * Whether If-Range lets the Range count (RFC 9110 §13.1.5): it is absent, or a strong entity-tag equal to
 * ours, or exactly our Last-Modified where that is strong, that is at least a second older than our Date
 * (§8.8.2.2).
 */
export function ifRangeMatches(
  request: RequestHeaders,
  validators: Validators & { readonly date?: number | undefined },
): boolean {
  const condition: unknown = request['if-range']
  if (condition === undefined) return true
  if (typeof condition !== 'string') return false
  const value = condition.trim()
  if (value.startsWith('"')) {
    return validators.etag !== undefined && strongMatch(value, validators.etag)
  }
  const { lastModified, date } = validators
  if (lastModified === undefined || date === undefined) return false
  const second = Math.floor(lastModified / 1000) * 1000
  return parseHttpDate(value) === second && date - second >= 1000
}

interface Span {
  readonly start: number
  readonly end: number
}

/** The members of a byte range set, not yet read; undefined when it is not one that we honour. */
function rangeSpecs(value: unknown): string[] | undefined {
  if (typeof value !== 'string' || value.slice(0, 6).toLowerCase() !== 'bytes=') return undefined
  const specs = value
    .slice(6)
    .split(',')
    .filter((spec) => spec.trim() !== '')
  return specs.length > 0 && specs.length <= MAX_RANGES ? specs : undefined
}

function resolve(spec: string, length: number): Span | 'unsatisfiable' | 'invalid' {
  const match = RANGE_SPEC.exec(spec)
  const first = position(match?.[1])
  const last = position(match?.[2])
  if (first === undefined) {
    if (last === undefined) return 'invalid'
    return last === 0 ? 'unsatisfiable' : { start: Math.max(0, length - last), end: length }
  }
  if (last !== undefined && last < first) return 'invalid'
  if (first >= length) return 'unsatisfiable'
  return { start: first, end: last === undefined ? length : Math.min(last + 1, length) }
}

/** Digits as a number; what a double cannot count exactly lies beyond every body. */
function position(digits: string | undefined): number | undefined {
  if (digits === undefined || digits === '') return undefined
  const value = Number(digits)
  return value > Number.MAX_SAFE_INTEGER ? Infinity : value
}

/** Overlapping and adjacent ranges as one, in the place of the one asked for first (RFC 9110 §15.3.7.2). */
function coalesce(ranges: readonly Span[]): Span[] {
  const merged: { start: number; end: number; order: number }[] = []
  const ascending = ranges
    .map((range, order) => ({ ...range, order }))
    .toSorted((a, b) => a.start - b.start)
  for (const range of ascending) {
    const previous = merged.at(-1)
    if (previous === undefined || range.start > previous.end) {
      merged.push(range)
    } else {
      previous.end = Math.max(previous.end, range.end)
      previous.order = Math.min(previous.order, range.order)
    }
  }
  return merged.toSorted((a, b) => a.order - b.order)
}
