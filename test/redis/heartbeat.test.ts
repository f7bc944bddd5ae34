import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Heartbeat } from '../../src/redis/heartbeat.ts'

/** A heartbeat of 100 ms, whose answers the test gives. */
class Beats {
  readonly told: boolean[] = []
  readonly heartbeat: Heartbeat
  count = 0
  /** When each was sent, milliseconds since the test began. */
  readonly at: number[] = []
  running = 0
  mostRunning = 0
  answer: () => Promise<void> = () => Promise.resolve()
  readonly #began = Date.now()

  constructor() {
    this.heartbeat = new Heartbeat({
      interval: 100,
      beat: async () => {
        this.count++
        this.at.push(Date.now() - this.#began)
        this.mostRunning = Math.max(this.mostRunning, ++this.running)
        try {
          await this.answer()
        } finally {
          this.running--
        }
      },
      onConnection: (isConnected) => this.told.push(isConnected),
    })
  }
}

const after = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the heartbeat', () => {
  it('asks at intervals from its start on, each counted from the last answer', async () => {
    const beats = new Beats()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(beats.count).toBe(0)
    beats.answer = () => after(30)
    beats.heartbeat.start()
    await vi.advanceTimersByTimeAsync(500)
    expect(beats.at).toEqual([1_100, 1_230, 1_360, 1_490])
  })

  it('asks at once where something is missing, and counts the interval from there', async () => {
    const beats = new Beats()
    beats.heartbeat.start()
    await vi.advanceTimersByTimeAsync(60)
    expect(await beats.heartbeat.now()).toBe(true)
    await vi.advanceTimersByTimeAsync(200)
    expect(beats.at).toEqual([60, 160, 260])
  })

  it('never asks twice at a time: who asks meanwhile gets an answer that was asked for afterwards', async () => {
    const beats = new Beats()
    beats.answer = () => after(30)
    const first = beats.heartbeat.now()
    await vi.advanceTimersByTimeAsync(10)
    const others = [beats.heartbeat.now(), beats.heartbeat.now()]
    let hasAnswer = false
    void Promise.all(others).then(() => (hasAnswer = true))
    await vi.advanceTimersByTimeAsync(25)
    expect([beats.count, hasAnswer]).toEqual([2, false])
    await vi.advanceTimersByTimeAsync(30)
    expect(await Promise.all([first, ...others])).toEqual([true, true, true])
    expect([beats.count, beats.mostRunning]).toEqual([2, 1])
  })

  it('asks four times in a row at most, however much goes on to be missing', async () => {
    const beats = new Beats()
    beats.answer = async () => {
      await after(10)
      void beats.heartbeat.now()
    }
    const asked = beats.heartbeat.now()
    await vi.advanceTimersByTimeAsync(99)
    expect(await asked).toBe(true)
    expect(beats.at).toEqual([0, 10, 20, 30])
    await vi.advanceTimersByTimeAsync(100)
    expect(beats.at[4]).toBe(140)
    beats.answer = () => Promise.resolve()
  })

  it('tells whether Redis answers, the first time and whenever it changes, and goes on asking', async () => {
    const beats = new Beats()
    const fails = (): Promise<void> => Promise.reject(new Error('no answer'))
    for (const [answer, isConnected] of [
      [fails, false],
      [(): Promise<void> => Promise.resolve(), true],
      [(): Promise<void> => Promise.resolve(), true],
      [fails, false],
      [fails, false],
    ] as const) {
      beats.answer = answer
      expect(await beats.heartbeat.now()).toBe(isConnected)
      expect(beats.heartbeat.isConnected).toBe(isConnected)
    }
    expect(beats.told).toEqual([false, true, false])
    beats.answer = () => Promise.resolve()
    await vi.advanceTimersByTimeAsync(100)
    expect(beats.told).toEqual([false, true, false, true])
  })

  it('does not insist when Redis does not answer: who waits meanwhile is told no', async () => {
    const beats = new Beats()
    beats.answer = async () => {
      await after(30)
      throw new Error('no answer')
    }
    const asked = [beats.heartbeat.now(), beats.heartbeat.now()]
    await vi.advanceTimersByTimeAsync(40)
    expect(await Promise.all(asked)).toEqual([false, false])
    expect(beats.count).toBe(1)
  })

  it('is over with stop(), which waits for what is under way', async () => {
    const beats = new Beats()
    beats.answer = () => after(30)
    void beats.heartbeat.now()
    let isOver = false
    const stopped = beats.heartbeat.stop().then(() => (isOver = true))
    await vi.advanceTimersByTimeAsync(20)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(20)
    await stopped
    beats.heartbeat.start()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(beats.count).toBe(1)
    // It would come back among those who are alive.
    expect(await beats.heartbeat.now()).toBe(false)
    expect(beats.count).toBe(1)
  })
})

describe('a slice of clean-up', () => {
  it('comes soon, behind a pause, and once for all who ask for it', async () => {
    vi.useRealTimers()
    const beats = new Beats()
    const start = performance.now()
    await Promise.all([beats.heartbeat.soon(), beats.heartbeat.soon(), beats.heartbeat.soon()])
    expect(beats.count).toBe(1)
    expect(performance.now() - start).toBeGreaterThanOrEqual(9)
    await beats.heartbeat.stop()
    await beats.heartbeat.soon()
    expect(beats.count).toBe(1)
  })
})
