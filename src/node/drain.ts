import type { ServerResponse } from 'node:http'

/** Back-pressure for what is dropped, so that `finish` and `close` are heard before all of it is made. */
export class Drain {
  readonly #response: ServerResponse
  #isDue = false

  constructor(response: ServerResponse) {
    this.#response = response
  }

  /** What write() is to return: `drain` follows. */
  slowDown(): boolean {
    if (!this.#isDue) {
      this.#isDue = true
      setImmediate(() => {
        this.#isDue = false
        this.#response.emit('drain')
      })
    }
    return false
  }

  /** Calls back whoever wrote, as a socket would. */
  written(args: readonly unknown[]): void {
    for (const callback of callbacksIn(args)) process.nextTick(callback)
  }

  /** Calls back whoever ended the response, when it has finished. */
  ended(args: readonly unknown[]): void {
    for (const callback of callbacksIn(args)) {
      if (this.#response.writableFinished) process.nextTick(callback)
      else this.#response.once('finish', callback)
    }
  }
}

/** The callbacks among the arguments of write() or end(): one at most. */
export function callbacksIn(args: readonly unknown[]): (() => void)[] {
  return args.filter((value): value is () => void => typeof value === 'function')
}
