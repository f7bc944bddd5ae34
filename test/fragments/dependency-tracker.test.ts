import { expect, it } from 'vitest'
import { DependencyTracker } from '../../src/fragments/dependency-tracker.ts'

it('a recording begins with nothing but the number at which it started', () => {
  const tracker = new DependencyTracker({ startSequence: 7, verifiedAt: 0 })
  expect(tracker.startSequence).toBe(7)
  expect([tracker.tags.size, tracker.dependencies.size]).toEqual([0, 0])
  expect([tracker.maxAge, tracker.refusal]).toEqual([undefined, undefined])
})

it('what encloses never outlives what it encloses: the shortest maxAge holds, 0 too', () => {
  const tracker = new DependencyTracker({ startSequence: 0, verifiedAt: 0 })
  tracker.limitMaxAge(60_000)
  tracker.limitMaxAge(90_000)
  expect(tracker.maxAge).toBe(60_000)
  tracker.limitMaxAge(0)
  tracker.limitMaxAge(5)
  expect(tracker.maxAge).toBe(0)
})

it('the first refusal is the one that is told', () => {
  const tracker = new DependencyTracker({ startSequence: 0, verifiedAt: 0 })
  tracker.refuse('first')
  tracker.refuse('second')
  expect(tracker.refusal).toEqual({ reason: 'draft', detail: 'first' })
})

it('dependencies are seen by whoever holds the set, as they are added', () => {
  const tracker = new DependencyTracker({ startSequence: 0, verifiedAt: 0 })
  const { dependencies } = tracker
  tracker.dependencies.add('tag:late')
  expect([...dependencies]).toEqual(['tag:late'])
})
