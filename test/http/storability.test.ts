import * as fc from 'fast-check'
import CachePolicy from 'http-cache-semantics'
import { describe, expect, it } from 'vitest'
import { type LifetimePolicy, initialAge, timelineOf } from '../../src/http/freshness.ts'
import { fieldLines } from '../../src/http/header-fields.ts'
import { formatHttpDate } from '../../src/http/http-date.ts'
import { type ResponseFacts, checkStorability } from '../../src/http/storability.ts'

const now = Date.UTC(2026, 2, 4, 12)
const at = (seconds: number): string => formatHttpDate(now + seconds * 1000)

const own: LifetimePolicy = {
  mode: 'own',
  maxAge: 60_000,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  heuristic: false,
}
const byHeaders: LifetimePolicy = { ...own, mode: 'http' }

const plain: ResponseFacts = {
  status: 200,
  fields: [],
  authorized: false,
  requestNoStore: false,
  hasGroup: false,
  contextMaxAge: undefined,
}

function judge(facts: Partial<ResponseFacts>, policy = own, targets: string[] = []) {
  return checkStorability({ ...plain, ...facts }, policy, targets, now)
}

function reason(facts: Partial<ResponseFacts>, policy = own): string {
  const cacheability = judge(facts, policy)
  return cacheability.store ? 'stored' : cacheability.reason
}

describe('checkStorability', () => {
  it('stores a plain page for as long as the option says', () => {
    expect(judge({})).toMatchObject({
      store: true,
      lifetime: { milliseconds: 60_000, source: 'option' },
      mayServeStale: true,
      noCache: false,
      servesAuthorized: false,
    })
  })

  it('M-2 to M-11: says why it does not store', () => {
    const control = (value: string) => ({ fields: ['Cache-Control', value] })
    expect(reason({ requestNoStore: true })).toBe('request-no-store')
    expect(reason(control('no-store'))).toBe('no-store')
    expect(reason(control('private'))).toBe('private')
    expect(reason(control('no-cache'))).toBe('no-validator')
    expect(reason({ authorized: true })).toBe('authorization')
    expect(reason({ fields: ['Set-Cookie', 'a=1'] })).toBe('set-cookie')
    expect(reason({ status: 299, ...control('must-understand') })).toBe('must-understand')
    expect(reason({ status: 206 })).toBe('partial')
    expect(reason({ fields: ['Content-Range', 'bytes 0-1/9'] })).toBe('partial')
    expect(reason({ fields: ['Vary', 'a, *'] })).toBe('vary-any')
    expect(reason({ fields: ['Content-Type', 'Text/Event-Stream'] })).toBe('event-stream')
    expect(reason({ fields: ['Content-Type', 'multipart/x-mixed-replace; boundary=a'] })).toBe(
      'event-stream',
    )
    expect(reason({ fields: ['Trailer', 'X-Sum'] })).toBe('trailers')
    expect(reason({ status: 500 })).toBe('status')
    expect(reason({ status: 304 }, byHeaders)).toBe('status')
    expect(reason({ status: 103 }, byHeaders)).toBe('status')
    expect(reason({ status: 302 })).toBe('no-lifetime')
    expect(reason({}, byHeaders)).toBe('no-lifetime')
    expect(reason({}, { ...own, maxAge: false })).toBe('no-lifetime')
  })

  it('M-3: names the fields or the cookie that decided', () => {
    expect(judge({ fields: ['Cache-Control', 'private="x-a, x-b"'] })).toMatchObject({
      detail: 'x-a, x-b',
    })
    expect(judge({ fields: ['Set-Cookie', 'sid=secret; HttpOnly'] })).toMatchObject({
      detail: 'sid',
    })
  })

  it('M-5: Authorization is shared by public, s-maxage, must-revalidate, or session()', () => {
    for (const leave of ['public', 's-maxage=9', 'must-revalidate']) {
      const cacheability = judge({ authorized: true, fields: ['Cache-Control', leave] })
      expect(cacheability).toMatchObject({ store: true, servesAuthorized: true })
    }
    for (const none of ['max-age=9', 'proxy-revalidate', 'immutable', 'public=1']) {
      expect(reason({ authorized: true, fields: ['Cache-Control', none] })).toBe('authorization')
    }
    expect(judge({ authorized: true, hasGroup: true })).toMatchObject({
      store: true,
      servesAuthorized: false,
    })
  })

  it('M-18: what the handler asked for comes before what the response says', () => {
    const facts = { contextMaxAge: 5_000, fields: ['Cache-Control', 's-maxage=9'] }
    expect(judge(facts)).toMatchObject({ lifetime: { milliseconds: 5_000, source: 'draft' } })
    expect(judge({ ...facts, status: 302 }, byHeaders)).toMatchObject({ store: true })
  })

  it('M-4: no-cache has no lifetime, whatever else gives it one', () => {
    const fields = ['Cache-Control', 'no-cache, max-age=60', 'ETag', '"1"']
    for (const policy of [own, byHeaders]) {
      expect(judge({ fields, contextMaxAge: 9 }, policy)).toMatchObject({
        store: true,
        noCache: true,
        mayServeStale: false,
        lifetime: { milliseconds: 0 },
      })
    }
  })

  it('M-43: a targeted field takes the place of Cache-Control', () => {
    const fields = ['Cache-Control', 'no-store', 'A', 'max-age=9', 'B', 'private']
    expect(judge({ fields }, byHeaders, ['X', 'A', 'B'])).toMatchObject({
      lifetime: { milliseconds: 9_000, source: 'targeted' },
    })
    expect(judge({ fields }, byHeaders, ['B', 'A'])).toMatchObject({ store: false })
  })
})

