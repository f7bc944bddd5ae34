import * as fc from 'fast-check'
import CachePolicy from 'http-cache-semantics'
import { describe, expect, it } from 'vitest'
import {
  type CacheControl,
  parseCacheControl,
  requestCacheControl,
} from '../../src/http/cache-control.ts'
import { hostileValues, workPerCharacter } from '../support/string-work.ts'

const NOTHING: CacheControl = {
  maxAge: undefined,
  sMaxage: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  noStore: false,
  noCache: false,
  noCacheFields: [],
  private: false,
  privateFields: [],
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  immutable: false,
  noTransform: false,
  onlyIfCached: false,
  minFresh: undefined,
  maxStale: undefined,
  ceiling: undefined,
  present: false,
}

function stating(expected: Partial<CacheControl>): CacheControl {
  return { ...NOTHING, present: true, ...expected }
}

// What a handler may have set although no type allows it.
function untyped(value: unknown): unknown {
  return Reflect.apply(parseCacheControl, undefined, [value])
}

describe('parseCacheControl', () => {
  it('reads every directive it knows, in any case and with any white space between them', () => {
    expect(
      parseCacheControl(
        ' Max-Age=60 ,\tS-MAXAGE=120,,public , must-revalidate,proxy-revalidate,immutable',
      ),
    ).toEqual(
      stating({
        maxAge: 60,
        sMaxage: 120,
        public: true,
        mustRevalidate: true,
        proxyRevalidate: true,
        immutable: true,
      }),
    )
    expect(
      parseCacheControl('stale-while-revalidate=30, stale-if-error=86400, no-transform'),
    ).toEqual(
      stating({
        staleWhileRevalidate: 30,
        staleIfError: 86_400,
        noTransform: true,
      }),
    )
  })

  it('says that nothing is present when there is no directive', () => {
    for (const value of [undefined, '', ' ', ',', ' , ,', []]) {
      expect(parseCacheControl(value)).toEqual(NOTHING)
    }
  })

  it('ignores unknown directives, and still says that there was one (RFC 9111 §5.2.3)', () => {
    expect(parseCacheControl('community="UCI", x=1, y')).toEqual(stating({}))
  })

  it('M-2: no-store counts with an argument, too', () => {
    const values = ['no-store', 'NO-STORE', 'no-store=1', 'no-store="x"', 'max-age, no-store']
    expect(values.filter((value) => !parseCacheControl(value).noStore)).toEqual([])
  })

  it('M-3: private is private, and its qualified form names fields', () => {
    expect(parseCacheControl('private')).toEqual(stating({ private: true }))
    expect(parseCacheControl('private="Set-Cookie, x-user"')).toEqual(
      stating({ private: true, privateFields: ['set-cookie', 'x-user'] }),
    )
    expect(parseCacheControl('private=x-user')).toEqual(
      stating({ private: true, privateFields: ['x-user'] }),
    )
    expect(parseCacheControl('private="a", private="b", private="a"')).toEqual(
      stating({ private: true, privateFields: ['a', 'b'] }),
    )
  })

  it('M-4: no-cache is no-cache, and its qualified form names fields', () => {
    expect(parseCacheControl('no-cache')).toEqual(stating({ noCache: true }))
    expect(parseCacheControl('no-cache="Set-Cookie"')).toEqual(
      stating({ noCache: true, noCacheFields: ['set-cookie'] }),
    )
  })

  it('M-3, M-4: the unqualified form wins over a qualified one, in either order', () => {
    expect(parseCacheControl('private, private="a"')).toEqual(stating({ private: true }))
    expect(parseCacheControl('private="a", private')).toEqual(stating({ private: true }))
    expect(parseCacheControl('no-cache="a", no-cache')).toEqual(stating({ noCache: true }))
  })

  it('M-3, M-4: a qualified form that cannot be read is about the whole response', () => {
    for (const argument of [
      '',
      '""',
      '" , "',
      '"a;b"',
      '"a b"',
      '"a',
      '"a"b',
      ' "a"',
      ' a',
      "a'b c",
    ]) {
      expect(parseCacheControl(`private=${argument}`)).toEqual(stating({ private: true }))
      expect(parseCacheControl(`no-cache="x", no-cache=${argument}`)).toEqual(
        stating({ noCache: true }),
      )
    }
  })

  it('M-8: must-understand, which overrides no-store, counts only when spelled correctly', () => {
    expect(parseCacheControl('no-store, must-understand')).toEqual(
      stating({ noStore: true, mustUnderstand: true }),
    )
    expect(parseCacheControl('no-store, must-understand=0')).toEqual(stating({ noStore: true }))
    expect(parseCacheControl('no-store, must-understand="')).toEqual(stating({ noStore: true }))
  })

  it('public, which permits storing, counts only when spelled correctly', () => {
    expect(parseCacheControl('public')).toEqual(stating({ public: true }))
    for (const value of ['public=0', 'public=?0', 'public=', 'public="a', 'pub lic']) {
      expect(parseCacheControl(value)).toEqual(stating({}))
    }
  })

  it('M-18: s-maxage and max-age stand side by side, for the caller to prefer s-maxage', () => {
    expect(parseCacheControl('max-age=60, s-maxage=0')).toEqual(stating({ maxAge: 60, sMaxage: 0 }))
  })

  it('M-19: a negative, float, empty or otherwise malformed max-age is stale', () => {
    const malformed = [
      '-1',
      '-0',
      '+1',
      '3600.0',
      '3600.5',
      '1e3',
      '0x10',
      'a3600',
      '3600a',
      "'3600'",
      ' 3600',
      '36 00',
      '"3600',
      '3600"',
      '"3600"0',
      '"-1"',
      '"3600.5"',
      '""',
      '',
      '٣٦٠٠',
      '１２',
      '3600; public',
      'Infinity',
      'NaN',
      'null',
    ]
    for (const value of malformed) {
      const names = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']
      const field = names.map((name) => `${name}=${value}`)
      const { maxAge, sMaxage, staleWhileRevalidate, staleIfError } = parseCacheControl(field)
      expect([value, maxAge, sMaxage, staleWhileRevalidate, staleIfError]).toEqual([
        value,
        0,
        0,
        0,
        0,
      ])
    }
    expect(parseCacheControl('max-age')).toEqual(stating({ maxAge: 0 }))
    expect(parseCacheControl('max-age =3600')).toEqual(stating({ maxAge: 0 }))
    expect(parseCacheControl('max-age\t=3600')).toEqual(stating({ maxAge: 0 }))
  })

  it('M-19: a quoted number is what it says, as recipients ought to read it (RFC 9111 §5.2)', () => {
    expect(parseCacheControl('max-age="3600"')).toEqual(stating({ maxAge: 3_600 }))
    expect(parseCacheControl('max-age="36\\00"')).toEqual(stating({ maxAge: 3_600 }))
    expect(parseCacheControl('max-age=003600')).toEqual(stating({ maxAge: 3_600 }))
  })

  it('M-19: of several values the first counts, and none when another is shorter', () => {
    expect(parseCacheControl('max-age=60, max-age=60')).toEqual(stating({ maxAge: 60 }))
    expect(parseCacheControl('max-age=60, max-age=3600')).toEqual(stating({ maxAge: 60 }))
    expect(parseCacheControl(['max-age=60', 'max-age=3600'])).toEqual(stating({ maxAge: 60 }))
    expect(parseCacheControl('max-age=3600, max-age=60')).toEqual(stating({ maxAge: 0 }))
    expect(parseCacheControl('max-age=3600, max-age=x')).toEqual(stating({ maxAge: 0 }))
    expect(parseCacheControl('max-age=x, max-age=3600')).toEqual(stating({ maxAge: 0 }))
    expect(parseCacheControl('max-age=3600, max-age=60, max-age=3600')).toEqual(
      stating({ maxAge: 0 }),
    )
  })

  it('M-19: a lifetime above 2^31 seconds is 2^31 seconds (RFC 9111 §1.2.2)', () => {
    for (const value of ['2147483648', '2147483649', '99999999999', '9'.repeat(5_000)]) {
      expect(parseCacheControl(`max-age=${value}`)).toEqual(stating({ maxAge: 2 ** 31 }))
    }
    expect(parseCacheControl('max-age=2147483647')).toEqual(stating({ maxAge: 2 ** 31 - 1 }))
  })

  it('M-19: what looks like a directive inside a quoted string is none', () => {
    expect(parseCacheControl('extension="max-age=3600", max-age=1')).toEqual(stating({ maxAge: 1 }))
    expect(parseCacheControl('max-age=1, extension="a, max-age=3600, public"')).toEqual(
      stating({ maxAge: 1 }),
    )
    expect(parseCacheControl('extension="a\\", no-store, b", max-age=1')).toEqual(
      stating({ maxAge: 1 }),
    )
  })

  it('M-26, M-27: the directives of a request are read', () => {
    expect(parseCacheControl('no-cache, max-age=0, only-if-cached, min-fresh=20')).toEqual(
      stating({
        noCache: true,
        maxAge: 0,
        onlyIfCached: true,
        minFresh: 20,
      }),
    )
  })

  it('M-27: a bare max-stale accepts any age, a malformed one none', () => {
    expect(parseCacheControl('max-stale')).toEqual(stating({ maxStale: Infinity }))
    expect(parseCacheControl('max-stale=60')).toEqual(stating({ maxStale: 60 }))
    for (const value of ['max-stale=', 'max-stale=-1', 'max-stale=x', 'a="b, max-stale']) {
      expect(parseCacheControl(value)).toEqual(stating({ maxStale: 0 }))
    }
    expect(parseCacheControl('max-stale, max-stale=60')).toEqual(stating({ maxStale: 0 }))
  })

  it('M-27: a malformed min-fresh is ignored, and the first of several counts', () => {
    expect(parseCacheControl('min-fresh=x')).toEqual(stating({}))
    expect(parseCacheControl('min-fresh=-5, min-fresh=20, min-fresh=10')).toEqual(
      stating({ minFresh: 20 }),
    )
  })

  it('S-29: names of the prototype are unknown directives', () => {
    expect(
      parseCacheControl('__proto__=1, constructor, hasOwnProperty="x", toString=2, max-age=5'),
    ).toEqual(stating({ maxAge: 5 }))
    expect(parseCacheControl('private="__proto__, constructor"')).toEqual(
      stating({
        private: true,
        privateFields: ['__proto__', 'constructor'],
      }),
    )
    expect(Object.hasOwn(Object.prototype, '1')).toBe(false)
  })

  it('S-30: a quote out of place hides no restriction, and lets nothing after it live', () => {
    const restricted = { noStore: true, maxAge: 0, private: true }
    for (const opening of ['a="b', 'a="b"c"', 'a"', '"', 'a= "', 'a=="', 'a="b\\"']) {
      expect(parseCacheControl(`${opening}, no-store, max-age=60, public, private="x`)).toEqual(
        stating(restricted),
      )
      expect(parseCacheControl(`${opening}, no-store, max-age=60, public, private, a="b"`)).toEqual(
        stating(restricted),
      )
    }
    // Not even behind a quote that closes it again, or in a quoted string that comes later.
    for (const opening of ['a"', '"', 'a= "', 'a=="']) {
      expect(parseCacheControl(`${opening}, no-store, b="`).noStore).toBe(true)
    }
    expect(parseCacheControl('a="b"c, d="e, no-store, f"').noStore).toBe(true)
    expect(parseCacheControl('max-age=60, a="b, max-age=60')).toEqual(stating({ maxAge: 0 }))
    expect(parseCacheControl('max-age=60, a="b')).toEqual(stating({ maxAge: 60 }))
  })

  it.each(Object.entries(hostileValues))(
    'S-30: of %s each character is looked at a few times at most',
    (_, hostile) => {
      expect(workPerCharacter(hostile, parseCacheControl)).toBeLessThan(16)
    },
  )

  it('S-30: ten thousand directives are read to the last one', () => {
    expect(parseCacheControl(`${'x=1,'.repeat(10_000)}no-store`)).toEqual(
      stating({ noStore: true }),
    )
  })

  it('S-31: lines, numbers and anything else are read or passed over, and never throw', () => {
    expect(parseCacheControl(['max-age=60', 'no-store'])).toEqual(
      stating({ maxAge: 60, noStore: true }),
    )
    expect(parseCacheControl(['a="b', 'no-store'])).toEqual(stating({ noStore: true }))
    for (const value of [null, true, {}, Symbol('x'), 5n, [null, [], {}], new Date(0), () => 1]) {
      expect(untyped(value)).toEqual(NOTHING)
    }
    expect(untyped(60)).toEqual({ ...NOTHING, present: true })
    expect(untyped(['no-store', 5, null])).toEqual({ ...NOTHING, noStore: true, present: true })
    expect(parseCacheControl('max-age=60\u{1f36a}, n\u00f6-store, no-store\u0000x')).toEqual(
      stating({ maxAge: 0, noStore: true }),
    )
  })

  it.each([
    'private; max-age=0',
    'private;max-age=600',
    'max-age=600; private',
    'max-age=600 private',
    'public; private',
    'public=1; private',
    'immutable=1; private',
    'private no-store',
    'PRIVATE ; x',
    '"private"',
    "'private'",
    'max-age=60, "private"',
    'max-age="60, private"',
    'max-age=60; x="a, private',
    'private:true',
    'private.',
    '[private]',
    'no-transform|private',
  ])('S-31: private counts however it is misspelled: %s', (value) => {
    expect(parseCacheControl(value)).toMatchObject({ private: true, privateFields: [] })
    expect(parseCacheControl(['max-age=60', value]).private).toBe(true)
  })

  it.each([
    'no-cache; no-store',
    'no-cache no-store',
    'no-cache/no-store',
    'no_cache, no_store',
    'nocache, nostore',
    'No-Cache: No-Store',
    '"no-cache, no-store"',
    "'no-cache, no-store'",
    'no cache, no store',
    'max-age=600;no-cache;no-store;',
    'must-revalidate; no-cache; no-store; post-check=0',
  ])('S-31: no-cache and no-store count however they are misspelled: %s', (value) => {
    expect(parseCacheControl(value)).toMatchObject({ noCache: true, noStore: true })
  })

  it('S-31: must-revalidate and proxy-revalidate count however they are misspelled', () => {
    for (const value of ['max-age=60; must-revalidate', '"must-revalidate"', 'mustrevalidate']) {
      expect(parseCacheControl(value).mustRevalidate).toBe(true)
    }
    expect(parseCacheControl('x; proxy_revalidate').proxyRevalidate).toBe(true)
  })

  it('S-31: a lifetime that is misspelled grants nothing, and bounds what is granted by default', () => {
    const ceilings = {
      'public; max-age=5': 5,
      'max-age: 5': 5,
      'maxage=5': 5,
      'max_age = "5"': 5,
      'public; s-maxage=9; max-age=5; x=1': 5,
      '"max-age=0"': 0,
      'max-age;': 0,
      'community="UCI"': undefined,
    }
    for (const [value, ceiling] of Object.entries(ceilings)) {
      const { maxAge, sMaxage, ceiling: found } = parseCacheControl(value)
      expect([value, maxAge, sMaxage, found]).toEqual([value, undefined, undefined, ceiling])
    }
  })

  it('never throws, and never gives a time that is no whole number of seconds up to 2^31', () => {
    const pieces = fc.constantFrom(
      ...['max-age', 's-maxage', 'max-stale', 'private', 'no-cache', '=', ',', '"', '\\', ' ', '5'],
    )
    const values = fc.oneof(
      fc.string(),
      fc.array(pieces).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(fc.oneof(values, fc.array(values)), (value) => {
        const { maxAge, sMaxage, minFresh } = parseCacheControl(value)
        for (const time of [maxAge, sMaxage, minFresh]) {
          const valid =
            time === undefined || (Number.isInteger(time) && time >= 0 && time <= 2 ** 31)
          expect(valid).toBe(true)
        }
      }),
    )
  })
})

