import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { formatHttpDate } from '../../src/http/http-date.ts'
import { type RangeResult, applyRange, ifRangeMatches } from '../../src/http/range.ts'

const MODIFIED = Date.UTC(2026, 0, 2, 3, 4, 5)
const NONE = { etag: undefined, lastModified: undefined }

describe('answerRange', () => {
  it('S-22: one range is one part, whose Content-Range is inclusive and whose end is not', () => {
    expect(answer('bytes=0-0', 10)).toEqual({
      kind: 'single',
      start: 0,
      end: 1,
      contentRange: 'bytes 0-0/10',
    })
    expect(answer('bytes=2-4', 10)).toMatchObject({
      start: 2,
      end: 5,
      contentRange: 'bytes 2-4/10',
    })
    expect(answer('bytes=7-', 10)).toMatchObject({ start: 7, end: 10 })
    expect(answer('bytes=0-', 10)).toMatchObject({ kind: 'single', contentRange: 'bytes 0-9/10' })
    expect(answer('bytes=8-99', 10)).toMatchObject({ start: 8, end: 10 })
    expect(answer('bytes=-3', 10)).toMatchObject({ start: 7, end: 10 })
    expect(answer('bytes=-99', 10)).toMatchObject({ start: 0, end: 10 })
    expect(answer('BYTES= 1-1 ,', 10)).toMatchObject({ start: 1, end: 2 })
  })

  it('S-22: positions past the end, and the last zero bytes, are not satisfiable', () => {
    for (const range of ['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=-0,99-']) {
      expect(answer(range, 10)).toEqual({ kind: 'unsatisfiable', contentRange: 'bytes */10' })
    }
    expect(answer('bytes=99-,0-0', 10)).toMatchObject({ kind: 'single', start: 0, end: 1 })
  })

  it('S-22: numbers beyond 2^53 lie past every end, and are never rounded into the body', () => {
    const huge = '9007199254740993'
    const endless = '9'.repeat(10_000)
    expect(answer(`bytes=0-${huge}`, 10)).toMatchObject({ start: 0, end: 10 })
    expect(answer(`bytes=3-${endless}`, 10)).toMatchObject({ start: 3, end: 10 })
    expect(answer(`bytes=-${endless}`, 10)).toMatchObject({ start: 0, end: 10 })
    for (const range of [`bytes=${huge}-`, `bytes=${endless}-`, `bytes=${huge}-${endless}`]) {
      expect(answer(range, 10)).toMatchObject({ kind: 'unsatisfiable' })
    }
    expect(answer(`bytes=${'0'.repeat(40)}2-${'0'.repeat(40)}3`, 10)).toMatchObject({
      start: 2,
      end: 4,
    })
  })

  it('S-22: what is no byte range gets the whole', () => {
    const malformed = [
      '5-2',
      '-',
      'a-b',
      '1',
      '1-2-3',
      '0x1-2',
      '-1-2',
      '1.5-2',
      '+1-2',
      '1- 2',
      '0-0;1-1',
      '',
      ',',
      '0-0,x',
    ]
    for (const range of malformed) expect(answer(`bytes=${range}`, 10)).toEqual({ kind: 'whole' })
    for (const range of ['', 'bytes', 'bytes 0-1', 'items=0-1', ' =0-1', 'bytes=0-1, bytes=2-3']) {
      expect(answer(range, 10)).toEqual({ kind: 'whole' })
    }
    expect(applyRange({}, NONE, 10, 'text/plain')).toEqual({ kind: 'whole' })
    expect(applyRange({ range: ['bytes=0-1'] }, NONE, 10, undefined)).toEqual({ kind: 'whole' })
  })

  it('S-22: an empty representation has no first byte, and is its own suffix', () => {
    expect(answer('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable', contentRange: 'bytes */0' })
    expect(answer('bytes=-5', 0)).toEqual({ kind: 'whole' })
  })

  it('S-22: more than 16 ranges get the whole, and none of a thousand is even looked at', () => {
    const apart = (count: number) =>
      `bytes=${Array.from({ length: count }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`
    expect(answer(apart(16), 100)).toMatchObject({ kind: 'multiple', parts: { length: 16 } })
    expect(answer(apart(17), 100)).toEqual({ kind: 'whole' })

    const looks = vi.spyOn(RegExp.prototype, 'exec')
    try {
      expect(answer(apart(1000), 5000)).toEqual({ kind: 'whole' })
      expect(looks).not.toHaveBeenCalled()
    } finally {
      looks.mockRestore()
    }
  })

  it('S-22: empty members of the list are no ranges', () => {
    expect(answer(`bytes=${','.repeat(5000)}0-0${', '.repeat(5000)}`, 10)).toMatchObject({
      start: 0,
      end: 1,
    })
  })

  it('S-22: several ranges that ask for more bytes than there are get the whole', () => {
    expect(answer('bytes=0-,0-', 10)).toEqual({ kind: 'whole' })
    expect(answer('bytes=0-5,3-9', 10)).toEqual({ kind: 'whole' })
    expect(answer('bytes=0-4,3-5', 10)).toMatchObject({ kind: 'single', start: 0, end: 6 })
  })

  it('S-22: overlapping and adjacent ranges become one, parts keep the order they were asked in', () => {
    expect(ranges('bytes=20-29, 0-4, 5-9', 100)).toEqual(['bytes 20-29/100', 'bytes 0-9/100'])
    expect(ranges('bytes=50-, 0-4, 8-9', 100)).toEqual([
      'bytes 50-99/100',
      'bytes 0-4/100',
      'bytes 8-9/100',
    ])
    expect(ranges('bytes=40-45, 0-0, 44-49, 0-0', 100)).toEqual([
      'bytes 40-49/100',
      'bytes 0-0/100',
    ])
  })

  it('S-22: several parts carry the type of the whole', () => {
    expect(applyRange({ range: 'bytes=0-0,5-5' }, NONE, 10, 'text/html')).toMatchObject({
      kind: 'multiple',
      partType: 'text/html',
    })
  })

  it('S-22: any Range at all gets the bytes that a byte-wise reading of it asks for', () => {
    const digit = fc.integer({ min: 0, max: 60 }).map(String)
    const spec = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(digit, digit).map(([a, b]) => `${a}-${b}`) },
      { weight: 6, arbitrary: fc.tuple(fc.nat(40), fc.nat(4)).map(([a, n]) => `${a}-${a + n}`) },
      digit.map((a) => `${a}-`),
      digit.map((a) => `-${a}`),
      fc.constantFrom('', ' ', '-0', '007-9', 'x', '1--2'),
    )
    const range = fc
      .tuple(fc.array(spec, { maxLength: 18 }), fc.constantFrom(',', ', ', ' ,\t'))
      .map(([specs, comma]) => `bytes=${specs.join(comma)}`)
    const seen = new Set<string>()
    fc.assert(
      fc.property(range, fc.nat(50), (value, length) => {
        const given = answer(value, length)
        seen.add(given.kind)
        expect(contentRanges(given)).toEqual(byteWise(value, length))
      }),
      { numRuns: 3000 },
    )
    expect(seen).toEqual(new Set(['whole', 'unsatisfiable', 'single', 'multiple']))
  })
})

