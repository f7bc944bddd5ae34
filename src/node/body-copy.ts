import type { Copy, CopyRoom } from '../store/copy-room.ts'
import { type Chunk, bytesOf, lengthOf } from './head/framing.ts'

/** The bytes of a body as they were written, up to a limit, in a room that all bodies under way share. */
export class BodyCopy implements Copy {
  readonly limit: number
  readonly #room: CopyRoom
  #chunks: Buffer[] = []
  #size = 0
  #isDropped = false
  #isCrowdedOut = false

  constructor(limit: number, room: CopyRoom) {
    this.limit = limit
    this.#room = room
  }

  /** Others needed its room. */
  get isCrowdedOut(): boolean {
    return this.#isCrowdedOut
  }

  /** @returns false when it is not kept: the body is larger than the limit, or others needed the room */
  add(chunk: Chunk, encoding: unknown): boolean {
    if (this.#isDropped) return false
    if (this.#size + lengthOf(chunk, encoding) > this.limit) {
      this.drop()
      return false
    }
    // A copy: the application may write into its buffer again, and a slice would keep a whole pool alive.
    return this.take(bytesOf(chunk, encoding))
  }

  /** Takes bytes that nobody else will change. @returns as `add()` does */
  take(bytes: Buffer): boolean {
    if (this.#isDropped) return false
    this.#size += bytes.byteLength
    if (this.#size > this.limit) {
      this.drop()
      return false
    }
    this.#chunks.push(bytes)
    this.#room.take(this, bytes.byteLength)
    return !this.#isDropped
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
    this.#isDropped = true
    this.#room.leave(this)
  }

  crowdOut(): void {
    this.#isCrowdedOut = true
    this.drop()
  }
}
