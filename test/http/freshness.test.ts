import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCacheControl } from '../../src/http/cache-control.ts'
import {
  currentAge,
  heuristicLifetime,
  initialAge,
  softened,
  statedLifetime,
  timeToLive,
  timelineOf,
} from '../../src/http/freshness.ts'
import { formatHttpDate } from '../../src/http/http-date.ts'

const now = Date.UTC(2026, 2, 4, 12)
const at = (seconds: number): string => formatHttpDate(now + seconds * 1000)
const none = parseCacheControl(undefined)
const noWindows = { staleWhileRevalidate: 0, staleIfError: 0 }

describe('statedLifetime', () => {
  it('M-18: takes s-maxage, then max-age, then Expires, and says which', () => {
    const fields = ['Expires', at(30)]
    const state = (control: string) =>
      statedLifetime(parseCacheControl(control), false, fields, now)
    expect(state('max-age=1, s-maxage=2')).toEqual({ milliseconds: 2_000, source: 's-maxage' })
    expect(state('max-age=1')).toEqual({ milliseconds: 1_000, source: 'max-age' })
    expect(state('public')).toEqual({ milliseconds: 30_000, source: 'expires' })
    expect(statedLifetime(none, false, [], now)).toBeUndefined()
  })

  it('M-43: a targeted field replaces Expires even where it gives no lifetime', () => {
    const fields = ['Expires', at(30)]
    expect(statedLifetime(parseCacheControl('public'), true, fields, now)).toBeUndefined()
    expect(statedLifetime(parseCacheControl('max-age=1'), true, fields, now)?.source).toBe(
      'targeted',
    )
  })

  it('M-20: Expires counts from Date, or from now where there is none', () => {
    const state = (fields: string[]) => statedLifetime(none, false, fields, now)?.milliseconds
    expect(state(['Expires', at(30)])).toBe(30_000)
    expect(state(['Expires', at(30), 'Date', at(10)])).toBe(20_000)
    expect(state(['Expires', at(30), 'Date', 'yesterday'])).toBe(30_000)
    expect(state(['Expires', at(30), 'Date', at(40)])).toBe(0)
    expect(state(['Expires', '0'])).toBe(0)
    expect(state(['Expires', at(30), 'expires', at(30)])).toBe(0)
  })
})

describe('heuristicLifetime', () => {
  it('M-23: is a tenth of the time from Last-Modified to Date, and never negative', () => {
    const lifetime = (...fields: string[]) =>
      heuristicLifetime(200, none, fields, now)?.milliseconds
    expect(lifetime('Last-Modified', at(-100))).toBe(10_000)
    expect(lifetime('Last-Modified', at(-100), 'Date', at(-50))).toBe(5_000)
    expect(lifetime('Last-Modified', at(100))).toBe(0)
    expect(lifetime('Last-Modified', 'long ago')).toBeUndefined()
    expect(lifetime()).toBeUndefined()
  })

  it('M-9: is for the statuses that may be kept without a lifetime, and for what is public', () => {
    const fields = ['Last-Modified', at(-100)]
    expect(heuristicLifetime(302, none, fields, now)).toBeUndefined()
    expect(heuristicLifetime(302, parseCacheControl('public'), fields, now)).toBeDefined()
    expect(heuristicLifetime(404, none, fields, now)).toBeDefined()
  })
})

describe('initialAge', () => {
  it('M-21: is the greater of the time since Date and the Age that it came with', () => {
    expect(initialAge([], now, now)).toBe(0)
    expect(initialAge(['Date', at(-20)], now, now)).toBe(20_000)
    expect(initialAge(['Date', at(20)], now, now)).toBe(0)
    expect(initialAge(['Age', '30', 'Date', at(-20)], now, now)).toBe(30_000)
    expect(initialAge(['Age', '10', 'Date', at(-20)], now, now)).toBe(20_000)
  })

  it('M-21: the time that the response took is added to an Age that it came with', () => {
    expect(initialAge(['Age', '30'], now - 2_000, now)).toBe(32_000)
    // A clock that was set back meanwhile takes nothing away.
    expect(initialAge(['Age', '30'], now + 2_000, now)).toBe(30_000)
    expect(initialAge([], now - 2_000, now)).toBe(0)
  })

  it('M-21: an Age beyond counting is as old as can be, and one that is no number is ignored', () => {
    for (const age of ['2147483648', '9999999999', '99999999999', '9'.repeat(400)]) {
      expect(initialAge(['Age', age], now, now)).toBe(2 ** 31 * 1000)
    }
    for (const age of ['', '-1', '+5', '1.5', '1e3', '0x10', '5s', 'x', '٥', ',5']) {
      expect(initialAge(['Age', age], now, now)).toBe(0)
    }
    expect(initialAge(['Age', '5, 99'], now, now)).toBe(5_000)
    expect(initialAge(['Age', '5', 'Age', '99'], now, now)).toBe(5_000)
  })
})

