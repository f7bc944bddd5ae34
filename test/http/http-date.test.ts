import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from '../../src/http/http-date.ts'
import { hostileValues, workPerCharacter } from '../support/string-work.ts'

const NOVEMBER_1994 = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('parseHttpDate', () => {
  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    'sun, 06 NOV 1994 08:49:37 gmt',
    '\tSun, 06 Nov 1994 08:49:37 GMT ',
    'Mon, 06 Nov 1994 08:49:37 GMT',
  ])('reads %j (RFC 9110 §5.6.7; case as RFC 9111 §4.2 allows)', (value) => {
    expect(parseHttpDate(value)).toBe(NOVEMBER_1994)
  })

  it.each([
    '0',
    '-1',
    '',
    ' ',
    'now',
    '784111777',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 AEST',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 06  Nov  1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:37 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Foo 1994 08:49:37 GMT',
    'Xyz, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 30-Feb-94 08:49:37 GMT',
    'Sun, ٠٦ Nov 1994 08:49:37 GMT',
  ])('M-20: %j is no date', (value) => {
    expect(parseHttpDate(value)).toBeUndefined()
  })

  it('S-31: what is no string is no date', () => {
    const dates = ['Sun, 06 Nov 1994 08:49:37 GMT']
    for (const value of [undefined, null, 0, 784_111_777, dates, {}, Symbol('date')]) {
      expect(Reflect.apply(parseHttpDate, undefined, [value])).toBeUndefined()
    }
  })

  it('reads a leap second and the last day of February in a leap year only', () => {
    expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT')).toBe(Date.UTC(2017, 0, 1))
    expect(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT')).toBe(Date.UTC(2024, 1, 29))
    expect(parseHttpDate('Wed, 29 Feb 2023 00:00:00 GMT')).toBeUndefined()
  })

  it('reads years below 100 as what they say, not as years of the last century', () => {
    expect(parseHttpDate('Sun, 06 Nov 0094 08:49:37 GMT')).toBeLessThan(Date.UTC(1000))
  })

  it('takes a two-digit year of more than 50 years ahead for the past one (RFC 9110 §5.6.7)', () => {
    const yearOf = (digits: string, now?: number): number =>
      new Date(
        parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, now) ?? Number.NaN,
      ).getUTCFullYear()
    const in2026 = Date.UTC(2026, 0, 1)
    expect(['75', '76', '77', '94', '26', '00'].map((digits) => yearOf(digits, in2026))).toEqual([
      2075, 1976, 1977, 1994, 2026, 2000,
    ])
    expect(yearOf('10', Date.UTC(1999, 0, 1))).toBe(2010)
    expect(yearOf('94', Date.UTC(2060, 0, 1))).toBe(2094)
    expect(['69', '70', '94', '00'].map((digits) => yearOf(digits))).toEqual([
      2069, 1970, 1994, 2000,
    ])
  })

  it.each(Object.entries(hostileValues))(
    'S-30: %s cost no more than looking at their length',
    (_, hostile) => {
      expect(workPerCharacter(hostile, parseHttpDate)).toBe(0)
    },
  )
})

describe('formatHttpDate', () => {
  it('writes the preferred form and cuts off the milliseconds', () => {
    expect(formatHttpDate(NOVEMBER_1994 + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
  })

  it('writes the nearest date that HTTP can when the time is out of its range', () => {
    expect(formatHttpDate(Infinity)).toBe('Fri, 31 Dec 9999 23:59:59 GMT')
    expect(formatHttpDate(-1)).toBe('Thu, 01 Jan 1970 00:00:00 GMT')
    expect(formatHttpDate(Number.NaN)).toBe('Thu, 01 Jan 1970 00:00:00 GMT')
  })

  it('is read back to the same second', () => {
    const seconds = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000 })
    fc.assert(
      fc.property(seconds, fc.nat(999), (second, fraction) => {
        expect(parseHttpDate(formatHttpDate(second * 1_000 + fraction))).toBe(second * 1_000)
      }),
    )
  })
})
