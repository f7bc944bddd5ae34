/** How many entries a turn of the event loop deals with, whatever many tasks there are. */
const slice = 500

/** Work on many entries that nobody waits for: a slice of it each turn. */
export class Sweeper {
  readonly #tasks = new Set<Iterator<unknown>>()
  readonly #later: (run: () => void) => void

  /** @param later runs something when others have had their turn */
  constructor(later: (run: () => void) => void) {
    this.#later = later
  }

  /** @param task yields behind each entry */
  add(task: Iterator<unknown>): void {
    this.#tasks.add(task)
    if (this.#tasks.size === 1) this.#wait()
  }

  #wait(): void {
    this.#later(() => {
      this.#run()
      if (this.#tasks.size > 0) this.#wait()
    })
  }

  #run(): void {
    let left = slice
    for (const task of this.#tasks) {
      do {
        if (left-- === 0) return
        if (task.next().done === true) this.#tasks.delete(task)
      } while (this.#tasks.has(task))
    }
  }
}
