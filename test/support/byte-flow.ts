import type { Socket } from 'node:net'

/** More than this is not read ahead: then the sender has to wait, as with a full window of TCP. */
const window = 1 << 20

interface Waiting {
  /** Undefined stands for the end of the bytes. */
  readonly chunk: Buffer | undefined
  /** When it may go on, by `performance.now()`. */
  readonly due: number
}

/** The bytes of one connection in one direction: they may wait, and never overtake each other. */
export class ByteFlow {
  /** Milliseconds that bytes wait from now on. */
  delay = 0
  readonly #from: Socket
  readonly #to: Socket
  readonly #onHold: () => void
  readonly #queue: Waiting[] = []
  #bytes = 0
  #isHeld = false
  #timer: NodeJS.Timeout | undefined

  /** `onArrival` sees bytes before they wait or go on, `onHold` is told when some wait. */
  constructor(from: Socket, to: Socket, onArrival: (chunk: Buffer) => void, onHold: () => void) {
    this.#from = from
    this.#to = to
    this.#onHold = onHold
    from.on('data', (chunk) => {
      onArrival(chunk)
      this.#push(chunk)
    })
    from.on('close', () => this.#push(undefined))
    from.on('end', () => this.#push(undefined))
    to.on('drain', () => this.#pump())
    to.on('close', () => this.#drop())
  }

  get isHolding(): boolean {
    return this.#bytes > 0
  }

  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.#pump()
  }

  #push(chunk: Buffer | undefined): void {
    if (this.#to.destroyed) return
    // Only the first one's time is looked at: those behind it wait for it, though they may be due before.
    this.#queue.push({ chunk, due: performance.now() + this.delay })
    this.#bytes += chunk?.length ?? 0
    if (this.#bytes > window) this.#from.pause()
    this.#pump()
    if (this.isHolding) this.#onHold()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    while (!this.#isHeld && !this.#to.writableNeedDrain) {
      const [next] = this.#queue
      if (next === undefined) return
      const wait = next.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(wait))
        return
      }
      this.#queue.shift()
      if (next.chunk === undefined) {
        this.#to.end()
        continue
      }
      this.#bytes -= next.chunk.length
      if (this.#bytes <= window) this.#from.resume()
      this.#to.write(next.chunk)
    }
  }

  #drop(): void {
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#bytes = 0
  }
}
