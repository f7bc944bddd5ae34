import { Readable, Transform, type TransformCallback, pipeline } from 'node:stream'
import type { Context } from 'koa'
import type { BodyForm } from '../../src/adapter.ts'

/** What a Koa body is to the cache. */
export type KoaBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer; readonly form: BodyForm }
  | { readonly kind: 'blob'; readonly blob: Blob }
  | { readonly kind: 'stream'; readonly stream: Readable }
  /** Nothing that could be stored: a function, a symbol. */
  | { readonly kind: 'unknown' }

/** Sorts `ctx.body`, of every type that Koa 2 and 3 answer with. */
export function bodyOf(ctx: Context): KoaBody {
  const body: unknown = ctx.body
  if (body === undefined || body === null) {
    // Koa itself answers with the status message then, unless the status or an explicit null says "nothing".
    const isNull = body === null
    const text = isNull ? '' : ctx.message || String(ctx.status)
    return { kind: 'whole', bytes: Buffer.from(text), form: isNull ? 'null' : 'none' }
  }
  if (typeof body === 'string') return { kind: 'whole', bytes: Buffer.from(body), form: 'text' }
  if (body instanceof Uint8Array) return { kind: 'whole', bytes: Buffer.from(body), form: 'bytes' }
  if (body instanceof Blob) return { kind: 'blob', blob: body }
  if (body instanceof ReadableStream)
    return { kind: 'stream', stream: Readable.fromWeb(body as never) }
  if (body instanceof Response) {
    const stream = body.body ? Readable.fromWeb(body.body as never) : Readable.from([])
    return { kind: 'stream', stream }
  }
  if (isReadable(body)) return { kind: 'stream', stream: body }
  const json: unknown = JSON.stringify(body)
  return typeof json === 'string'
    ? { kind: 'whole', bytes: Buffer.from(json), form: 'json' }
    : { kind: 'unknown' }
}

function isReadable(body: unknown): body is Readable {
  return (
    typeof body === 'object' && body !== null && 'pipe' in body && typeof body.pipe === 'function'
  )
}

/**
 * Lets a stream flow on unchanged while a copy is kept.
 *
 * @param limit bytes; more are not kept, and `onEnd` gets undefined as soon as there are more
 * @param onEnd called once with all bytes when the stream has ended well; never when it failed
 */
export function tap(
  source: Readable,
  limit: number,
  onEnd: (bytes: Buffer | undefined) => void,
): Readable {
  let chunks: Buffer[] = []
  let size = 0
  const copy = new Transform({
    transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
      const wasWithin = size <= limit
      size += chunk.byteLength
      if (size <= limit) chunks.push(Buffer.from(chunk))
      else if (wasWithin) {
        // It may never end, and others wait for it.
        chunks = []
        onEnd(undefined)
      }
      done(null, chunk)
    },
    flush(done: TransformCallback): void {
      if (size <= limit) onEnd(Buffer.concat(chunks))
      done()
    },
  })
  // A failure of the source reaches Koa through the copy, which it hears instead.
  return pipeline(source, copy, () => undefined)
}