describe('ifRangeMatches', () => {
  const stored = { etag: '"v1"', lastModified: MODIFIED, date: MODIFIED + 5000 }
  const asked = (value: string) => ({ range: 'bytes=0-0', 'if-range': value })

  it('C-12: without If-Range the Range counts', () => {
    expect(ifRangeMatches({ range: 'bytes=0-0' }, NONE)).toBe(true)
  })

  it('C-12: only the equal strong entity-tag lets the Range count', () => {
    expect(ifRangeMatches(asked('"v1"'), stored)).toBe(true)
    expect(ifRangeMatches(asked('"v2"'), stored)).toBe(false)
    expect(ifRangeMatches(asked('W/"v1"'), { ...stored, etag: 'W/"v1"' })).toBe(false)
    expect(ifRangeMatches(asked('"v1"'), { ...stored, etag: 'W/"v1"' })).toBe(false)
    expect(ifRangeMatches(asked('"v1", "v2"'), stored)).toBe(false)
    expect(ifRangeMatches(asked('*'), stored)).toBe(false)
    expect(ifRangeMatches(asked(''), stored)).toBe(false)
    expect(ifRangeMatches(asked('"v1"'), { ...stored, etag: undefined })).toBe(false)
  })

  it('C-12: a date must be Last-Modified exactly, not merely later', () => {
    expect(ifRangeMatches(asked(formatHttpDate(MODIFIED)), stored)).toBe(true)
    expect(ifRangeMatches(asked('Friday, 02-Jan-26 03:04:05 GMT'), stored)).toBe(true)
    expect(ifRangeMatches(asked(formatHttpDate(MODIFIED + 1000)), stored)).toBe(false)
    expect(ifRangeMatches(asked(formatHttpDate(MODIFIED - 1000)), stored)).toBe(false)
    expect(ifRangeMatches(asked('soon'), { ...stored, lastModified: undefined })).toBe(false)
  })

  it('C-12: Last-Modified is strong only when our Date is known and a second later', () => {
    const value = asked(formatHttpDate(MODIFIED))
    expect(ifRangeMatches(value, { ...stored, date: MODIFIED + 1000 })).toBe(true)
    expect(ifRangeMatches(value, { ...stored, date: MODIFIED + 999 })).toBe(false)
    expect(ifRangeMatches(value, { ...stored, date: undefined })).toBe(false)
  })

  it('C-12: where If-Range fails the whole is sent, even for a range that does not exist', () => {
    const request = { range: 'bytes=99-', 'if-range': '"v2"' }
    expect(applyRange(request, stored, 10, undefined)).toEqual({ kind: 'whole' })
    expect(applyRange({ ...request, 'if-range': '"v1"' }, stored, 10, undefined)).toMatchObject({
      kind: 'unsatisfiable',
    })
  })

  it('S-31: an If-Range that is no text lets no Range count', () => {
    expect(ifRangeMatches({ 'if-range': ['"v1"'] }, stored)).toBe(false)
  })
})

