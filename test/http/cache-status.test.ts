import * as fc from 'fast-check'
import * as oracle from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { type CacheStatusMember, cacheStatus } from '../../src/http/cache-status.ts'

describe('cacheStatus', () => {
  it('M-46: reports a hit with the freshness that is left', () => {
    expect(cacheStatus({ name: 'cacheflow', hit: true, ttl: 42 })).toBe('cacheflow; hit; ttl=42')
    expect(cacheStatus({ name: 'cacheflow', hit: true, ttl: -7 })).toBe('cacheflow; hit; ttl=-7')
  })

  it('M-46: reports why a request went forward, and what became of the answer', () => {
    expect(cacheStatus({ name: 'cacheflow', fwd: 'uri-miss', stored: true })).toBe(
      'cacheflow; fwd=uri-miss; stored',
    )
    expect(cacheStatus({ name: 'cacheflow', fwd: 'bypass' })).toBe('cacheflow; fwd=bypass')
    expect(
      cacheStatus({
        name: 'cacheflow',
        fwd: 'stale',
        fwdStatus: 304,
        stored: true,
        collapsed: true,
      }),
    ).toBe('cacheflow; fwd=stale; fwd-status=304; stored; collapsed')
  })

  it('M-46: a hit is no forward (RFC 9211 §2.2)', () => {
    expect(cacheStatus({ name: 'c', hit: true, fwd: 'stale' })).toBe('c; hit')
    expect(cacheStatus({ name: 'c', hit: false, fwd: 'stale', stored: false })).toBe('c; fwd=stale')
  })

  it('M-46: comes last, after what the caches before it said', () => {
    expect(cacheStatus({ name: 'cacheflow', hit: true }, ' origin; hit, "a b"; fwd=miss ')).toBe(
      'origin; hit, "a b"; fwd=miss, cacheflow; hit',
    )
    expect(cacheStatus({ name: 'cacheflow', hit: true }, '')).toBe('cacheflow; hit')
  })

  it('replaces an earlier value that nobody could read', () => {
    for (const value of ['HIT from nginx', 'a,', 'é', 'a; b=', 'a\r\nSet-Cookie: b']) {
      expect(cacheStatus({ name: 'cacheflow', hit: true }, value)).toBe('cacheflow; hit')
    }
  })

  it('writes a ttl as a whole number that never promises more, and leaves out what is none', () => {
    const ttls = [1.9, -0.1, -0, Infinity, -Infinity, Number.NaN, 1e300]
    expect(ttls.map((ttl) => cacheStatus({ name: 'c', ttl }))).toEqual([
      'c; ttl=1',
      'c; ttl=-1',
      'c; ttl=0',
      'c; ttl=999999999999999',
      'c; ttl=-999999999999999',
      'c',
      'c; ttl=999999999999999',
    ])
  })

  it('S-34: says nothing of the key unless it is given one, which it then quotes', () => {
    expect(cacheStatus({ name: 'c', hit: true, key: 'GET /a?b="1"', detail: 'DISK' })).toBe(
      'c; hit; key="GET /a?b=\\"1\\""; detail=DISK',
    )
    expect(cacheStatus({ name: 'my cache', detail: '5xx, \r\nX: y' })).toBe(
      '"my cache"; detail="5xx, %0D%0AX: y"',
    )
  })

  it('is a List that the oracle reads back, whatever the names, keys and details', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }))
    const members: fc.Arbitrary<CacheStatusMember> = fc.record(
      {
        name: text,
        hit: fc.boolean(),
        fwd: fc.constantFrom('bypass', 'method', 'uri-miss', 'vary-miss', 'request', 'stale'),
        fwdStatus: fc.integer({ min: 200, max: 599 }),
        ttl: fc.integer(),
        stored: fc.boolean(),
        collapsed: fc.boolean(),
        key: text,
        detail: text,
      },
      { requiredKeys: ['name'] },
    )
    fc.assert(
      fc.property(members, fc.option(members, { nil: undefined }), (member, earlier) => {
        const upstream = earlier && cacheStatus(earlier)
        const list = oracle.parseList(cacheStatus(member, upstream))
        expect(list).toHaveLength(earlier ? 2 : 1)
        const [name, parameters] = list.at(-1) ?? ['', new Map<string, unknown>()]
        expect(printable(String(name))).toBe(printable(member.name))
        expect(parameters.get('ttl')).toBe(member.ttl)
        expect(parameters.get('fwd-status')).toBe(member.fwdStatus)
        expect(parameters.get('hit')).toBe(member.hit === true ? true : undefined)
        expect(parameters.has('fwd')).toBe(member.hit !== true && member.fwd !== undefined)
        expect(parameters.get('stored')).toBe(member.stored === true ? true : undefined)
        expect(parameters.has('key')).toBe(member.key !== undefined)
        expect(parameters.has('detail')).toBe(member.detail !== undefined)
      }),
    )
  })
})

/** What survives percent-encoding as it was. */
function printable(text: string): string {
  return text.replaceAll(/%[0-9A-F]{2}|[^ -~]/g, '')
}
