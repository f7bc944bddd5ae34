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
}
