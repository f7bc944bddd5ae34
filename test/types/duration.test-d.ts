import { expectTypeOf, test } from 'vitest'
import type { Duration } from '../../src/values/duration.ts'

test('a duration is milliseconds or a number with a unit, and nothing else', () => {
  expectTypeOf<5_000>().toExtend<Duration>()
  expectTypeOf<'5m'>().toExtend<Duration>()
  // @ts-expect-error -- a unit is needed in a string
  const bare: Duration = '5'
  // @ts-expect-error -- no such unit
  const months: Duration = '5 months'
})
