import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SoftInvalidations, fractionOf } from '../../src/invalidation/soft.ts'

const roomy = { limit: 1_000, maxLength: 100_000 }
const minute = 60_000

describe('a spread', () => {
  it('gives each key a moment of its own, the same whenever it is asked for', () => {
    const softenings = new SoftInvalidations(roomy)
    softenings.add(1, ['tag:posts'], { at: 1_000, over: minute })
    const moments = Array.from({ length: 1_000 }, (_, i) =>
      softenings.timestamp(0, ['tag:posts'], `http://a/posts/${i}`),
    )
    expect(new Set(moments).size).toBe(1_000)
    expect(softenings.timestamp(0, ['tag:posts'], 'http://a/posts/7')).toBe(moments[7])
    for (const moment of moments) {
      expect(moment).toBeGreaterThanOrEqual(1_000)
      expect(moment).toBeLessThan(1_000 + minute)
    }
    // Of 1,000 pages 100 are meant for each tenth of it.
    for (let tenth = 0; tenth < 10; tenth++) {
      const from = 1_000 + (tenth * minute) / 10
      const count = moments.filter((each) => each >= from && each < from + minute / 10).length
      expect(count).toBeGreaterThan(70)
      expect(count).toBeLessThan(130)
    }
  })

  it('has fragments in its first half, and in its second what encloses some', () => {
    for (let i = 0; i < 100; i++) {
      const card = `fragment:card ${i}`
      expect(fractionOf(card, ['fragment:card', `key:${card}`])).toBeLessThan(0.5)
      const list = `fragment:list ${i}`
      expect(fractionOf(list, [`key:${list}`, `key:${card}`])).toBeGreaterThanOrEqual(0.5)
      expect(
        fractionOf(`http://a/${i}`, [`key:http://a/${i}`, `key:${card}`]),
      ).toBeGreaterThanOrEqual(0.5)
    }
  })

  it('says nothing of what was made behind it, nor of what does not depend on it', () => {
    const softenings = new SoftInvalidations(roomy)
    softenings.add(5, ['tag:posts'], { at: 1_000, over: minute })
    expect(softenings.timestamp(5, ['tag:posts'], 'k')).toBe(Infinity)
    expect(softenings.timestamp(4, ['tag:users'], 'k')).toBe(Infinity)
    expect(softenings.timestamp(4, ['tag:posts'], 'k')).toBeLessThan(1_000 + minute)
  })

  it('of everything is one of whatever there is', () => {
    const softenings = new SoftInvalidations(roomy)
    softenings.add(5, 'all', { at: 1_000, over: minute })
    expect(softenings.timestamp(4, [], 'k')).toBe(1_000 + minute * fractionOf('k', []))
    expect(softenings.timestamp(5, [], 'k')).toBe(Infinity)
    softenings.add(6, 'all', true)
    expect(softenings.timestamp(5, [], 'k')).toBe(0)
  })

  it('is not put off by another one', () => {
    const softenings = new SoftInvalidations(roomy)
    const first = 1_000 + minute * fractionOf('k', [])
    for (let i = 0; i < 100; i++)
      softenings.add(i + 1, ['a'], { at: 1_000 + i * 1_000, over: minute })
    expect(softenings.timestamp(0, ['a'], 'k')).toBeLessThanOrEqual(first)
    // What was made behind the first is stale by the second, or sooner, and what is as old as the last but one by the last.
    expect(softenings.timestamp(1, ['a'], 'k')).toBeLessThanOrEqual(first + 1_000)
    expect(softenings.timestamp(99, ['a'], 'k')).toBe(first + 99_000)
  })

  it('is never later than what was invalidated since says, whatever else was, and in whichever order it is heard of', () => {
    const invalidation = fc.record({
      name: fc.constantFrom('a', 'a', 'a', 'b', 'all' as const),
      wait: fc.integer({ min: 0, max: 3 }),
      // One of twenty is at once.
      over: fc.integer({ min: -50, max: 1_000 }).map((over) => Math.max(0, over)),
      delay: fc.integer({ min: 0, max: 4 }),
    })
    const many = fc.array(invalidation, { minLength: 20, maxLength: 40, size: 'max' })
    const stamps = fc.integer({ min: 0, max: 40 })
    const dependencyMap = fc.constantFrom<string[]>(['a'], ['b'], ['a', 'b'], ['c'])
    fc.assert(
      fc.property(
        many,
        stamps,
        dependencyMap,
        fc.string(),
        (given, startSequence, dependencies, key) => {
          let at = 1_000
          const all = given.map(({ name, wait, over, delay }, i) => {
            at += wait
            return { number: i + 1, heard: i + delay, name, at, over }
          })
          const softenings = new SoftInvalidations(roomy)
          let latest = Infinity
          for (const each of all.toSorted((a, b) => a.heard - b.heard)) {
            const { number, name, over } = each
            const softness = over === 0 || { at: each.at, over }
            softenings.add(number, name === 'all' ? 'all' : [name], softness)
            if (number > startSequence && (name === 'all' || dependencies.includes(name))) {
              latest = Math.min(
                latest,
                over === 0 ? 0 : each.at + over * fractionOf(key, dependencies),
              )
            }
            const moment = softenings.timestamp(startSequence, dependencies, key)
            expect(moment).toBeLessThanOrEqual(latest)
            expect(moment === Infinity).toBe(latest === Infinity)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('that is over counts as if it had been at once', () => {
    const softenings = new SoftInvalidations(roomy)
    softenings.add(1, ['a'], { at: 1_000, over: minute })
    softenings.add(2, ['a'], { at: 1_000 + minute, over: minute })
    expect(softenings.timestamp(0, ['a'], 'k')).toBe(0)
    expect(softenings.timestamp(1, ['a'], 'k')).toBeGreaterThan(minute)
  })

  it('gives way to an invalidation that softens at once, in whichever order they arrive', () => {
    const spread = { at: 1_000, over: minute }
    const moment = 1_000 + minute * fractionOf('k', [])
    for (const order of [
      [1, 2, 3],
      [2, 1, 3],
      [3, 2, 1],
      [3, 1, 2],
    ]) {
      const softenings = new SoftInvalidations(roomy)
      for (const number of order) softenings.add(number, ['a'], number === 2 ? true : spread)
      expect(
        [0, 1, 2, 3].map((startSequence) => softenings.timestamp(startSequence, ['a'], 'k')),
      ).toEqual([0, 0, moment, Infinity])
    }
  })

  it('is remembered in a bounded space; what is older than what was forgotten is stale at once', () => {
    const softenings = new SoftInvalidations({ limit: 10, maxLength: 1_000 })
    for (let i = 1; i <= 50; i++) softenings.add(i, [`tag:${i}`], { at: 1_000, over: minute })
    expect(softenings.length).toBe(10 * 'tag:50'.length)
    expect(softenings.timestamp(39, ['tag:1'], 'k')).toBe(0)
    expect(softenings.timestamp(40, ['tag:1'], 'k')).toBe(Infinity)
    expect(softenings.timestamp(40, ['tag:41'], 'k')).toBeGreaterThan(0)
  })
})
