import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds between two slices of clean-up: others have their turn. */
const pauseBetween = 10
/** How often in a row it asks anew because something was missing again. */
const MAX_TURNS = 4

export interface HeartbeatOptions {
  /** Milliseconds. */
  readonly interval: number
  /** Asks Redis. @throws when it does not answer */
  readonly beat: () => Promise<void>
  /** Told whether Redis answers: the first time, and whenever that changes. */
  readonly onConnection: (isConnected: boolean, error: unknown) => void
}

/** Asks at intervals, and at once where something is known to be missing; never twice at a time. */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<boolean> | undefined
  #again = false
  #isPaused = false
  #isClosed = false
  /** What was told last; undefined before the first time. */
  #told: boolean | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  get isConnected(): boolean {
    return this.#told === true
  }

  /** Begins to beat. */
  start(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.now(), this.#options.interval)
    this.#timer.unref()
  }

  /** Resolves when Redis has answered, or to false when it did not. */
  now(): Promise<boolean> {
    // A beat behind the last one would bring a closed instance back among those who are alive.
    if (this.#isClosed) return Promise.resolve(false)
    if (this.#running) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#beat().finally(() => {
      this.#running = undefined
      this.start()
    })
    return this.#running
  }

  /** Soon, behind a pause in which other clients of Redis have their turn. */
  async soon(): Promise<void> {
    if (this.#isPaused) return
    this.#isPaused = true
    await pause(pauseBetween, undefined, { ref: false })
    this.#isPaused = false
    await this.now()
  }

  /** Resolves when none is under way. */
  async stop(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #beat(): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      this.#again = false
      try {
        await this.#options.beat()
      } catch (error) {
        this.#tell(false, error)
        return false
      }
      this.#tell(true, undefined)
      // Messages go on coming while Redis answers; what is still missing is known a heartbeat later.
      if (!this.#again || attempt === MAX_TURNS) return true
    }
  }

  #tell(isConnected: boolean, error: unknown): void {
    if (isConnected === this.#told) return
    this.#told = isConnected
    this.#options.onConnection(isConnected, error)
  }
}
