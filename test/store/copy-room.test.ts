import { describe, expect, it } from 'vitest'
import { CopyRoom } from '../../src/store/copy-room.ts'

describe('the room of copies under way', () => {
  it('makes room by the copy that has stood still for the longest time', () => {
    const room = new CopyRoom(100)
    const out: string[] = []
    const copy = (name: string): { crowdOut(): void } => ({ crowdOut: () => out.push(name) })
    const [stalled, slow, quick] = [copy('stalled'), copy('slow'), copy('quick')]
    room.take(stalled, 40)
    room.take(slow, 40)
    room.take(slow, 10)
    room.take(quick, 20)
    expect([out, room.held]).toEqual([['stalled'], 70])
    room.leave(slow)
    room.leave(slow)
    room.leave(stalled)
    expect(room.held).toBe(20)
  })

  it('keeps no copy that is larger than the room', () => {
    const room = new CopyRoom(100)
    let isOut = false
    room.take({ crowdOut: () => (isOut = true) }, 101)
    expect([isOut, room.held]).toEqual([true, 0])
  })
})
