import * as fc from 'fast-check'
import * as oracle from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { type CacheControl, parseCacheControl } from '../../src/http/cache-control.ts'
import { targetedCacheControl } from '../../src/http/targeted-cache-control.ts'
import { hostileValues, workPerCharacter } from '../support/string-work.ts'

const TARGETS = ['Cacheflow-Cache-Control', 'CDN-Cache-Control']

function cdn(value: string): CacheControl | undefined {
  return targetedCacheControl(['CDN-Cache-Control', value], TARGETS)
}

describe('targetedCacheControl', () => {
  it('M-43: the first field on the list decides, whatever the order and case they were sent in', () => {
    const fields = [
      ['cdn-cache-control', 'max-age=60'],
      ['Cache-Control', 'no-store'],
      ['CACHEFLOW-CACHE-CONTROL', 'max-age=600'],
    ].flat()
    expect(targetedCacheControl(fields, TARGETS)?.maxAge).toBe(600)
    expect(targetedCacheControl(fields, TARGETS.toReversed())?.maxAge).toBe(60)
    expect(targetedCacheControl(fields, TARGETS)?.noStore).toBe(false)
  })

  it('M-43: without such a field, Cache-Control and Expires are left to decide', () => {
    const fields = ['Cache-Control', 'max-age=60', 'Other-Cache-Control', 'no-store']
    expect(targetedCacheControl(fields, TARGETS)).toBeUndefined()
    expect(targetedCacheControl(fields, [])).toBeUndefined()
  })

  it.each([
    '',
    ' ',
    'max-age=10000, &&&&&',
    'max-age =60',
    'MaX-aGe=60',
    'max-age=60,',
    'max-age=',
  ])('M-43: an empty or invalid field, such as %j, is passed over for the next', (value) => {
    const fields = ['Cacheflow-Cache-Control', value, 'CDN-Cache-Control', 'max-age=5']
    expect(targetedCacheControl(fields, TARGETS)?.maxAge).toBe(5)
    const alone = targetedCacheControl(fields.slice(0, 2), TARGETS)
    expect([alone?.maxAge, alone?.public, alone?.noStore]).not.toContain(true)
    expect(alone?.maxAge).toBeUndefined()
  })

  it.each([
    'none',
    'public',
    'content="ESI/1.0"',
    'must-understand',
    'x=1',
    'max-age=0',
    'max-age',
    'no-store=?0',
  ])(
    'M-43: a field without a lifetime above zero, such as %j, lifts nothing that Cache-Control forbids',
    (value) => {
      for (const target of ['CDN-Cache-Control', 'Surrogate-Control']) {
        const fields = [target, value, 'Cache-Control', 'private, no-store, max-age=60']
        const control = targetedCacheControl(fields, [target])
        expect(control ?? parseCacheControl('private, no-store')).toMatchObject({
          private: true,
          noStore: true,
          mustUnderstand: false,
        })
      }
    },
  )

  it('M-43: a field without a lifetime adds what it restricts to what Cache-Control says', () => {
    const fields = ['CDN-Cache-Control', 'no-cache', 'Cache-Control', 'max-age=60, s-maxage=9']
    expect(targetedCacheControl(fields, TARGETS)).toMatchObject({
      noCache: true,
      maxAge: 60,
      sMaxage: 9,
    })
    const none = ['CDN-Cache-Control', 'max-age=0', 'Cache-Control', 's-maxage=60']
    expect(targetedCacheControl(none, TARGETS)).toMatchObject({ maxAge: 0, sMaxage: undefined })
  })

  it.each([
    'private; max-age=60',
    'max-age=60; private',
    'max-age=60, Private',
    'max-age=60, "private"',
    'max-age=60, private;',
    'Private',
  ])('S-31: private counts in every targeted field however it is misspelled: %s', (value) => {
    for (const target of ['CDN-Cache-Control', 'Surrogate-Control']) {
      const control = targetedCacheControl([target, value, 'Cache-Control', 'max-age=60'], [target])
      expect(control?.private).toBe(true)
    }
  })

  it('M-43: lines of one field are one dictionary, in which the last value counts', () => {
    const fields = ['CDN-Cache-Control', 'max-age=60, no-store', 'CDN-Cache-Control', 'max-age=5']
    expect(targetedCacheControl(fields, TARGETS)).toMatchObject({ maxAge: 5, noStore: true })
  })

  it('M-43: reads the directives from the types that stand for them, and ignores parameters', () => {
    expect(
      cdn('max-age=60;x=1, s-maxage=120, must-revalidate, public, stale-if-error=9, x="y"'),
    ).toMatchObject({
      maxAge: 60,
      sMaxage: 120,
      mustRevalidate: true,
      public: true,
      staleIfError: 9,
    })
    expect(cdn('no-cache="Set-Cookie, x"')).toMatchObject({ noCacheFields: ['set-cookie', 'x'] })
    expect(cdn('private=token')).toMatchObject({ private: true, privateFields: ['token'] })
  })

  it('M-19: a value of another type is stale, and never coerced', () => {
    for (const value of ['"60"', '60.0', 'token', '?1', '-5', ':NjA=:', '(60)', '@60', '%"60"']) {
      expect(cdn(`max-age=${value}`)?.maxAge).toBe(0)
    }
  })

  it('M-2, M-3: what restricts counts with an argument of any type, and ?0 says that it does not', () => {
    for (const value of ['no-store=1', 'no-store="x"', 'no-store=(a)', 'no-store=?1']) {
      expect(cdn(value)?.noStore).toBe(true)
    }
    expect(cdn('private=5')).toMatchObject({ private: true, privateFields: ['5'] })
    expect(cdn('private=(a)')).toMatchObject({ private: true, privateFields: [] })
    expect(cdn('no-store=?0, private=?0, max-age=5')).toMatchObject({
      noStore: false,
      private: false,
      maxAge: 5,
    })
    expect(cdn('max-age=?0')?.maxAge).toBeUndefined()
  })

  it('what permits storing counts only in its own form', () => {
    for (const value of ['public=1', 'public=?0', 'public="x"', 'public=a']) {
      expect(cdn(`max-age=5, ${value}`)?.public).toBe(false)
    }
  })

  it('S-29: names of the prototype are neither targets nor directives', () => {
    expect(targetedCacheControl([], ['__proto__', 'constructor'])).toBeUndefined()
    expect(cdn('constructor=1, max-age=5')?.maxAge).toBe(5)
  })

  it.each(Object.entries(hostileValues))(
    'S-30: of %s each character is looked at a few times at most',
    (_, hostile) => {
      expect(workPerCharacter(hostile, cdn)).toBeLessThan(24)
      const surrogate = (value: string): unknown =>
        targetedCacheControl(['Surrogate-Control', value], ['Surrogate-Control'])
      expect(workPerCharacter(hostile, surrogate)).toBeLessThan(24)
    },
  )

  // What differs from the oracle stands in docs/decisions/0002-oracle-differences.md.
  it('reads the integers and flags that the oracle writes', () => {
    const members = fc.record(
      {
        'max-age': fc.nat(2 ** 31),
        's-maxage': fc.nat(2 ** 31),
        'stale-while-revalidate': fc.nat(2 ** 31),
        'no-store': fc.constant(true),
        public: fc.boolean(),
        'no-cache': fc.oneof(fc.constant(true), fc.constant('x-user')),
        extension: fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      },
      { requiredKeys: ['extension'] },
    )
    fc.assert(
      fc.property(members, (directives) => {
        const control = cdn(oracle.serializeDictionary(directives))
        expect(control).toMatchObject({
          maxAge: directives['max-age'],
          sMaxage: directives['s-maxage'],
          staleWhileRevalidate: directives['stale-while-revalidate'],
          noStore: directives['no-store'] ?? false,
          public: directives.public ?? false,
          noCache: directives['no-cache'] !== undefined,
          noCacheFields: typeof directives['no-cache'] === 'string' ? ['x-user'] : [],
        })
      }),
    )
  })
})

