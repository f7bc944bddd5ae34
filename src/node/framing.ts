import type { IncomingMessage, ServerResponse } from 'node:http'
import { isHttp1 } from './observer.ts'

/** What write() and end() take for a piece of the body. */
export type Chunk = string | Uint8Array

export function isChunk(chunk: unknown): chunk is Chunk {
  return typeof chunk === 'string' || chunk instanceof Uint8Array
}

export function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : 'utf8'
}

export function lengthOf(chunk: Chunk, encoding: unknown): number {
  return typeof chunk === 'string'
    ? Buffer.byteLength(chunk, encodingOf(encoding))
    : chunk.byteLength
}

/** Will Node itself write a Content-Length when the whole body is given to end() at once? */
export function derivesLength(request: IncomingMessage, response: ServerResponse): boolean {
  const { statusCode } = response
  return (
    isHttp1(request) &&
    request.method !== 'HEAD' &&
    statusCode >= 200 &&
    statusCode !== 204 &&
    statusCode !== 304 &&
    !response.hasHeader('content-length') &&
    !response.hasHeader('transfer-encoding') &&
    !response.hasHeader('trailer') &&
    // False for clients of HTTP/1.0, whose bodies end with the connection.
    response.useChunkedEncodingByDefault &&
    // The application took the field away, and that is what Node remembers of it.
    Reflect.get(response, '_removedContLen') !== true
  )
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
