import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'

/** How long the event loop has been busy and idle, milliseconds. */
export interface LoopTime {
  readonly active: number
  readonly idle: number
}

export interface ThrottleOptions {
  /** How much of the event loop's time warming may take while visitors are there, from 0 to 1. */
  readonly maxUtilization: number
  /** How many visitors have come so far, wherever in the application. */
  readonly visitors: () => number
  readonly loop?: () => LoopTime
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/** So long after the last of them there are no visitors, milliseconds. */
const quiet = 1_000
/** How much of what was not used may be used later, milliseconds of the event loop. */
const saved = 1
/** How long it waits at a time at most, milliseconds: what visitors take may change meanwhile. */
const MAX_WAIT = 250
/** How long it rests for what was taken: a page that waits for very long may be thought to have taken what visitors have, milliseconds. */
const MAX_REST = 60_000
/** How much visitors may still take at most who were counted when they came, milliseconds. */
const farthestAhead = 100
/** Over which time what a visitor takes is measured, milliseconds. */
const span = 1_000
/** For how long that is believed while something is always under way, milliseconds: visitors may ask for other pages by then. */
const MAX_AGE = 30_000
/** How much the last page counts in what one is expected to take. */
const weight = 0.2

/**
 * Leaves the event loop to visitors while there are some. What warming takes of it is what it is busy beyond what its visitors take, each as much
 * as while nothing is being made. (Their share of the time says nothing: whom a page has kept waiting comes when it is done.) A page begins when
 * those before it have taken no more than their share of the time that has passed: pages that wait for a database take little of it, and many are
 * under way at a time; pages that keep the processor busy come one by one, with rests between them.
 */
export class Throttle {
  readonly #options: Required<ThrottleOptions>
  #chain: Promise<void> = Promise.resolve()
  #last: LoopTime
  #underWay = 0
  /** What the loop was busy with while nothing was being made, and for how many visitors, the more the later. */
  #alone = { active: 0, visitors: 0 }
  /** What those visitors will still take who have been counted already, below 0, milliseconds. */
  #ahead = 0
  /** What warming may take now, less what is set aside for pages that are under way; below 0 it has taken more, milliseconds. */
  #balance = 0
  /** What a page takes, and what was taken since the last one ended, milliseconds. */
  #cost = 0
  #taken = 0
  #known: number
  #knownAt = -Infinity

  constructor(options: ThrottleOptions) {
    this.#options = {
      loop: () => performance.eventLoopUtilization(),
      wait: async (milliseconds, signal) => {
        await pause(milliseconds, undefined, { signal }).catch(() => undefined)
      },
      ...options,
    }
    this.#last = this.#options.loop()
    this.#known = options.visitors()
  }

  /**
   * Pages begin one after the other, each in a turn of the event loop: visitors who came meanwhile come in between.
   *
   * @returns what is set aside for it, to be given back to `end()`; undefined when nothing more is to begin
   */
  async start(signal: AbortSignal): Promise<number | undefined> {
    const attempt = this.#chain.then(() => this.#begin(signal))
    this.#chain = attempt.then(() => undefined)
    // Another run may have to wait for longer than this one lives.
    let end: () => void = () => undefined
    const aborted = new Promise<undefined>((resolve) => (end = () => resolve(undefined)))
    signal.addEventListener('abort', end)
    try {
      const aside = await Promise.race([attempt, aborted])
      // It may have begun in the moment in which its run was ended.
      if (aside === undefined) void attempt.then((late) => late !== undefined && this.end(late))
      return aside
    } finally {
      signal.removeEventListener('abort', end)
    }
  }

  async #begin(signal: AbortSignal): Promise<number | undefined> {
    const { maxUtilization: share, wait } = this.#options
    await nextTurn()
    this.#account()
    while (this.#balance < 0 && !signal.aborted) {
      await wait(Math.min(MAX_WAIT, Math.max(1, -this.#balance / share)), signal)
      this.#account()
    }
    if (signal.aborted) return undefined
    this.#underWay++
    const aside = this.#cost
    this.#balance -= aside
    return aside
  }

  /** The page has been made, or has failed. */
  end(aside: number): void {
    this.#account()
    this.#underWay--
    this.#balance += aside
    this.#cost += (this.#taken - this.#cost) * weight
    this.#taken = 0
  }

  /** Counts what has passed since the last time. */
  #account(): void {
    const { loop, maxUtilization: share, visitors } = this.#options
    const now = loop()
    const active = now.active - this.#last.active
    const passed = active + now.idle - this.#last.idle
    this.#last = now
    const came = visitors() - this.#known
    this.#known += came
    const beyond = this.#underWay === 0 ? 0 : this.#ahead + active - came * this.#visit
    const taken = Math.max(0, beyond)
    this.#ahead = Math.max(Math.min(0, beyond), -farthestAhead)
    this.#learn(active, passed, came)
    this.#taken += taken
    const balance = Math.min(saved, this.#balance + passed * share - taken)
    this.#balance = Math.max(balance, -MAX_REST * share)

    const time = now.active + now.idle
    if (came > 0) this.#knownAt = time
    // Nobody is there to be kept waiting.
    if (time - this.#knownAt > quiet) this.#balance = Math.max(0, this.#balance)
  }

  /** What a visitor takes, milliseconds. */
  get #visit(): number {
    const { active, visitors } = this.#alone
    return visitors > 0 ? active / visitors : 0
  }

  /** From moments with visitors alone; from a long time without a run, nothing: what else was done in it, nobody knows. */
  #learn(active: number, passed: number, came: number): void {
    const { active: before, visitors } = this.#alone
    if (this.#underWay > 0) {
      this.#alone = { active: before * Math.max(0, 1 - passed / MAX_AGE), visitors }
    } else if (came > 0 && passed <= span) {
      const kept = 1 - passed / span
      this.#alone = { active: before * kept + active, visitors: visitors * kept + came }
    }
  }
}