describe('requestCacheControl', () => {
  it('M-26: Pragma: no-cache stands in when there is no Cache-Control (RFC 9111 §5.4)', () => {
    expect(requestCacheControl({ pragma: 'no-cache' }).noCache).toBe(true)
    expect(requestCacheControl({ pragma: 'x, No-Cache' }).noCache).toBe(true)
    expect(requestCacheControl({ pragma: 'no-cache', 'cache-control': 'max-age=5' })).toEqual({
      ...NOTHING,
      maxAge: 5,
      present: true,
    })
  })

  it('M-26: Pragma says nothing else', () => {
    expect(requestCacheControl({ pragma: 'max-age=5, no-store' })).toEqual(NOTHING)
    expect(requestCacheControl({})).toEqual(NOTHING)
  })
})

// What differs from the oracle, and why, stands in docs/decisions/0002-oracle-differences.md.
describe('parseCacheControl beside http-cache-semantics', () => {
  it('states the same lifetime for every well-formed field without the listed differences', () => {
    fc.assert(
      fc.property(wellFormedFields, (value) => {
        expect(lifetime(parseCacheControl(value))).toBe(oracle(value).maxAge())
      }),
      { numRuns: 500 },
    )
  })

  it('states the same stale windows for every well-formed field without the listed differences', () => {
    fc.assert(
      fc.property(wellFormedFields, (value) => {
        const control = parseCacheControl(value)
        const window = Math.max(control.staleIfError ?? 0, control.staleWhileRevalidate ?? 0)
        expect((lifetime(control) + window) * 1_000).toBe(oracle(value).timeToLive())
      }),
      { numRuns: 500 },
    )
  })

  it('M-19: never states a longer lifetime for a malformed field', () => {
    fc.assert(
      fc.property(carelessFields, (value) => {
        expect(lifetime(parseCacheControl(value))).toBeLessThanOrEqual(
          Math.max(0, oracle(value).maxAge()),
        )
      }),
      { numRuns: 2_000 },
    )
  })
})

