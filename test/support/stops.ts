import { latch } from './latch.ts'

/** One handler held at one place. */
export interface Stop {
  /** Resolves when a handler has come to it. */
  readonly reached: Promise<void>
  release(): void
}

/** Places in handlers where a test may hold them: the orderings of concurrent requests, chosen by hand. */
export class Stops {
  readonly #placed = new Map<string, { reach: () => void; readonly opened: Promise<void> }>()

  /** Holds the next one that passes `name`; those after it go through. */
  place(name: string): Stop {
    const reached = latch()
    const released = latch()
    this.#placed.set(name, { reach: () => reached.open(), opened: released.opened })
    return { reached: reached.opened, release: () => released.open() }
  }

  /** Called by handlers. */
  async pass(name: string): Promise<void> {
    const stop = this.#placed.get(name)
    if (stop === undefined) return
    this.#placed.delete(name)
    stop.reach()
    await stop.opened
  }
}
