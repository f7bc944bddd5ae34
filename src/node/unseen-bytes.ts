import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { encodingOf } from './head/framing.ts'

/**
 * Finds bytes that leave a response beside the methods whose calls are copied: by a prototype's method, by Node's own
 * `_send`, over the stream of HTTP/2, or over the socket.
 */
export class UnseenBytes {
  #isFound = false
  /** How many of the copied calls are running. */
  #running = 0
  readonly #response: ServerResponse
  readonly #socket: Socket | null
  #before: number
  /** What the response has given to its socket. */
  #given = 0
  #isHeadGiven = false

  /** To be made before the head goes out. @param isHidden the client gets no body */
  constructor(response: ServerResponse, isHttp1: boolean, isHidden: boolean) {
    this.#response = response
    const { socket } = response
    // Behind others on its connection a response has no socket yet; over HTTP/2 many share one.
    this.#socket = isHttp1 ? socket : null
    this.#before = this.#socket?.bytesWritten ?? Number.NaN
    if (!isHttp1) {
      this.#watch(Reflect.get(response, 'stream'), 'write', () => this.#note())
      return
    }
    this.#watch(response, '_writeRaw', (data, encoding) => this.#count(data, encoding))
    this.#watchUncork()
    if (isHidden) this.#watchHidden()
  }

  enter(): void {
    this.#running++
  }

  leave(): void {
    this.#running--
  }

  /** To be asked when the response has ended. */
  isFound(): boolean {
    if (this.#isFound) return true
    const written = this.#socket?.bytesWritten
    // A stand-in for a socket counts nothing.
    if (typeof written !== 'number' || Number.isNaN(this.#before)) return false
    return this.#isHeadGiven && written - this.#before !== this.#given
  }

  #note(): void {
    if (this.#running === 0) this.#isFound = true
  }

  #count(data: unknown, encoding: unknown): void {
    const header: unknown = Reflect.get(this.#response, '_header')
    const length = typeof header === 'string' ? header.length : 0
    if (typeof data === 'string') this.#given += Buffer.byteLength(data, encodingOf(encoding))
    else if (ArrayBuffer.isView(data)) this.#given += data.byteLength
    if (!this.#isHeadGiven) {
      this.#isHeadGiven = true
      // In front of bytes the head goes by itself, as Latin-1.
      const isJoined =
        typeof data === 'string' && typeof header === 'string' && data.startsWith(header)
      if (!isJoined) this.#given += length
      // flushHeaders() sends a head alone.
      else if (data.length === length) return
    }
    if (data !== '') this.#note()
  }

  #watch(target: unknown, name: string, hear: (...args: unknown[]) => void): void {
    if (typeof target !== 'object' || target === null) return
    const method: unknown = Reflect.get(target, name)
    if (typeof method !== 'function') return
    Reflect.set(target, name, (...args: unknown[]): unknown => {
      hear(...args)
      const result: unknown = Reflect.apply(method, target, args)
      return result
    })
  }

  /** What was written while the response was corked leaves it here. */
  #watchUncork(): void {
    const response = this.#response
    const uncork = response.uncork.bind(response)
    response.uncork = () => {
      this.enter()
      try {
        uncork()
      } finally {
        this.leave()
      }
    }
  }

  /** Node drops the body of a 304 without a word, but it asks whether there is one. */
  #watchHidden(): void {
    Object.defineProperty(this.#response, '_hasBody', {
      configurable: true,
      enumerable: true,
      get: () => {
        // Asked as well while the head is put together.
        if (this.#response.headersSent) this.#note()
        return false
      },
      set: () => {},
    })
  }
}
