import { type Chunk, encodingOf, lengthOf } from './framing.ts'

/** The bytes of a body as they were written, up to a limit. */
export class BodyCopy {
  readonly limit: number
  #chunks: Buffer[] = []
  #size = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** @returns false when the body has become larger than the limit: nothing of it is kept then */
  add(chunk: Chunk, encoding: unknown): boolean {
    this.#size += lengthOf(chunk, encoding)
    if (this.#size > this.limit) {
      this.drop()
      return false
    }
    // A copy: the application may write into its buffer again, and a slice would keep a whole pool alive.
    this.#chunks.push(
      typeof chunk === 'string' ? Buffer.from(chunk, encodingOf(encoding)) : Buffer.from(chunk),
    )
    return true
  }

  /** All of it, in memory of its own size. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.#size)
    let offset = 0
    for (const chunk of this.#chunks) offset += chunk.copy(bytes, offset)
    return bytes
  }

  drop(): void {
    this.#chunks = []
  }
}
