import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { formatHttpDate } from '../../src/http/http-date.ts'
import {
  conditionsOf,
  freshenFields,
  generateEtag,
  hasOriginPrecondition,
  headInvalidates,
  isNotModified,
  mayFreshen,
  notModifiedFields,
  parseEntityTags,
  strongMatch,
  validatorsOf,
  weakMatch,
} from '../../src/http/validation.ts'

const MODIFIED = Date.UTC(2026, 0, 2, 3, 4, 5)
const DATE = formatHttpDate(MODIFIED)
const A_SECOND_EARLIER = formatHttpDate(MODIFIED - 1000)
const A_SECOND_LATER = formatHttpDate(MODIFIED + 1000)

const tagCharacter = fc.constantFrom(...'abW/,!#~\\*=', '\x80', '\xff')
const entityTag = fc
  .tuple(fc.constantFrom('', 'W/'), fc.string({ unit: tagCharacter, maxLength: 6 }))
  .map(([weak, text]) => `${weak}"${text}"`)

describe('parseEntityTags', () => {
  it('M-32: reads every tag of a list, whatever commas, blanks and empty members stand between', () => {
    const between = fc.constantFrom(',', ' ,', ', ', '\t,\t', ',,', ' , , ')
    fc.assert(
      fc.property(fc.array(fc.tuple(entityTag, between)), (members) => {
        const value = members.map(([tag, comma]) => tag + comma).join('')
        expect(parseEntityTags(value)).toEqual(members.map(([tag]) => tag))
      }),
    )
  })

  it('M-32: agrees with a naive reader on anything at all', () => {
    const text = fc.string({
      unit: fc.constantFrom('"', 'W/', 'w/', ',', ' ', '\t', 'a', '*', '\x7f', '\xff', 'Ā', '\\'),
      maxLength: 24,
    })
    fc.assert(
      fc.property(text, (value) => {
        expect(parseEntityTags(value)).toEqual(naiveEntityTags(value))
      }),
      { numRuns: 2000 },
    )
  })

  it('M-32: what is no entity-tag is left out, and its neighbours stay', () => {
    expect(parseEntityTags('abc, "b"')).toEqual(['"b"'])
    expect(parseEntityTags('w/"a", "b"')).toEqual(['"b"'])
    expect(parseEntityTags('"a" "b", "c"')).toEqual(['"c"'])
    expect(parseEntityTags('"with space", "c"')).toEqual(['"c"'])
    expect(parseEntityTags('*, "c"')).toEqual(['"c"'])
    expect(parseEntityTags('"open')).toEqual([])
    expect(parseEntityTags('')).toEqual([])
    expect(parseEntityTags(' * ')).toBe('*')
  })

  it('S-30: looks at each character a few times at most, however hostile the list', () => {
    for (const piece of ['"', 'W/', '"a', '"a" ', ',', ' ', '"a",', 'W/"', 'x', '" ']) {
      const value = piece.repeat(20_000 / piece.length)
      const looks = vi.spyOn(String.prototype, 'charAt')
      try {
        parseEntityTags(value)
        expect(looks.mock.calls.length).toBeGreaterThan(value.length / 2)
        expect(looks.mock.calls.length).toBeLessThan(8 * value.length)
      } finally {
        looks.mockRestore()
      }
    }
  })
})

describe('comparison of entity-tags', () => {
  // The table of RFC 9110 §8.8.3.2.
  it.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
  ])('M-32: %s and %s match strongly: %s, weakly: %s', (a, b, strong, weak) => {
    expect(strongMatch(a, b)).toBe(strong)
    expect(strongMatch(b, a)).toBe(strong)
    expect(weakMatch(a, b)).toBe(weak)
    expect(weakMatch(b, a)).toBe(weak)
  })

  it('M-32: what is no entity-tag does not even match itself', () => {
    for (const value of ['', 'abc', 'w/"a"', '"a', 'a"', '"a" ', '"a b"', 'W/', '*', '"Ā"']) {
      expect(strongMatch(value, value)).toBe(false)
      expect(weakMatch(value, value)).toBe(false)
    }
  })
})

