import { describe, expect, it } from 'vitest'
import { Throttle } from '../../src/warming/throttle.ts'

/** An event loop of which visitors take a part, and pages that are made in it. */
class Loop {
  readonly pace: Throttle
  /** Of each millisecond, what visitors take. */
  visited: number
  active = 0
  idle = 0
  /** How many visitors have been answered; each takes a millisecond. */
  visitors = 0
  /** What those take who have come while a page kept the loop busy. */
  late = 0
  /** What pages have taken, and when each began, milliseconds. */
  taken = 0
  readonly began: number[] = []
  waits = 0
  readonly signal = new AbortController()

  constructor(share: number, visited: number) {
    this.visited = visited
    this.pace = new Throttle({
      maxUtilization: share,
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
    const wanted = this.late + milliseconds * this.visited
    const answered = Math.min(wanted, milliseconds)
    this.active += answered
    this.visitors += answered
    this.idle += milliseconds - answered
    this.late = wanted - answered
  }

  /** One after the other; each keeps the loop busy, and waits for something else. */
  async make(pages: number, busy: number, waiting: number): Promise<void> {
    for (let i = 0; i < pages; i++) {
      const aside = await this.pace.start(this.signal.signal)
      if (aside === undefined) return
      this.began.push(this.time)
      this.pass(waiting)
      // Those who come meanwhile have their turn behind it.
      this.active += busy
      this.late += busy * this.visited
      this.taken += busy
      this.pace.end(aside)
    }
  }
}

describe('while there are visitors', () => {
  it.each([
    [0.1, 0.2, 5],
    [0.1, 0.6, 1],
    [0.1, 0.6, 20],
    [0.1, 0.85, 20],
    [0.1, 1, 5],
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

  it('it rests for a minute at most, whatever it is thought to have taken', async () => {
    const loop = new Loop(0.1, 0.5)
    loop.pass(1_000)
    const aside = await loop.pace.start(loop.signal.signal)
    // A warmer that waits for hours, and visitors who take more than those before them.
    loop.pass(1_000_000)
    loop.active += 10_000_000
    loop.pace.end(aside ?? 0)
    const start = loop.time
    expect(await loop.pace.start(loop.signal.signal)).toBeDefined()
    expect(loop.time - start).toBeGreaterThan(1_000)
    expect(loop.time - start).toBeLessThan(61_000)
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
    // The last of them have waited for a page.
    loop.pass(100)
    await loop.make(1, 0, 0)
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
    const pace = new Throttle({
      maxUtilization: 0.1,
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

  it('leaves nothing under way that it will not make, at whichever moment it ends', async () => {
    const loop = new Loop(0.1, 0.5)
    loop.pass(1_000)
    const ended = new AbortController()
    let looks = 0
    const pace = new Throttle({
      maxUtilization: 0.1,
      visitors: () => loop.visitors,
      loop: () => {
        // The page is about to begin.
        if (++looks === 2) queueMicrotask(() => ended.abort())
        return { active: loop.active, idle: loop.idle }
      },
      wait: () => {
        loop.signal.abort()
        return Promise.resolve()
      },
    })
    expect(await pace.start(ended.signal)).toBeUndefined()
    // Were it under way, the visitors of all this time would count as its own.
    loop.pass(10_000)
    expect(await pace.start(loop.signal.signal)).toBeDefined()
  })
})