describe('Surrogate-Control on the list', () => {
  function surrogate(value: string): CacheControl | undefined {
    return targetedCacheControl(['Surrogate-Control', value], ['surrogate-control'])
  }

  it('M-44: max-age and no-store are read, content and other directives passed over', () => {
    expect(surrogate('max-age=3600, content="ESI/1.0"')).toMatchObject({
      maxAge: 3_600,
      staleWhileRevalidate: undefined,
    })
    expect(surrogate('no-store, content="ESI/1.0 ESI-INLINE/1.0"')?.noStore).toBe(true)
  })

  it('M-44: max-age=3600+600 may be served stale for ten minutes after an hour', () => {
    expect(surrogate('max-age=3600+600')).toMatchObject({
      maxAge: 3_600,
      staleWhileRevalidate: 600,
    })
    expect(surrogate('max-age=3600+x')).toMatchObject({ maxAge: 3_600, staleWhileRevalidate: 0 })
    expect(surrogate('max-age=+600')).toMatchObject({ maxAge: 0, staleWhileRevalidate: 600 })
  })

  it('M-44: directives to another surrogate are not ours', () => {
    expect(surrogate('no-store;squid, max-age=60;squid, max-age=5;cacheflow')).toMatchObject({
      noStore: false,
      maxAge: 5,
    })
    expect(surrogate('no-store; Cacheflow')?.noStore).toBe(true)
    expect(surrogate('content="ESI/1.0";squid')).toBeUndefined()
  })

  it('M-44, M-19: malformed values are stale', () => {
    for (const value of [
      'max-age',
      'max-age=',
      'max-age=-1',
      'max-age= 60',
      'max-age=6 0;cacheflow',
    ])
      expect(surrogate(value)?.maxAge).toBe(0)
  })
})