describe('isNotModified', () => {
  const stored = { etag: '"v1"', lastModified: MODIFIED }

  it('M-32: an unconditional request is not answered with 304', () => {
    expect(isNotModified({}, stored)).toBe(false)
    expect(isNotModified({ 'if-match': '"v1"', 'if-range': '"v1"' }, stored)).toBe(false)
  })

  it('M-32: If-None-Match compares weakly, in lists, and `*` stands for any stored response', () => {
    expect(isNotModified({ 'if-none-match': '"v1"' }, stored)).toBe(true)
    expect(isNotModified({ 'if-none-match': 'W/"v1"' }, stored)).toBe(true)
    expect(isNotModified({ 'if-none-match': '"v0", "v1"' }, stored)).toBe(true)
    expect(isNotModified({ 'if-none-match': '"v0"' }, stored)).toBe(false)
    expect(isNotModified({ 'if-none-match': '*' }, stored)).toBe(true)
    expect(isNotModified({ 'if-none-match': '"v1"' }, { ...stored, etag: undefined })).toBe(false)
  })

  it('M-32: If-Modified-Since counts only without If-None-Match, even an empty or foreign one', () => {
    const since = { 'if-modified-since': DATE }
    expect(isNotModified(since, stored)).toBe(true)
    expect(isNotModified({ ...since, 'if-none-match': '"v0"' }, stored)).toBe(false)
    expect(isNotModified({ ...since, 'if-none-match': '' }, stored)).toBe(false)
    expect(
      isNotModified({ 'if-modified-since': A_SECOND_EARLIER, 'if-none-match': '"v1"' }, stored),
    ).toBe(true)
  })

  it('M-32: If-Modified-Since is met by an equal or later date, in whole seconds', () => {
    expect(isNotModified({ 'if-modified-since': A_SECOND_EARLIER }, stored)).toBe(false)
    expect(isNotModified({ 'if-modified-since': A_SECOND_LATER }, stored)).toBe(true)
    expect(
      isNotModified({ 'if-modified-since': DATE }, { ...stored, lastModified: MODIFIED + 999 }),
    ).toBe(true)
    expect(
      isNotModified({ 'if-modified-since': DATE }, { ...stored, lastModified: MODIFIED + 1000 }),
    ).toBe(false)
  })

  it('M-32: a date that is none, or no Last-Modified of ours, is no match', () => {
    for (const value of ['', 'yesterday', '0', `${DATE}, ${DATE}`, '2026-01-02T03:04:05Z']) {
      expect(isNotModified({ 'if-modified-since': value }, stored)).toBe(false)
    }
    const untold = { etag: undefined, lastModified: undefined }
    expect(isNotModified({ 'if-modified-since': A_SECOND_LATER }, untold)).toBe(false)
  })

  it('S-31: arrays are read as lists, and values that are no text are ignored', () => {
    expect(isNotModified({ 'if-none-match': ['"v0"', '"v1"'] }, stored)).toBe(true)
    const odd = { 'if-none-match': 7 } as unknown as Record<string, string>
    expect(isNotModified(odd, stored)).toBe(false)
  })
})

it('M-37: If-Match and If-Unmodified-Since are for the application to judge', () => {
  expect(hasOriginPrecondition({ 'if-match': '"a"' })).toBe(true)
  expect(hasOriginPrecondition({ 'if-unmodified-since': DATE })).toBe(true)
  expect(hasOriginPrecondition({ 'if-none-match': '"a"', 'if-range': '"a"' })).toBe(false)
})