// What differs from the oracle, and why, stands in docs/decisions/0002-oracle-differences.md.
describe('checkStorability beside http-cache-semantics', () => {
  it('M-1 to M-23: by headers alone, a response is fresh exactly as long as the oracle says', () => {
    fc.assert(
      fc.property(responses, fc.boolean(), fc.boolean(), fc.boolean(), (response, ...request) => {
        const [authorized, requestNoStore, heuristic] = request
        const ours = freshFor(response, { authorized, requestNoStore, heuristic })
        expect(ours).toBeCloseTo(oracle(response, { authorized, requestNoStore, heuristic }), -1)
      }),
      { numRuns: 3_000 },
    )
  })

  it('M-19, M-20: whatever it says, no response is fresh longer than the oracle says', () => {
    fc.assert(
      fc.property(absurd, fc.boolean(), (response, heuristic) => {
        const request = { authorized: false, requestNoStore: false, heuristic }
        // A millisecond for the tenths that we round down.
        expect(freshFor(response, request)).toBeLessThanOrEqual(oracle(response, request) + 1)
      }),
      { numRuns: 3_000 },
    )
  })

  it('M-9: by headers alone or by our own lifetime, what states a lifetime has the same', () => {
    fc.assert(
      fc.property(responses, (response) => {
        const facts = { ...plain, status: response.status, fields: response.fields }
        const headers = checkStorability(facts, byHeaders, [], now)
        const ours = checkStorability(facts, own, [], now)
        if (!headers.store) {
          // Ours stores more, and what it adds has the lifetime of the option.
          if (ours.store) expect(ours.lifetime).toEqual({ milliseconds: 60_000, source: 'option' })
        } else if (headers.lifetime.source !== 'option') {
          // Ours stores fewer statuses, and never one for longer.
          if (ours.store) expect(ours.lifetime).toEqual(headers.lifetime)
          else expect(ours.reason).toBe('status')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

interface Response {
  readonly status: number
  readonly fields: readonly string[]
}
interface Circumstances {
  readonly authorized: boolean
  readonly requestNoStore: boolean
  readonly heuristic: boolean
}

/** Milliseconds for which we answer from the store. */
function freshFor(response: Response, { heuristic, ...request }: Circumstances): number {
  const { status, fields } = response
  const policy = { ...byHeaders, heuristic }
  const cacheability = checkStorability({ ...plain, ...request, status, fields }, policy, [], now)
  if (!cacheability.store || cacheability.noCache) return 0
  const age = initialAge(fields, now, now)
  const windows = { staleWhileRevalidate: 0, staleIfError: 0 }
  const { staleAt } = timelineOf(cacheability.lifetime.milliseconds, age, now, windows)
  return Math.max(0, staleAt - now)
}

class Oracle extends CachePolicy {
  now(): number {
    return now
  }
}

/** What the oracle says, with the age as we count it: from Date too, and not beyond 2^31 (differences 14 and 19). */
function oracle(response: Response, request: Circumstances): number {
  const headers: Record<string, string> = {}
  for (let i = 0; i < response.fields.length; i += 2) {
    const name = response.fields[i] ?? ''
    headers[name.toLowerCase()] = fieldLines(response.fields, name).join(', ')
  }
  const policy = new Oracle(
    {
      method: 'GET',
      url: '/',
      headers: {
        ...(request.authorized ? { authorization: 'Bearer a' } : {}),
        ...(request.requestNoStore ? { 'cache-control': 'no-store' } : {}),
      },
    },
    { status: response.status, headers },
    { shared: true, cacheHeuristic: request.heuristic ? 0.1 : 0, immutableMinTimeToLive: 0 },
  )
  if (!policy.storable()) return 0
  const date = Date.parse(headers['date'] ?? '')
  const apparent = Number.isNaN(date) ? 0 : Math.max(0, now - date) / 1000
  const age = Math.max(apparent, Math.min(policy.age(), 2 ** 31))
  return Math.max(0, policy.maxAge() - age) * 1000
}

const seconds = fc.nat(100_000)
const dates = fc.integer({ min: -100_000, max: 100_000 }).map(at)
const directives = fc
  .uniqueArray(
    fc.oneof(
      fc.tuple(fc.constantFrom('max-age', 's-maxage'), seconds.map(String)),
      fc.tuple(fc.constantFrom('stale-while-revalidate', 'stale-if-error'), seconds.map(String)),
      // Left out: proxy-revalidate (difference 1) and must-understand (17).
      fc.tuple(fc.constantFrom('public', 'must-revalidate', 'immutable', 'x')),
      fc.tuple(fc.constantFrom('private', 'no-store', 'no-cache', 'private="a"')),
    ),
    { selector: ([name]) => name, maxLength: 4 },
  )
  .map((list) => list.map((directive) => directive.join('=')).join(', '))

// Left out: fields on several lines (18), Set-Cookie beside public (16), and statuses beyond those the oracle knows (15).
const responses: fc.Arbitrary<Response> = fc.record({
  status: fc.constantFrom(
    200,
    203,
    204,
    206,
    300,
    301,
    302,
    303,
    307,
    308,
    404,
    405,
    410,
    414,
    501,
  ),
  fields: fc
    .record(
      {
        'Cache-Control': directives,
        Expires: fc.oneof(dates, fc.constantFrom('0', '-1', 'never')),
        Date: fc.oneof(dates, fc.constantFrom('0x', 'never')),
        'Last-Modified': fc.oneof(dates, fc.constant('never')),
        Age: fc.oneof(seconds.map(String), fc.constantFrom('x', '')),
        Vary: fc.constantFrom('*', 'Accept', 'accept, accept-encoding'),
        ETag: fc.constant('"1"'),
      },
      { requiredKeys: [] },
    )
    .map((record) => Object.entries(record).flat()),
})

const number = fc.oneof(
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
  fc.constantFrom('', '-0', '1e9', '0x7f', '60.5', '60s', 'NaN', 'Infinity', '"60"', ' 60', '٦٠'),
)
// From the year 1075 on, since the oracle takes a year below 100 for one of ours, to 9948.
const absurdDates = fc.integer({ min: -30_000_000_000, max: 250_000_000_000 }).map(at)
const carelessDates = fc.oneof(
  absurdDates,
  fc.constantFrom('', '0', 'never', 'Wed, 04 Mar 2026', '2027-01-01', '2027-01-01T00:00:00Z'),
  fc.constantFrom('Thursday, 04-Mar-27 12:00:00 GMT', 'Thu Mar  4 12:00:00 2027', '1 Jan 2099'),
  fc.constantFrom('Thu, 04 Mar 2027 12:00:00 +0100', 'Thu, 04 Mar 2027 25:00:00 GMT'),
)
const absurd: fc.Arbitrary<Response> = fc.record({
  status: fc.constantFrom(200, 204, 206, 301, 302, 404, 410, 501),
  fields: fc
    .record(
      {
        'Cache-Control': fc
          .uniqueArray(fc.tuple(fc.constantFrom('max-age', 's-maxage', 'max-age '), number), {
            selector: ([name]) => name.trim().toLowerCase(),
            maxLength: 2,
          })
          .map((list) => list.map((directive) => directive.join('=')).join(', ')),
        Expires: carelessDates,
        // Left out: a Date that the oracle can read and we cannot (difference 20).
        Date: fc.oneof(absurdDates, fc.constantFrom('', 'never', '25:00')),
        'Last-Modified': carelessDates,
        Age: fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
      },
      { requiredKeys: [] },
    )
    .map((record) => Object.entries(record).flat()),
})