/** What a shared cache makes of the directives alone (RFC 9111 §3, §4.2.1). */
function lifetime(control: CacheControl): number {
  if (control.noStore || control.private || control.noCache) return 0
  return control.sMaxage ?? control.maxAge ?? 0
}

class Oracle extends CachePolicy {
  // The age of the response must not grow while the test runs.
  now(): number {
    return 0
  }
}

function oracle(value: string): CachePolicy {
  return new Oracle({ headers: {} }, { status: 200, headers: { 'cache-control': value } })
}

const TIMES = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']
// Left out: proxy-revalidate and immutable (difference 1 and 2).
const FLAGS = ['no-store', 'no-cache', 'private', 'public', 'must-revalidate', 'must-understand']
const seconds = fc.nat(2 ** 31 - 1)
const spaces = fc.constantFrom('', ' ', '  ', '\t')

// Left out: names in upper case, repetitions, commas in quotes, empty arguments (differences 3 to 6).
const wellFormedFields: fc.Arbitrary<string> = fc
  .uniqueArray(
    fc.oneof(
      fc.tuple(
        fc.constantFrom(...TIMES),
        fc.oneof(
          seconds,
          seconds.map((n) => `"${n}"`),
        ),
      ),
      fc.tuple(fc.constantFrom(...FLAGS)),
      fc.tuple(fc.constantFrom('private', 'no-cache'), fc.constantFrom('x', '"x"', '"set-cookie"')),
      fc.tuple(
        fc.constantFrom('x', 'extension', 'constructor'),
        fc.constantFrom('1', '"a b"', '"="'),
      ),
    ),
    { selector: ([name]) => name },
  )
  .chain((members) => {
    const lines = members.map((member) =>
      fc.tuple(spaces, spaces).map(([before, after]) => `${before}${member.join('=')}${after}`),
    )
    return fc.tuple(...lines).map((spelled) => spelled.join(','))
  })

const junk = fc.constantFrom(
  ...[
    '',
    ' ',
    '=',
    ' =',
    '= ',
    '-',
    '.5',
    'a',
    '0x',
    '1e3',
    "'",
    ';',
    '"5"',
    '"5',
    '5"',
    '5',
    '60',
  ],
)
// At most one quote that does not close: two make a quoted string with commas (difference 5).
const carelessFields: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.constantFrom(...TIMES, ...FLAGS, 'x', ''),
      fc.oneof(fc.tuple(fc.constant('='), seconds.map(String)), fc.tuple(junk, junk, junk)),
    ),
  )
  .map((members) => members.map(([name, rest]) => name + rest.join('')))
  .filter((members) => members.filter((text) => text.split('"').length % 2 === 0).length <= 1)
  .map((members) => members.join(','))