describe('notModifiedFields', () => {
  const fields = [
    ...['Cache-Control', 'max-age=60', 'Content-Location', '/a', 'Date', DATE, 'ETag', '"v1"'],
    ...['Expires', DATE, 'Vary', 'Accept', 'Set-Thing', 'x', 'Content-Security-Policy', 'none'],
    ...['Content-Type', 'text/html', 'Content-Length', '5', 'Content-Encoding', 'gzip'],
    ...['Content-Language', 'en', 'Content-Range', 'bytes 0-1/2', 'Transfer-Encoding', 'chunked'],
    ...['Content-MD5', 'x', 'Content-Digest', 'x', 'Repr-Digest', 'x', 'Last-Modified', DATE],
  ]

  it('C-14: a 304 keeps what a 200 would have said of caching, and other fields of the application', () => {
    expect(notModifiedFields(fields)).toEqual([
      ...['Cache-Control', 'max-age=60', 'Content-Location', '/a', 'Date', DATE, 'ETag', '"v1"'],
      ...['Expires', DATE, 'Vary', 'Accept', 'Set-Thing', 'x', 'Content-Security-Policy', 'none'],
    ])
  })

  it('M-33, M-52: a 304 has no Content-Length of another body, in any case of letters', () => {
    expect(notModifiedFields(['content-length', '5', 'CONTENT-TYPE', 'a/b', 'X', 'y'])).toEqual([
      'X',
      'y',
    ])
  })

  it('C-14: Last-Modified stays where there is no ETag', () => {
    expect(notModifiedFields(['Last-Modified', DATE])).toEqual(['Last-Modified', DATE])
  })
})

describe('freshenFields', () => {
  it('M-34: a 304 replaces every line of the fields it brings and keeps the others', () => {
    const stored = [
      'ETag',
      '"a"',
      'Link',
      '1',
      'X-Kept',
      'k',
      'Link',
      '2',
      'Cache-Control',
      'max-age=1',
    ]
    const fresh = [
      'cache-control',
      'max-age=9',
      'LINK',
      '3',
      'Content-Type',
      'text/plain',
      'Link',
      '4',
    ]
    expect(freshenFields(stored, fresh)).toEqual([
      ...['ETag', '"a"', 'X-Kept', 'k'],
      ...['cache-control', 'max-age=9', 'LINK', '3', 'Content-Type', 'text/plain', 'Link', '4'],
    ])
  })

  it('M-34: what the stored bytes depend upon stays, Content-Length before all', () => {
    const stored = ['Content-Length', '5', 'Content-Encoding', 'gzip']
    const fresh = ['Content-Length', '0', 'Content-Encoding', 'br', 'Content-Range', 'bytes 0-1/9']
    expect(freshenFields(stored, fresh)).toEqual(stored)
  })

  it('M-34, M-11: fields of the connection and what Connection lists are not taken in', () => {
    const fresh = [
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Keep-Alive',
      'timeout=5',
      'X-New',
      '1',
    ]
    expect(freshenFields(['X-Hop', 'old'], fresh)).toEqual(['X-Hop', 'old', 'X-New', '1'])
  })

  it('M-7: a Set-Cookie on a 304 never reaches the store', () => {
    expect(freshenFields(['X', '1'], ['Set-Cookie', 'sid=1', 'set-cookie2', 'sid=2'])).toEqual([
      'X',
      '1',
    ])
  })

  it('M-21: the Age of the answer before the validation is gone, that of the validation counts', () => {
    expect(freshenFields(['Age', '100', 'X', '1'], [])).toEqual(['X', '1'])
    expect(freshenFields(['Age', '100'], ['Age', '2'])).toEqual(['Age', '2'])
  })
})

