import { describe, expect, it } from 'vitest'
import { WarmPace } from '../../src/flow/warm-pace.ts'

/** An event loop of which visitors take a part, and pages that are made in it. */
class Loop {
  readonly pace: WarmPace
  /** Of each millisecond, what visitors take. */
  visited: number
  active = 0
  idle = 0
  visitors = 0
  /** What pages have taken, and when each began, milliseconds. */
  taken = 0
  readonly began: number[] = []
  waits = 0
  readonly signal = new AbortController()

  constructor(share: number, visited: number) {
    this.visited = visited
    this.pace = new WarmPace({
      share,
      visitors: () => this.visitors,
      loop: () => ({ active: this.active, idle: this.idle }),
      wait: (milliseconds) => {
        this.waits++
        this.pass(milliseconds)
        return Promise.resolve()
      },
    })
  }

  get time(): number {
    return this.active + this.idle
  }

  pass(milliseconds: number): void {
    this.active += milliseconds * this.visited
    this.idle += milliseconds * (1 - this.visited)
    if (this.visited > 0) this.visitors++
  }

  /** One after the other; each keeps the loop busy, and waits for something else. */
  async make(pages: number, busy: number, waiting: number): Promise<void> {
    for (let i = 0; i < pages; i++) {
      const aside = await this.pace.start(this.signal.signal)
      if (aside === undefined) return
      this.began.push(this.time)
      // Those who came meanwhile have their turn behind it, and those who came then.
      this.active += busy / (1 - this.visited)
      this.taken += busy
      this.pass(waiting)
      this.pace.end(aside)
    }
  }
}

describe('while there are visitors', () => {
  it.each([
    [0.1, 0.2, 5],
    [0.1, 0.6, 1],
    [0.05, 0.01, 0.5],
    [0.5, 0.3, 20],
  ])(
    'warming takes no more than its share of the time (%d, where visitors take %d and a page %d ms)',
    async (share, visited, busy) => {
      const loop = new Loop(share, visited)
      loop.pass(1_000)
      const start = loop.time
      await loop.make(300, busy, 2)
      const taken = loop.taken / (loop.time - start)
      expect(taken).toBeLessThan(share * 1.1)
      expect(taken).toBeGreaterThan(share * 0.6)
    },
  )

  it('pages that only wait for something else come as they would without', async () => {
    const loop = new Loop(0.1, 0.3)
    loop.pass(1_000)
    await loop.make(100, 0.1, 10)
    expect(loop.waits).toBeLessThan(5)
  })

  it('pages that take the processor begin with rests between them', async () => {
    const loop = new Loop(0.1, 0.2)
    loop.pass(1_000)
    await loop.make(50, 10, 0.1)
    const rests = loop.began.slice(10).map((time, i) => time - (loop.began[i + 9] ?? 0))
    expect(Math.min(...rests)).toBeGreaterThan(50)
  })

  it('a page begins only when those that began at the same time could be paid for', async () => {
    const loop = new Loop(0.1, 0.2)
    loop.pass(1_000)
    await loop.make(20, 5, 1)
    const first = loop.time
    const asides = [
      await loop.pace.start(loop.signal.signal),
      await loop.pace.start(loop.signal.signal),
      await loop.pace.start(loop.signal.signal),
    ]
    expect(asides.every((aside) => aside !== undefined && aside > 4)).toBe(true)
    // What is set aside for each of the first two is more than has come in.
    expect(loop.time - first).toBeGreaterThan(2 * 45)
  })

  it('it does not take for its own what visitors take, once it has seen them alone', async () => {
    const loop = new Loop(0.2, 0.7)
    loop.pass(1_000)
    await loop.make(100, 1, 20)
    // 1 ms of 21 is less than a fifth.
    expect(loop.waits).toBeLessThan(10)
  })
})

describe('while there are no visitors', () => {
  it('nothing waits, however much a page takes', async () => {
    const loop = new Loop(0.01, 0)
    await loop.make(100, 50, 0)
    expect(loop.waits).toBe(0)
  })

  it('nothing is saved or owed for those who come later', async () => {
    const loop = new Loop(0.1, 0)
    await loop.make(100, 50, 0)
    loop.visited = 0.2
    loop.pass(100)
    const start = loop.time
    loop.taken = 0
    await loop.make(50, 5, 1)
    expect(loop.taken / (loop.time - start)).toBeLessThan(0.13)
    expect(loop.taken / (loop.time - start)).toBeGreaterThan(0.05)
  })

  it('a second after the last of them it goes on as fast as it can', async () => {
    const loop = new Loop(0.1, 0.2)
    loop.pass(1_000)
    await loop.make(20, 5, 1)
    loop.visited = 0
    loop.pass(1_001)
    loop.waits = 0
    await loop.make(50, 5, 1)
    expect(loop.waits).toBe(0)
  })
})

describe('a run that is ended', () => {
  it('begins nothing any more, even while another one waits', async () => {
    const loop = new Loop(0.1, 0.2)
    loop.pass(1_000)
    await loop.make(20, 50, 1)
    let go: () => void = () => undefined
    const pace = new WarmPace({
      share: 0.1,
      visitors: () => loop.visitors++,
      loop: () => ({ active: loop.active, idle: loop.idle }),
      wait: () => new Promise((resolve) => (go = resolve)),
    })
    const aside = await pace.start(loop.signal.signal)
    loop.active += 50
    pace.end(aside ?? 0)
    const other = pace.start(loop.signal.signal)
    const ended = new AbortController()
    const mine = pace.start(ended.signal)
    ended.abort()
    expect(await mine).toBeUndefined()
    loop.pass(10_000)
    go()
    expect(await other).toBeGreaterThan(0)
    const own = new AbortController()
    own.abort()
    expect(await pace.start(own.signal)).toBeUndefined()
  })
})
