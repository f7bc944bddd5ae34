import { parse } from 'node:querystring'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TRACKING_PARAMETERS, withParameters } from '../../src/http/query.ts'

const ignoring =
  (...names: string[]) =>
  (name: string) =>
    !names.includes(name)

describe('withParameters', () => {
  it('M-14: leaves a target as it is when nothing is dropped', () => {
    for (const target of ['/', '/?', '/a?b=1&&c', '/a?=x&b&c==', '/?a=%zz&%', '/a??b=1?', '*']) {
      expect(withParameters(target, () => true)).toBe(target)
    }
  })

  it('M-14: drops parameters by their decoded names, and keeps order and spelling of the rest', () => {
    const target = '/a?b=2&utm_id=1&%75tm%5fid=3&a=1&utm%5Fid&c=%41+%2B'
    expect(withParameters(target, ignoring('utm_id'))).toBe('/a?b=2&a=1&c=%41+%2B')
    expect(withParameters('/a?x+y=1&x%20y=2&b', ignoring('x y'))).toBe('/a?b')
  })

  it('M-14: drops the question mark with the last parameter', () => {
    expect(withParameters('/a?utm_id=1', ignoring('utm_id'))).toBe('/a')
    expect(withParameters('/a?utm_id=1&utm_id', ignoring('utm_id'))).toBe('/a')
  })

  it('S-8: a name hides in nothing but its own parameter', () => {
    const keep = ignoring('utm_id')
    for (const target of [
      '/?a=1;utm_id=2',
      '/?a=utm_id=2',
      '/?UTM_ID=2',
      '/?utm_id%00=2',
      '/?utm_id[]=2',
      '/?utm_id%zz=2',
      '/?%2575tm_id=2',
      '/utm_id=2',
      '/?a=1%26utm_id=2',
      '/?a=1?utm_id=2',
    ]) {
      expect(withParameters(target, keep)).toBe(target)
    }
  })

  it('S-8: what is left is what a query parser makes of the rest, for every target', () => {
    const piece = fc.constantFrom(
      ...[
        'a',
        'b',
        'utm_id',
        '%75tm_id',
        'utm%5fid',
        '=',
        '&',
        '&&',
        '?',
        ';',
        '+',
        '%20',
        '%',
        '%zz',
      ],
      ...['%ff', '#', '[', ']', '/', 'é'],
    )
    const target = fc.array(piece).map((pieces) => `/path?${pieces.join('')}`)
    fc.assert(
      fc.property(target, (given) => {
        const kept = withParameters(given, ignoring('utm_id'))
        const queryOf = (text: string): string => text.slice(text.indexOf('?') + 1 || text.length)
        const expected = { ...parse(queryOf(given)) }
        delete expected['utm_id']
        const found: Record<string, unknown> = { ...parse(queryOf(kept)) }
        // An empty query is no parameter, wherever its separators stood.
        delete expected['']
        delete found['']
        expect(found).toEqual(expected)
        const names = [...new URLSearchParams(`?${queryOf(kept)}`).keys()]
        expect(names).not.toContain('utm_id')
        expect(names).toEqual(
          [...new URLSearchParams(`?${queryOf(given)}`).keys()].filter((name) => name !== 'utm_id'),
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('the list of tracking parameters names each once, and nothing that pages are made from', () => {
    expect(new Set(TRACKING_PARAMETERS).size).toBe(TRACKING_PARAMETERS.length)
    for (const name of ['page', 'q', 'id', 'sort', 'ref', 'lang', 'token']) {
      expect(TRACKING_PARAMETERS).not.toContain(name)
    }
  })
})
