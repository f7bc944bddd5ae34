import { expect, it } from 'vitest'
import { Recording } from '../../src/fragments/dependency-tracker.ts'

it('a recording begins with nothing but the number at which it started', () => {
  const recording = new Recording({ stamp: 7, asOf: 0 })
  expect(recording.stamp).toBe(7)
  expect([recording.tags.size, recording.dependencies.size]).toEqual([0, 0])
  expect([recording.maxAge, recording.refusal]).toEqual([undefined, undefined])
})

it('what encloses never outlives what it encloses: the shortest maxAge holds, 0 too', () => {
  const recording = new Recording({ stamp: 0, asOf: 0 })
  recording.limitMaxAge(60_000)
  recording.limitMaxAge(90_000)
  expect(recording.maxAge).toBe(60_000)
  recording.limitMaxAge(0)
  recording.limitMaxAge(5)
  expect(recording.maxAge).toBe(0)
})

it('the first refusal is the one that is told', () => {
  const recording = new Recording({ stamp: 0, asOf: 0 })
  recording.refuse('first')
  recording.refuse('second')
  expect(recording.refusal).toEqual({ reason: 'draft', detail: 'first' })
})

it('dependencies are seen by whoever holds the set, as they are added', () => {
  const recording = new Recording({ stamp: 0, asOf: 0 })
  const { dependencies } = recording
  recording.dependencies.add('tag:late')
  expect([...dependencies]).toEqual(['tag:late'])
})
