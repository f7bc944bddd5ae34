import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http'
import { isUint8Array } from 'node:util/types'
import { isHttp1 } from '../tracking/observer.ts'

/** What write() and end() take for a piece of the body; HTTP/2 takes every view. */
export type Chunk = string | NodeJS.ArrayBufferView

/** Does Node take it? Of another realm, too. */
export function isChunk(chunk: unknown, takesViews: boolean): chunk is Chunk {
  if (typeof chunk === 'string' || isUint8Array(chunk)) return true
  return takesViews && ArrayBuffer.isView(chunk)
}

/** A piece of the body as bytes of its own. */
export function bytesOf(chunk: Chunk, encoding: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk, encodingOf(encoding))
  const { buffer, byteOffset, byteLength } = chunk
  return Buffer.from(Buffer.from(buffer, byteOffset, byteLength))
}

export function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8'
}

export function lengthOf(chunk: Chunk, encoding: unknown): number {
  return typeof chunk === 'string'
    ? Buffer.byteLength(chunk, encodingOf(encoding))
    : chunk.byteLength
}

/**
 * Tells Node how long a body is that is given to end() alone, so that it derives Content-Length when the head is written,
 * behind all that listeners of the head may still change. end() itself would tell it too late.
 */
export function announceLength(
  request: IncomingMessage,
  response: ServerResponse,
  [chunk, encoding]: readonly unknown[],
): void {
  if (!isHttp1(request)) return
  const length = isChunk(chunk, false) ? lengthOf(chunk, encoding) : 0
  Reflect.set(response, '_contentLength', length)
}

/** Takes back a head of which nothing has gone out, so that another one can follow. @returns whether it could */
export function takeBackHead(request: IncomingMessage, response: ServerResponse): boolean {
  const isUnsent =
    isHttp1(request) && response.headersSent && Reflect.get(response, '_headerSent') === false
  if (!isUnsent) return false
  Reflect.set(response, '_header', null)
  Reflect.set(response, '_contentLength', null)
  response.chunkedEncoding = false
  // Node has put the reason of this status there, and would keep it for another one.
  if (response.statusMessage === STATUS_CODES[response.statusCode]) response.statusMessage = ''
  // A 304 has said that there is none.
  Object.defineProperty(response, '_hasBody', {
    configurable: true,
    enumerable: true,
    writable: true,
    value: request.method !== 'HEAD',
  })
  return true
}

/**
 * Does Node send the head in UTF-8, together with this first chunk? It does where both are one string, and where the head
 * was flushed before; in all other cases a head goes out as Latin-1, one byte for each character.
 */
export function sendsHeadAsText(
  response: ServerResponse,
  chunk: Chunk | undefined,
  encoding: unknown,
): boolean {
  if (Reflect.get(response, '_headerSent') === true) return true
  const isPlain = !encoding || encoding === 'utf8' || typeof encoding === 'function'
  if (typeof chunk !== 'string' || !isPlain) return false
  // The length of a chunk goes first, as Latin-1.
  const isCoded = response.chunkedEncoding && chunk !== ''
  return !isCoded && Reflect.get(response, '_hasBody') === true
}