function answer(range: string, length: number): RangeResult {
  return applyRange({ range }, NONE, length, undefined)
}

function ranges(range: string, length: number): string[] {
  return contentRanges(answer(range, length))
}

/** The Content-Range of each part, or the kind of an answer without parts. */
function contentRanges(given: RangeResult): string[] {
  if (given.kind === 'single') return [given.contentRange]
  return given.kind === 'multiple' ? given.parts.map((part) => part.contentRange) : [given.kind]
}

/** Marks each byte with the first member that asks for it; the runs of marked bytes are the parts. */
function byteWise(value: string, length: number): string[] {
  const specs = value
    .replace('bytes=', '')
    .split(',')
    .map((spec) => spec.trim())
    .filter(Boolean)
  if (specs.length === 0 || specs.length > 16) return ['whole']
  const marks: (number | undefined)[] = Array.from({ length })
  let satisfiable = 0
  let bytesAsked = 0
  for (const [order, spec] of specs.entries()) {
    if (!/^(?:\d+-\d*|-\d+)$/.test(spec)) return ['whole']
    const [from = '', to = ''] = spec.split('-')
    if (from !== '' && to !== '' && Number(to) < Number(from)) return ['whole']
    const asks = (i: number) =>
      from === '' ? i >= length - Number(to) : i >= Number(from) && (to === '' || i <= Number(to))
    const asked = [...marks.keys()].filter(asks)
    for (const i of asked) marks[i] ??= order
    if (asked.length > 0 || (length === 0 && Number(to) > 0 && from === '')) satisfiable++
    bytesAsked += asked.length
  }
  if (satisfiable === 0) return ['unsatisfiable']
  if (length === 0 || (satisfiable > 1 && bytesAsked > length)) return ['whole']
  const runs: { first: number; last: number; order: number }[] = []
  for (const [i, order] of marks.entries()) {
    if (order === undefined) continue
    const run = runs.at(-1)
    if (run?.last === i - 1) Object.assign(run, { last: i, order: Math.min(run.order, order) })
    else runs.push({ first: i, last: i, order })
  }
  return runs
    .toSorted((a, b) => a.order - b.order)
    .map(({ first, last }) => `bytes ${first}-${last}/${length}`)
}
