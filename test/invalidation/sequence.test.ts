import { describe, expect, it } from 'vitest'
import { Roster, instancesIn } from '../../src/redis/instances.ts'
import { Sequence, MAX_UNCHECKED } from '../../src/invalidation/sequence.ts'
import { Random } from '../support/random.ts'

describe('the sequence of invalidations', () => {
  it('numbers invalidations from 1, soft ones and those of everything among them', () => {
    const sequence = new Sequence()
    expect(sequence.applied).toBe(0)
    expect(sequence.record(['a'], false)).toBe(1)
    expect(sequence.record(['a', 'b'], true)).toBe(2)
    expect(sequence.record('all', false)).toBe(3)
    expect(sequence.record('all', true)).toBe(4)
    expect(sequence.applied).toBe(4)
  })

  it('the fence: what began before an invalidation falls by it, what began after does not', () => {
    const sequence = new Sequence()
    const before = sequence.applied
    sequence.record(['a'], false)
    const after = sequence.applied
    expect(sequence.invalidatedBy(before, ['x', 'a'])).toBe('a')
    expect(sequence.invalidatedBy(after, ['x', 'a'])).toBeUndefined()
    sequence.record(['x'], false)
    expect(sequence.invalidatedBy(after, ['x', 'a'])).toBe('x')
    expect(sequence.invalidatedBy(after, ['a'])).toBeUndefined()
  })

  it('precision: nothing falls by what it does not depend on, and what depends on nothing never falls', () => {
    const sequence = new Sequence()
    for (let i = 0; i < 1_000; i++) sequence.record([`tag:${i}`], false)
    expect(sequence.invalidatedBy(0, ['tag:1000'])).toBeUndefined()
    expect(sequence.invalidatedBy(0, [])).toBeUndefined()
    expect(sequence.invalidatedBy(500, ['tag:499'])).toBeUndefined()
    expect(sequence.invalidatedBy(499, ['tag:499'])).toBe('tag:499')
  })

  it('the last of several invalidations of one dependency counts', () => {
    const sequence = new Sequence()
    sequence.record(['a'], false)
    sequence.record(['b'], false)
    sequence.record(['a'], false)
    expect(sequence.invalidatedBy(2, ['a'])).toBe('a')
    expect(sequence.invalidatedBy(3, ['a'])).toBeUndefined()
    expect(sequence.invalidatedBy(2, ['b'])).toBeUndefined()
  })

  it('the floor: an invalidation of everything fells all that began before, whatever it depends on', () => {
    const sequence = new Sequence()
    const before = sequence.applied
    sequence.record('all', false)
    const after = sequence.applied
    expect(sequence.invalidatedBy(before, [])).toBe('all')
    expect(sequence.invalidatedBy(before, ['a'])).toBe('all')
    expect(sequence.invalidatedBy(after, ['a'])).toBeUndefined()
    sequence.record(['other'], false)
    expect(sequence.invalidatedBy(after, ['a'])).toBeUndefined()
    expect(sequence.invalidatedBy(before, [])).toBe('all')
  })

  it('soft invalidations fell nothing: they soften what began before', () => {
    const sequence = new Sequence()
    sequence.record(['a'], true)
    expect(sequence.invalidatedBy(0, ['a'])).toBeUndefined()
    expect(sequence.softInvalidationAt(0, ['a'], 'k')).toBe(0)
    expect(sequence.softInvalidationAt(0, ['b'], 'k')).toBe(Infinity)
    expect(sequence.softInvalidationAt(1, ['a'], 'k')).toBe(Infinity)
    sequence.record(['b'], false)
    expect(sequence.softInvalidationAt(1, ['a'], 'k')).toBe(Infinity)
    expect(sequence.softInvalidationAt(0, ['b'], 'k')).toBe(Infinity)
  })

  it('a soft invalidation of everything softens all that began before', () => {
    const sequence = new Sequence()
    sequence.record('all', true)
    sequence.record(['other'], false)
    expect(sequence.invalidatedBy(0, ['a'])).toBeUndefined()
    expect(sequence.softInvalidationAt(0, [], 'k')).toBe(0)
    expect(sequence.softInvalidationAt(1, ['a'], 'k')).toBe(Infinity)
  })

  it('the limit: what is forgotten counts as invalidated, never as valid', () => {
    const sequence = new Sequence({ limit: 3 })
    for (const name of ['a', 'b', 'c']) sequence.record([name], false)
    expect(sequence.invalidatedBy(0, ['x'])).toBeUndefined()
    sequence.record(['d'], false)
    // 'a' is forgotten: what began before its invalidation may depend on it.
    expect(sequence.invalidatedBy(0, ['a'])).toBe('all')
    expect(sequence.invalidatedBy(0, ['x'])).toBe('all')
    expect(sequence.invalidatedBy(1, ['a'])).toBeUndefined()
    expect(sequence.invalidatedBy(1, ['b'])).toBe('b')
  })

  it('the limit holds when one invalidation names more than it', () => {
    const sequence = new Sequence({ limit: 3 })
    sequence.record(['a', 'b', 'c', 'd', 'e'], false)
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      expect(sequence.invalidatedBy(0, [name])).toBe('all')
      expect(sequence.invalidatedBy(1, [name])).toBeUndefined()
    }
  })

  it('soft invalidations that are forgotten count as softening, and fell nothing', () => {
    const sequence = new Sequence({ limit: 2 })
    for (const name of ['a', 'b', 'c']) sequence.record([name], true)
    expect(sequence.softInvalidationAt(0, ['a'], 'k')).toBe(0)
    expect(sequence.softInvalidationAt(0, ['x'], 'k')).toBe(0)
    expect(sequence.softInvalidationAt(1, ['x'], 'k')).toBe(Infinity)
    expect(sequence.invalidatedBy(0, ['a', 'x'])).toBeUndefined()
  })

  it('one dependency invalidated again and again takes one place', () => {
    const sequence = new Sequence({ limit: 2 })
    sequence.record(['a'], false)
    for (let i = 0; i < 100; i++) sequence.record(['b'], false)
    expect(sequence.invalidatedBy(0, ['x'])).toBeUndefined()
    expect(sequence.invalidatedBy(0, ['a'])).toBe('a')
  })

  const seed = 7_001
  it(`agrees with the whole history, but for what its limit makes it too careful about (seed ${seed})`, () => {
    const random = new Random(seed)
    const names = Array.from({ length: 12 }, (_, i) => `tag:${i}`)
    const faults: string[] = []
    let careful = 0
    let exact = 0
    for (let round = 0; round < 400; round++) {
      const limit = random.one([2, 5, 100])
      const sequence = new Sequence({ limit })
      const history: { dependencies: readonly string[] | 'all'; soft: boolean }[] = []
      const check = (what: string, isRight: boolean): void => {
        if (!isRight) faults.push(`${what}, round ${round}, after ${history.length}`)
      }
      for (let step = 0; step < 40; step++) {
        const soft = random.chance(0.3)
        const dependencies = random.chance(0.05) ? 'all' : names.filter(() => random.chance(0.15))
        history.push({ dependencies, soft })
        const number =
          dependencies === 'all'
            ? sequence.record('all', soft)
            : sequence.record(dependencies, soft)
        check('number', number === history.length)
        const startSequence = random.below(history.length + 1)
        const closure = names.filter(() => random.chance(0.2))
        const hits = (isSoft: boolean): boolean =>
          history
            .slice(startSequence)
            .some(
              (each) =>
                each.soft === isSoft &&
                (each.dependencies === 'all' ||
                  each.dependencies.some((name) => closure.includes(name))),
            )
        const isFelled = sequence.invalidatedBy(startSequence, closure) !== undefined
        const isSoftened = sequence.softInvalidationAt(startSequence, closure, 'k') === 0
        // Never valid where the history says otherwise; with room for all of it, exactly as it says.
        check('felled', isFelled || !hits(false))
        check('softened', isSoftened || !hits(true))
        if (limit === 100) {
          check('felled exactly', isFelled === hits(false))
          check('softened exactly', isSoftened === hits(true))
          exact++
        } else if (isFelled !== hits(false)) careful++
      }
    }
    expect(faults).toEqual([])
    expect(exact).toBeGreaterThan(3_000)
    expect(careful).toBeGreaterThan(100)
  })
})

