import { Random } from '../support/random.ts'
import { now, pause } from './clock.ts'
import type { Fault, Field } from './fault.ts'
import { type FaultName, drawFault } from './faults.ts'

/** Milliseconds between the beginnings of two faults: at least, and in which range above. */
const shortestLull = 80
const lulls = 400

/** Draws faults, one after the other, and lets several of them last at the same time. */
export class Storm {
  /** How many faults have begun, by name. */
  readonly counts = new Map<FaultName, number>()
  readonly #random: Random
  readonly #names: readonly FaultName[]
  readonly #field: Field
  readonly #say: (text: string) => void
  readonly #held = new Set<string>()
  /** By what ends it: it is ended once, at its time or when the storm is over. */
  readonly #lasting = new Map<() => void, Promise<void>>()

  constructor(
    seed: number,
    names: readonly FaultName[],
    field: Field,
    say: (text: string) => void,
  ) {
    this.#random = new Random(seed)
    this.#names = names
    this.#field = field
    this.#say = say
  }

  /** Goes on until the moment, or until it is told to stop earlier. */
  async rage(until: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const lull = shortestLull + this.#random.next() * lulls
      const left = until - now()
      await pause(Math.max(0, Math.min(lull, left)))
      if (left <= lull) return
      if (this.#names.length === 0) continue
      // A seed for each: how much one of them draws does not change the next.
      const name = this.#random.one(this.#names)
      const fault = drawFault(name, new Random(this.#random.below(2 ** 31)), this.#field)
      if (fault.holds.some((each) => this.#held.has(each))) continue
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
      this.#say(`${name}: ${fault.text}`)
      this.#run(fault)
    }
  }

  /** Ends what lasts still, and resolves when everything stands again. */
  async calm(): Promise<void> {
    for (const end of [...this.#lasting.keys()]) end()
    await Promise.all(this.#lasting.values())
  }

  #run(fault: Fault): void {
    for (const each of fault.holds) this.#held.add(each)
    let stop = (): void => undefined
    const isTime = new Promise<void>((resolve) => (stop = resolve))
    const late = setTimeout(stop, fault.lasts)
    const run = async (): Promise<void> => {
      try {
        await fault.begin()
        await isTime
        await fault.end?.()
      } catch (error) {
        // A command to a server that another fault has just taken away.
        this.#say(`it came to nothing: ${fault.text}: ${String(error)}`)
      } finally {
        clearTimeout(late)
        this.#lasting.delete(stop)
        for (const each of fault.holds) this.#held.delete(each)
      }
    }
    this.#lasting.set(stop, run())
  }
}