describe('timelineOf', () => {
  it('M-28: counts the stale windows from the moment at which it becomes stale', () => {
    const windows = { staleWhileRevalidate: 20, staleIfError: 30 }
    expect(timelineOf(100, 40, now, windows)).toEqual({
      cachedAt: now,
      initialAge: 40,
      staleAt: now + 60,
      revalidateUntil: now + 80,
      errorUntil: now + 90,
      deleteAt: now + 90 + 600_000,
    })
  })

  it('M-34: keeps what is stale on arrival for ten minutes, to be validated', () => {
    expect(timelineOf(0, 5_000, now, noWindows)).toMatchObject({
      staleAt: now - 5_000,
      deleteAt: now + 600_000,
    })
  })

  it('M-21, M-46: tells age and freshness in whole seconds, never in favour of the response', () => {
    const timeline = timelineOf(60_000, 0, now, noWindows)
    const after = (ms: number) => [currentAge(timeline, now + ms), timeToLive(timeline, now + ms)]
    expect(after(0)).toEqual([0, 60])
    expect(after(1)).toEqual([0, 59])
    expect(after(999)).toEqual([0, 59])
    expect(after(1_000)).toEqual([1, 59])
    expect(after(60_001)).toEqual([60, -1])
    // A clock that was set back makes nothing younger than new.
    expect(after(-5_000)[0]).toBe(0)
  })
})

describe('softened', () => {
  it('is stale from now on, and servable as long as it would have been', () => {
    const timeline = timelineOf(100, 0, now, { staleWhileRevalidate: 20, staleIfError: 0 })
    expect(softened(timeline, now + 10)).toEqual({
      ...timeline,
      staleAt: now + 10,
      revalidateUntil: now + 120,
      errorUntil: now + 100,
    })
  })

  it('changes nothing in what is stale already', () => {
    const timeline = timelineOf(100, 0, now, noWindows)
    expect(softened(timeline, now + 100)).toBe(timeline)
  })
})

describe('any response', () => {
  const date = fc.oneof(
    fc.integer({ min: -8.64e12, max: 8.64e12 }).map((seconds) => at(seconds - now / 1000)),
    fc.constantFrom('', '0', '-1', 'never', 'Wed, 04 Mar 2026 12:00:00', '9'.repeat(30)),
    fc.string(),
  )
  const number = fc.oneof(
    fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
    fc.double().map(String),
    fc.string(),
  )
  const fields = fc
    .array(
      fc.oneof(
        fc.tuple(fc.constantFrom('Date', 'Expires', 'Last-Modified'), date),
        fc.tuple(fc.constant('Age'), number),
      ),
    )
    .map((pairs) => pairs.flat())
  const control = fc
    .array(fc.tuple(fc.constantFrom('max-age', 's-maxage', 'stale-if-error', 'public'), number))
    .map((directives) => parseCacheControl(directives.map((pair) => pair.join('=')).join(',')))
  const time = fc.integer({ min: -8.64e15, max: 8.64e15 })

  it('M-19, M-20, M-21: has a lifetime and an age that are numbers, and not negative, whatever it says', () => {
    fc.assert(
      fc.property(fields, control, time, time, (given, directives, requestedAt, receivedAt) => {
        const age = initialAge(given, requestedAt, receivedAt)
        const lifetimes = [
          statedLifetime(directives, false, given, receivedAt),
          heuristicLifetime(200, directives, given, receivedAt),
        ]
        for (const value of [age, ...lifetimes.flatMap((each) => each?.milliseconds ?? [])]) {
          expect(Number.isFinite(value)).toBe(true)
          expect(value).toBeGreaterThanOrEqual(0)
        }
        const timeline = timelineOf(lifetimes[0]?.milliseconds ?? 0, age, receivedAt, noWindows)
        expect(Number.isSafeInteger(currentAge(timeline, receivedAt))).toBe(true)
        expect(timeToLive(timeline, receivedAt) * 1000).toBeLessThanOrEqual(
          lifetimes[0]?.milliseconds ?? 0,
        )
      }),
      { numRuns: 2_000 },
    )
  })
})