describe('own validation', () => {
  it('M-34: asks with the stored validators, and a 304 is recognised by them', () => {
    const stored = validatorsOf(['ETag', ' "v1" ', 'Last-Modified', DATE])
    expect(stored).toEqual({ etag: '"v1"', lastModified: MODIFIED })
    expect(conditionsOf(stored)).toEqual({ 'if-none-match': '"v1"', 'if-modified-since': DATE })
    expect(conditionsOf(validatorsOf(['ETag', '"v1"', 'Last-Modified', 'soon']))).toEqual({
      'if-none-match': '"v1"',
    })
    expect(conditionsOf(validatorsOf([]))).toEqual({})
  })

  it('M-34: a 304 with another validator freshens nothing', () => {
    const stored = validatorsOf(['ETag', '"v1"', 'Last-Modified', DATE])
    expect(mayFreshen(stored, validatorsOf(['ETag', '"v1"']))).toBe(true)
    expect(mayFreshen(stored, validatorsOf(['ETag', '"v2"', 'Last-Modified', DATE]))).toBe(false)
    expect(mayFreshen(stored, validatorsOf(['ETag', 'W/"v1"']))).toBe(true)
    expect(mayFreshen(stored, validatorsOf(['ETag', 'W/"v2"']))).toBe(false)
    expect(mayFreshen(stored, validatorsOf(['Last-Modified', DATE]))).toBe(true)
    expect(mayFreshen(stored, validatorsOf(['Last-Modified', A_SECOND_LATER]))).toBe(false)
    expect(mayFreshen(stored, validatorsOf([]))).toBe(true)
  })

  it('M-34: a strong tag does not freshen a response that has only the weak one, or none', () => {
    expect(mayFreshen(validatorsOf(['ETag', 'W/"v1"']), validatorsOf(['ETag', '"v1"']))).toBe(false)
    expect(mayFreshen(validatorsOf([]), validatorsOf(['ETag', '"v1"']))).toBe(false)
    expect(mayFreshen(validatorsOf([]), validatorsOf(['Last-Modified', DATE]))).toBe(false)
  })
})

describe('headInvalidates', () => {
  const stored = ['ETag', '"v1"', 'Last-Modified', DATE, 'Content-Length', '5']

  it('M-36: a HEAD that says the same leaves the stored GET alone', () => {
    expect(headInvalidates(stored, stored)).toBe(false)
    expect(headInvalidates(stored, ['X', 'y'])).toBe(false)
    expect(headInvalidates(stored, ['Content-Length', ' 5 '])).toBe(false)
  })

  it.each([
    ['ETag', '"v2"'],
    ['ETag', 'W/"v1"'],
    ['Last-Modified', A_SECOND_LATER],
    ['Content-Length', '6'],
  ])('M-36: a HEAD with %s: %s makes the stored GET stale', (name, value) => {
    expect(headInvalidates(stored, [name, value])).toBe(true)
  })

  it('M-36: a validator that the stored GET has not got makes it stale', () => {
    expect(headInvalidates([], ['ETag', '"v1"'])).toBe(true)
    expect(headInvalidates([], ['Last-Modified', DATE])).toBe(true)
  })

  it('M-36: lengths of different codings, or an unknown length, prove nothing', () => {
    expect(headInvalidates([...stored, 'Content-Encoding', 'gzip'], ['Content-Length', '9'])).toBe(
      false,
    )
    expect(headInvalidates(['ETag', '"v1"'], ['Content-Length', '9'])).toBe(false)
  })
})

describe('generateEtag', () => {
  it('M-35: equal bytes have one weak tag, other bytes another', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (a, b) => {
        const tag = generateEtag(a)
        expect(weakMatch(tag, tag)).toBe(true)
        expect(tag.startsWith('W/')).toBe(true)
        expect(generateEtag(b) === tag).toBe(Buffer.compare(a, b) === 0)
      }),
    )
  })

  it('M-35: is made of the bytes in view, not of the memory around them', () => {
    const memory = Buffer.from('--body--')
    expect(generateEtag(new Uint8Array(memory.buffer, memory.byteOffset + 2, 4))).toBe(
      generateEtag(Buffer.from('body')),
    )
  })
})

/** Finds each tag anew with a regular expression, and what is no tag by going to the next comma. */
function naiveEntityTags(value: string): string[] | '*' {
  if (value.trim() === '*') return '*'
  const tags: string[] = []
  let rest = value
  while (rest !== '') {
    rest = rest.replace(/^[ \t]+/, '')
    const tag = /^((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)/.exec(rest)
    if (tag !== null) {
      tags.push(tag[1] ?? '')
      rest = rest.slice(tag[0].length)
      continue
    }
    // As far as a tag was begun it is consumed, the comma in it included.
    const startedAt = /^(?:W\/)?(?:"[\x21\x23-\x7e\x80-\xff]*"?)?/.exec(rest)
    rest = rest.slice(startedAt?.[0].length ?? 0)
    const comma = rest.indexOf(',')
    rest = comma < 0 ? '' : rest.slice(comma + 1)
  }
  return tags
}