describe('where several instances share the order', () => {
  it('an invalidation without a number yet takes a place between two: what starts behind it stands', () => {
    const sequence = new Sequence()
    sequence.apply(5, ['other'], false)
    const before = sequence.start()
    const number = sequence.provisional(['a'], false)
    expect(number).toBeGreaterThan(5)
    expect(number).toBeLessThan(6)
    const after = sequence.start()
    expect(sequence.invalidatedBy(before.startSequence, ['a'])).toBe('a')
    expect(sequence.invalidatedBy(after.startSequence, ['a'])).toBeUndefined()
    // Its number in the shared order is later than both.
    sequence.apply(6, ['a'], false)
    expect(sequence.invalidatedBy(after.startSequence, ['a'])).toBe('a')
    expect(sequence.invalidatedBy(sequence.start().startSequence, ['a'])).toBeUndefined()
  })

  it('several without a number follow each other, soft ones too', () => {
    const sequence = new Sequence()
    const first = sequence.provisional(['a'], false)
    const second = sequence.provisional(['b'], true)
    const third = sequence.provisional('all', false)
    expect([first, second, third, 1].toSorted((a, b) => a - b)).toEqual([first, second, third, 1])
    expect(sequence.softInvalidationAt(first, ['b'], 'k')).toBe(0)
    expect(sequence.invalidatedBy(second, [])).toBe('all')
    expect(sequence.invalidatedBy(third, [])).toBeUndefined()
  })

  it('when there is no place left before the next number, nothing is stored until that comes', () => {
    const sequence = new Sequence()
    while (sequence.provisional(['a'], false) < 1);
    expect(sequence.invalidatedBy(sequence.start().startSequence, [])).toBe('all')
    expect(sequence.applied).toBeLessThan(1)
    sequence.apply(1, ['a'], false)
    expect(sequence.invalidatedBy(sequence.start().startSequence, ['a'])).toBeUndefined()
  })

  it('one that is ahead of others takes effect, and what starts then counts as made before it', () => {
    const sequence = new Sequence()
    sequence.apply(1, ['a'], false)
    sequence.note(3, ['c'], false)
    expect([sequence.applied, sequence.highest]).toEqual([1, 3])
    const { startSequence } = sequence.start()
    expect(startSequence).toBe(1)
    expect(sequence.invalidatedBy(startSequence, ['c'])).toBe('c')
    expect(sequence.invalidatedBy(startSequence, ['b'])).toBeUndefined()
    sequence.apply(2, ['b'], false)
    expect(sequence.invalidatedBy(startSequence, ['b'])).toBe('b')
    sequence.apply(3, [], false)
    expect(sequence.invalidatedBy(sequence.start().startSequence, ['a', 'b', 'c'])).toBeUndefined()
  })

  it('a late one does not take the place of a later one of the same dependency', () => {
    const sequence = new Sequence()
    sequence.note(3, ['a'], false)
    sequence.apply(1, ['a'], false)
    sequence.apply(2, [], false)
    expect(sequence.invalidatedBy(2, ['a'])).toBe('a')
  })

  it('a renewal fells all that was begun before, and the order goes on behind the highest', () => {
    const sequence = new Sequence()
    sequence.apply(4, ['a'], false)
    sequence.note(9, ['b'], false)
    const { startSequence } = sequence.start()
    expect(sequence.renew()).toBe(10)
    expect([sequence.applied, sequence.highest]).toEqual([10, 10])
    expect(sequence.invalidatedBy(startSequence, [])).toBe('all')
    expect(sequence.invalidatedBy(9, [])).toBe('all')
    expect(sequence.invalidatedBy(sequence.start().startSequence, ['a', 'b'])).toBeUndefined()
  })

  it('what is held is trusted for maxStaleness behind the last word of the others, or behind its own beginning', () => {
    let now = 1_000
    const sequence = new Sequence({ maxStaleness: 200, now: () => now })
    expect(sequence.lastHeartbeat).toBe(-Infinity)
    const { verifiedAt } = sequence.start()
    expect(verifiedAt).toBe(1_000)
    // Nobody knows of an instance that has not been heard of yet, so no barrier waits for it.
    expect(sequence.isTrusted(verifiedAt)).toBe(false)
    sequence.heartbeat(500)
    now = 1_199
    expect(sequence.isTrusted(verifiedAt)).toBe(true)
    now = 1_200
    expect(sequence.isTrusted(verifiedAt)).toBe(false)
    expect(sequence.isTrusted(1_001)).toBe(true)
    sequence.heartbeat(1_150)
    expect([
      sequence.isTrusted(verifiedAt),
      sequence.validAt(verifiedAt),
      sequence.validAt(1_180),
    ]).toEqual([true, 1_150, 1_180])
    now = 1_350
    expect(sequence.isTrusted(verifiedAt)).toBe(false)
  })

  it('what is made in a long silence is not trusted either', () => {
    let now = 1_000
    const sequence = new Sequence({ maxStaleness: 200, now: () => now })
    sequence.heartbeat(now)
    now += MAX_UNCHECKED
    expect(sequence.isTrusted(now)).toBe(true)
    now++
    expect(sequence.isTrusted(now)).toBe(false)
  })

  it('a dead instance is waited for until it would believe nothing, and then not again', () => {
    const roster = new Roster()
    const [dead] = instancesIn('a 5000 200\n')
    const [strict] = instancesIn('b 5000 200 strict\n')
    if (!dead || !strict) throw new Error('no line was read')
    roster.note([dead, strict], 1_000)
    expect(roster.endOf(dead, 1_000)).toBe(1_200)
    expect(roster.endOf(dead, 9_000)).toBe(9_200)
    expect(roster.endOf(strict, 9_000)).toBe(1_200)
    const end = 1_000 + MAX_UNCHECKED
    expect(roster.endOf(dead, end - 1)).toBe(end)
    expect(roster.endOf(dead, end + 1)).toBe(end)
  })

  it('an answer that comes late takes back nothing that was heard', () => {
    const sequence = new Sequence({ maxStaleness: 200, now: () => 0 })
    sequence.heartbeat(500)
    sequence.heartbeat(400)
    expect(sequence.lastHeartbeat).toBe(500)
  })

  it('alone, everything is trusted for ever, and nobody asks what time it is', () => {
    const sequence = new Sequence({
      now: () => {
        throw new Error('asked for the time')
      },
    })
    expect(sequence.start()).toEqual({ startSequence: 0, verifiedAt: 0 })
    expect(sequence.isTrusted(0)).toBe(true)
  })

  const seed = 7_002
  it(`agrees with a list of all that is known, in whichever order it comes (seed ${seed})`, () => {
    const random = new Random(seed)
    const names = Array.from({ length: 8 }, (_, i) => `tag:${i}`)
    const faults: string[] = []
    const seen = { ahead: 0, between: 0, renewed: 0, felled: 0, valid: 0 }
    for (let round = 0; round < 400; round++) {
      const sequence = new Sequence()
      const known: { number: number; of: readonly string[] | 'all'; soft: boolean }[] = []
      let applied = 0
      for (let step = 0; step < 40; step++) {
        const soft = random.chance(0.3)
        const of = random.chance(0.05) ? 'all' : names.filter(() => random.chance(0.15))
        const next = Math.floor(applied) + 1
        const way = random.below(10)
        if (way === 0) {
          const number = sequence.renew()
          known.push({ number, of: 'all', soft: false })
          applied = number
          seen.renewed++
        } else if (way < 4) {
          const number = next + 1 + random.below(3)
          sequence.note(number, of, soft)
          known.push({ number, of, soft })
          seen.ahead++
        } else if (way < 6) {
          applied = sequence.provisional(of, soft)
          known.push({ number: applied, of, soft })
          seen.between++
        } else {
          sequence.apply(next, of, soft)
          known.push({ number: next, of, soft })
          applied = next
        }
        const highest = Math.max(...known.map(({ number }) => number))
        const startSequence = random.chance(0.5) ? applied : random.below(applied + 1)
        const dependencies = names.filter(() => random.chance(0.2))
        const isHit = (kind: boolean): boolean =>
          known.some(
            (each) =>
              each.soft === kind &&
              each.number > startSequence &&
              (each.of === 'all' || each.of.some((name) => dependencies.includes(name))),
          )
        const isFelled = sequence.invalidatedBy(startSequence, dependencies) !== undefined
        if (isFelled) seen.felled++
        else seen.valid++
        const isRight =
          sequence.applied === applied &&
          sequence.highest === highest &&
          isFelled === isHit(false) &&
          (sequence.softInvalidationAt(startSequence, dependencies, 'k') === 0) === isHit(true)
        if (!isRight) faults.push(`round ${round}, step ${step}`)
      }
    }
    expect(faults).toEqual([])
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(1_000)
  })
})
