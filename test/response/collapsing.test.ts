import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Sequence } from '../../src/invalidation/sequence.ts'
import { InFlightRender, RequestCollapsing } from '../../src/response/collapsing.ts'

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
    const render = new InFlightRender('k', { startSequence: 0, verifiedAt: 0 }, () => [])
    const waits = [render.wait(5_000), render.wait(60_000)].map(ended)
    expect(render.waiting).toBe(2)
    expect(await waits[0]?.()).toBe('waiting')
    render.settle()
    for (const wait of waits) expect(await wait()).toBe('settled')
    expect(render.waiting).toBe(0)
    expect(await render.wait(5_000)).toBe('settled')
    render.settle()
  })

  it('lets each go on when its own time is over, and leaves no timer behind', async () => {
    const render = new InFlightRender('k', { startSequence: 0, verifiedAt: 0 }, () => [])
    const short = ended(render.wait(1_000))
    const long = ended(render.wait(2_000))
    await vi.advanceTimersByTimeAsync(999)
    expect([await short(), await long()]).toEqual(['waiting', 'waiting'])
    await vi.advanceTimersByTimeAsync(1)
    expect([await short(), await long()]).toEqual(['timeout', 'waiting'])
    expect(render.waiting).toBe(1)
    render.settle()
    expect(await long()).toBe('settled')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a wait longer than any timer runs is a long one, not none', async () => {
    const render = new InFlightRender('k', { startSequence: 0, verifiedAt: 0 }, () => [])
    const wait = ended(render.wait(30 * 86_400_000))
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(await wait()).toBe('waiting')
    render.settle()
  })
})

describe('a making', () => {
  it('is overtaken when something it is known to depend on was invalidated since it started', () => {
    const sequence = new Sequence()
    const known = ['tag:a']
    const render = new InFlightRender('k', sequence.start(), () => known)
    expect(render.isSuperseded(sequence)).toBe(false)
    sequence.record(['tag:b'], false)
    expect(render.isSuperseded(sequence)).toBe(false)
    known.push('tag:b')
    expect(render.isSuperseded(sequence)).toBe(true)
    expect(new InFlightRender('k', sequence.start(), () => known).isSuperseded(sequence)).toBe(
      false,
    )
  })

  it('is not overtaken by a soft invalidation: what it makes may be served once more', () => {
    const sequence = new Sequence()
    const render = new InFlightRender('k', sequence.start(), () => ['tag:a'])
    sequence.record(['tag:a'], true)
    expect(render.isSuperseded(sequence)).toBe(false)
  })
})

describe('requests for one key', () => {
  it('find the making that leads, until it settles', () => {
    const collapsing = new RequestCollapsing()
    expect(collapsing.find('k')).toBeUndefined()
    const render = collapsing.lead('k', { startSequence: 3, verifiedAt: 0 }, () => ['tag:a'])
    expect(collapsing.find('k')).toBe(render)
    expect([render.key, render.start.startSequence]).toEqual(['k', 3])
    expect(collapsing.find('other')).toBeUndefined()
    expect(collapsing.render).toBe(1)
    collapsing.settle(render)
    expect(collapsing.find('k')).toBeUndefined()
    expect(collapsing.render).toBe(0)
  })

  it('a making that was overtaken keeps those who wait for it, and its end does not end its successor', async () => {
    const collapsing = new RequestCollapsing()
    const overtaken = collapsing.lead('k', { startSequence: 0, verifiedAt: 0 }, () => [])
    const early = ended(overtaken.wait(5_000))
    const successor = collapsing.lead('k', { startSequence: 1, verifiedAt: 0 }, () => [])
    const late = ended(successor.wait(5_000))
    expect(collapsing.find('k')).toBe(successor)
    collapsing.settle(overtaken)
    expect([await early(), await late()]).toEqual(['settled', 'waiting'])
    expect(collapsing.find('k')).toBe(successor)
    collapsing.settle(successor)
    expect(await late()).toBe('settled')
    expect(collapsing.render).toBe(0)
  })
})

describe('a response that takes too long', () => {
  it('is still known to be made beside another one, until it ends', () => {
    const collapsing = new RequestCollapsing()
    const sequence = new Sequence({ maxStaleness: Infinity })
    const first = collapsing.lead('k', sequence.start(), () => [])
    expect(collapsing.isRenderedBeside('k', first)).toBe(false)
    vi.advanceTimersByTime(5_000)
    expect(collapsing.inTime('k', 5_000)).toBeUndefined()
    const second = collapsing.lead('k', sequence.start(), () => [])
    expect(collapsing.inTime('k', 5_000)).toBe(second)
    expect(collapsing.isRenderedBeside('k', second)).toBe(true)
    collapsing.settle(first)
    expect(collapsing.isRenderedBeside('k', second)).toBe(false)
    expect(collapsing.render).toBe(1)
  })
})
