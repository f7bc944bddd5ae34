import { describe, expect, it } from 'vitest'
import { Judge, type Promised } from './judge.ts'

const item = 3
const promise: Promised = { thing: item, version: 2, at: 1000, by: 'a', how: 'awaited' }

function judge(promises: readonly Partial<Promised>[], barrier = false): Judge {
  const made = new Judge({ bound: 100, barrier })
  for (const each of promises) made.promise({ ...promise, ...each })
  return made
}

function verdict(made: Judge, start: number, version: number, by = 'b'): Judge {
  made.read({ start, by, shown: [item, version] })
  made.told('a', Infinity)
  made.judge()
  return made
}

describe('the oracle of the chaos harness', () => {
  it('holds a read that began after an invalidation had returned to its version', () => {
    const { stale, worst, violations } = verdict(judge([{}]), 1150, 1)
    expect({ stale, worst }).toEqual({ stale: 1, worst: 150 })
    expect(violations).toEqual([
      {
        why: 'beyond the bound',
        thing: 'item:3',
        shown: 1,
        promised: 2,
        staleness: 150,
        by: 'b',
        start: 1150,
      },
    ])
  })

  it('lets a read show the old version that began before, and one that shows the new version', () => {
    expect(verdict(judge([{}]), 999, 1)).toMatchObject({ reads: 1, stale: 0, beyond: 0 })
    expect(verdict(judge([{}]), 1500, 2)).toMatchObject({ reads: 1, stale: 0, beyond: 0 })
  })

  it('counts a read within the bound as stale, and as a violation where a barrier was promised', () => {
    expect(verdict(judge([{}]), 1050, 1)).toMatchObject({ stale: 1, worst: 50, beyond: 0 })
    const { violations } = verdict(judge([{}], true), 1050, 1)
    expect(violations.map(({ why }) => why)).toEqual(['behind the barrier'])
  })

  it('lets the process that invalidated show nothing old at all', () => {
    const { violations } = verdict(judge([{}]), 1001, 1, 'a')
    expect(violations.map(({ why }) => why)).toEqual(['by the process that invalidated'])
  })

  it('holds an unconfirmed invalidation against the process that made it, and no other', () => {
    const unconfirmed = [{ how: 'local' }] as const
    expect(verdict(judge(unconfirmed), 5000, 1)).toMatchObject({ stale: 0, beyond: 0 })
    expect(verdict(judge(unconfirmed), 5000, 1, 'a')).toMatchObject({ stale: 1, beyond: 1 })
  })

  it('expects no barrier of an invalidation that was confirmed late', () => {
    expect(verdict(judge([{ how: 'late' }], true), 1050, 1)).toMatchObject({ stale: 1, beyond: 0 })
    expect(verdict(judge([{ how: 'late' }], true), 1150, 1)).toMatchObject({ stale: 1, beyond: 1 })
  })

  it('measures from the first broken promise, in whichever order promises were told', () => {
    const told = [
      { version: 4, at: 1030 },
      { version: 2, at: 1000 },
      { version: 3, at: 1010 },
    ]
    expect(verdict(judge(told), 1040, 1).worst).toBe(40)
    expect(verdict(judge(told), 1040, 2).worst).toBe(30)
    expect(verdict(judge(told), 1040, 3).worst).toBe(10)
    expect(verdict(judge(told), 1040, 4).worst).toBe(0)
  })

  it('judges no read while a process may still tell an earlier promise', () => {
    const made = judge([])
    made.told('a', 1400)
    made.told('c', 1600)
    made.read({ start: 1500, by: 'b', shown: [item, 1] })
    made.judge()
    expect(made.reads).toBe(0)
    made.promise({ ...promise, at: 1350 })
    made.told('a', 1550)
    made.judge()
    expect(made).toMatchObject({ reads: 1, stale: 1, beyond: 1, worst: 150 })
  })
})
