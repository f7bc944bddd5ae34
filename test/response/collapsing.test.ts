import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Sequence } from '../../src/invalidation/sequence.ts'
import { Making, RequestCollapsing } from '../../src/response/collapsing.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** How a wait ended, as far as it has. */
function ended(wait: Promise<unknown>): () => Promise<unknown> {
  let how: unknown = 'waiting'
  void wait.then((end) => (how = end))
  return async () => {
    await vi.advanceTimersByTimeAsync(0)
    return how
  }
}

describe('a response being made', () => {
  it('lets all who wait go on when it settles, and nobody wait afterwards', async () => {
    const making = new Making('k', { stamp: 0, asOf: 0 }, () => [])
    const waits = [making.wait(5_000), making.wait(60_000)].map(ended)
    expect(making.waiting).toBe(2)
    expect(await waits[0]?.()).toBe('waiting')
    making.settle()
    for (const wait of waits) expect(await wait()).toBe('settled')
    expect(making.waiting).toBe(0)
    expect(await making.wait(5_000)).toBe('settled')
    making.settle()
  })

  it('lets each go on when its own time is over, and leaves no timer behind', async () => {
    const making = new Making('k', { stamp: 0, asOf: 0 }, () => [])
    const short = ended(making.wait(1_000))
    const long = ended(making.wait(2_000))
    await vi.advanceTimersByTimeAsync(999)
    expect([await short(), await long()]).toEqual(['waiting', 'waiting'])
    await vi.advanceTimersByTimeAsync(1)
    expect([await short(), await long()]).toEqual(['timeout', 'waiting'])
    expect(making.waiting).toBe(1)
    making.settle()
    expect(await long()).toBe('settled')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a wait longer than any timer runs is a long one, not none', async () => {
    const making = new Making('k', { stamp: 0, asOf: 0 }, () => [])
    const wait = ended(making.wait(30 * 86_400_000))
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(await wait()).toBe('waiting')
    making.settle()
  })
})

describe('a making', () => {
  it('is overtaken when something it is known to depend on was invalidated since it started', () => {
    const sequence = new Sequence()
    const known = ['tag:a']
    const making = new Making('k', sequence.start(), () => known)
    expect(making.isOvertaken(sequence)).toBe(false)
    sequence.record(['tag:b'], false)
    expect(making.isOvertaken(sequence)).toBe(false)
    known.push('tag:b')
    expect(making.isOvertaken(sequence)).toBe(true)
    expect(new Making('k', sequence.start(), () => known).isOvertaken(sequence)).toBe(false)
  })

  it('is not overtaken by a soft invalidation: what it makes may be served once more', () => {
    const sequence = new Sequence()
    const making = new Making('k', sequence.start(), () => ['tag:a'])
    sequence.record(['tag:a'], true)
    expect(making.isOvertaken(sequence)).toBe(false)
  })
})

describe('requests for one key', () => {
  it('find the making that leads, until it settles', () => {
    const collapsing = new RequestCollapsing()
    expect(collapsing.find('k')).toBeUndefined()
    const making = collapsing.lead('k', { stamp: 3, asOf: 0 }, () => ['tag:a'])
    expect(collapsing.find('k')).toBe(making)
    expect([making.key, making.start.stamp]).toEqual(['k', 3])
    expect(collapsing.find('other')).toBeUndefined()
    expect(collapsing.making).toBe(1)
    collapsing.settle(making)
    expect(collapsing.find('k')).toBeUndefined()
    expect(collapsing.making).toBe(0)
  })

  it('a making that was overtaken keeps those who wait for it, and its end does not end its successor', async () => {
    const collapsing = new RequestCollapsing()
    const overtaken = collapsing.lead('k', { stamp: 0, asOf: 0 }, () => [])
    const early = ended(overtaken.wait(5_000))
    const successor = collapsing.lead('k', { stamp: 1, asOf: 0 }, () => [])
    const late = ended(successor.wait(5_000))
    expect(collapsing.find('k')).toBe(successor)
    collapsing.settle(overtaken)
    expect([await early(), await late()]).toEqual(['settled', 'waiting'])
    expect(collapsing.find('k')).toBe(successor)
    collapsing.settle(successor)
    expect(await late()).toBe('settled')
    expect(collapsing.making).toBe(0)
  })
})

describe('a response that takes too long', () => {
  it('is still known to be made beside another one, until it ends', () => {
    const collapsing = new RequestCollapsing()
    const sequence = new Sequence({ maxStaleness: Infinity })
    const first = collapsing.lead('k', sequence.start(), () => [])
    expect(collapsing.isMadeBeside('k', first)).toBe(false)
    vi.advanceTimersByTime(5_000)
    expect(collapsing.inTime('k', 5_000)).toBeUndefined()
    const second = collapsing.lead('k', sequence.start(), () => [])
    expect(collapsing.inTime('k', 5_000)).toBe(second)
    expect(collapsing.isMadeBeside('k', second)).toBe(true)
    collapsing.settle(first)
    expect(collapsing.isMadeBeside('k', second)).toBe(false)
    expect(collapsing.making).toBe(1)
  })
})
