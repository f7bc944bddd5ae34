import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { CopyRoom } from '../store/copy-room.ts'
import type { BodySource } from '../response/exchange-facts.ts'
import type { UncacheableReason } from '../events/reasons.ts'
import { BodyCopy } from './body-copy.ts'
import { hasStopped, isBroken } from './breakage.ts'
import {
  type Chunk,
  announceLength,
  bytesOf,
  isChunk,
  lengthOf,
  sendsHeadAsText,
} from './head/framing.ts'
import { UnseenBytes } from './unseen-bytes.ts'

interface Refusal {
  readonly reason: UncacheableReason
  readonly detail: string
}

/** Follows the body of a response that may be stored: keeps a copy of it, and knows whether that is all of it. */
export class BodyWatch implements BodySource {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #copy: BodyCopy
  /** Outer layers see what is written before the response does, and write on in their own time. */
  readonly #isCovered: boolean
  /** Streams that were piped into the response. */
  #sources: Readable[] | undefined
  #unseen: UnseenBytes | undefined
  /** The client gets the body, and with it the head. */
  #isShown = false
  #given: Chunk | undefined
  #encoding: unknown
  #foretold: Buffer | undefined
  /** Known with the first chunk. */
  #isHeadText: boolean | undefined

  constructor(request: IncomingMessage, response: ServerResponse, limit: number, room: CopyRoom) {
    this.#request = request
    this.#response = response
    this.#copy = new BodyCopy(limit, room)
    this.#isCovered = Object.hasOwn(response, 'write') || Object.hasOwn(response, 'end')
    response.on('pipe', (source: Readable) => (this.#sources ??= []).push(source))
  }

  /** The head went out in UTF-8. */
  get isHeadText(): boolean {
    return this.#isHeadText === true
  }

  /** To be called before the head goes out. */
  begin(isHttp1: boolean, isHidden: boolean): void {
    this.#isShown = !isHidden
    if (!this.#isCovered) this.#unseen = new UnseenBytes(this.#response, isHttp1, isHidden)
  }

  /** What leaves the response until `leave()` is known here. */
  enter(): void {
    this.#unseen?.enter()
  }

  leave(): void {
    this.#unseen?.leave()
  }

  /** What end() is given while no head has gone out is all of the body. */
  announce(given: readonly unknown[]): void {
    announceLength(this.#request, this.#response, given)
    const [chunk, encoding] = given
    this.#given = isChunk(chunk, true) ? chunk : ''
    this.#encoding = encoding
    this.#foretold = undefined
  }

  size(): number | undefined {
    return this.#given === undefined ? undefined : lengthOf(this.#given, this.#encoding)
  }

  bytes(): Buffer {
    return (this.#foretold ??= bytesOf(this.#given ?? '', this.#encoding))
  }

  noteHead(chunk: Chunk | undefined, encoding: unknown): void {
    if (this.#isShown) this.#isHeadText ??= sendsHeadAsText(this.#response, chunk, encoding)
  }

  /** @returns why the copy has ended */
  keep(chunk: Chunk, encoding: unknown): Refusal | undefined {
    const isKept = this.#foretold
      ? this.#copy.take(this.#foretold)
      : this.#copy.add(chunk, encoding)
    if (isKept) return undefined
    const { limit, isCrowdedOut } = this.#copy
    return isCrowdedOut
      ? { reason: 'crowded', detail: 'copies of other bodies needed the room' }
      : { reason: 'too-large', detail: `over ${limit} bytes` }
  }

  /** Asked before end() does anything: whoever leaves after that has left a whole body behind. */
  isCut(): boolean {
    // Ended by a prototype's method before, which nobody has seen.
    if (this.#response.writableEnded || isBroken(this.#request, this.#response)) return true
    return this.#sources?.some(hasStopped) === true
  }

  /** All of the body, or why nobody knows that it is all; asked when it has ended. */
  ended(isCut: boolean): Buffer | Refusal {
    const reason = 'incomplete'
    if (isCut) return { reason, detail: 'it broke off before its end' }
    if (this.#unseen?.isFound() === true) {
      return { reason, detail: 'bytes were sent beside write() and end()' }
    }
    return this.#copy.bytes()
  }

  drop(): void {
    this.#given = this.#foretold = undefined
    this.#copy.drop()
  }
}
