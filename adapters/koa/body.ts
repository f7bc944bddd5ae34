import { type IncomingMessage, ServerResponse } from 'node:http'
import { Readable, Transform, type TransformCallback, pipeline } from 'node:stream'
import type { Context } from 'koa'
import { type BodyForm, type BodySource, isHttp1 } from '../../src/adapter.ts'

/** What a Koa body is to the cache. */
export type KoaBody =
  | { readonly kind: 'whole'; readonly bytes: Buffer; readonly form: BodyForm }
  | { readonly kind: 'blob'; readonly blob: Blob }
  | { readonly kind: 'stream'; readonly stream: Readable }
  /** Nothing that could be stored: a function, a symbol. */
  | { readonly kind: 'unknown' }

/** The body of a context, sorted once: what is no stream is whole before the head goes out. */
export class BodyInHand implements BodySource {
  readonly ctx: Context
  #body: KoaBody | undefined

  constructor(ctx: Context) {
    this.ctx = ctx
  }

  body(): KoaBody {
    return (this.#body ??= bodyOf(this.ctx))
  }

  size(): number | undefined {
    const body = this.body()
    return body.kind === 'whole' ? body.bytes.byteLength : undefined
  }

  bytes(): Buffer {
    const body = this.body()
    return body.kind === 'whole' ? body.bytes : Buffer.alloc(0)
  }
}

/** Sorts `ctx.body`, of every type that Koa 2 and 3 answer with. */
function bodyOf(ctx: Context): KoaBody {
  const body: unknown = ctx.body
  if (body === undefined || body === null) {
    // Koa itself answers with the status message then, over HTTP/2 with the status, unless an explicit null says "nothing".
    // Koa remembers a null also where undefined follows it.
    const isNull = body === null || Reflect.get(ctx.response, '_explicitNullBody') === true
    const message = isHttp1(ctx.req) ? ctx.message : ''
    const text = isNull ? '' : message || String(ctx.status)
    const form = isNull ? 'null' : isAnswered(ctx) ? 'none' : 'unanswered'
    return { kind: 'whole', bytes: Buffer.from(text), form }
  }
  if (typeof body === 'string') return { kind: 'whole', bytes: Buffer.from(body), form: 'text' }
  if (Buffer.isBuffer(body)) return { kind: 'whole', bytes: Buffer.from(body), form: 'bytes' }
  const web = knowsWebBodies(ctx) ? webBodyOf(body) : undefined
  if (web) return web
  if (isReadable(body)) return { kind: 'stream', stream: body }
  const json: unknown = JSON.stringify(body)
  return typeof json === 'string'
    ? { kind: 'whole', bytes: Buffer.from(json), form: 'json' }
    : { kind: 'unknown' }
}

/** Has somebody set the status? Where nobody has, a body that is set outside makes it 200. */
export function isAnswered(ctx: Context): boolean {
  return ctx.status !== 404 || Reflect.get(ctx.response, '_explicitStatus') === true
}

function webBodyOf(body: unknown): KoaBody | undefined {
  if (body instanceof Blob) return { kind: 'blob', blob: body }
  const stream = body instanceof Response ? body.body : body
  if (stream === null) return { kind: 'whole', bytes: Buffer.alloc(0), form: 'bytes' }
  return stream instanceof ReadableStream
    ? { kind: 'stream', stream: Readable.fromWeb(stream as never) }
    : undefined
}

const webBodies = new WeakMap<object, boolean>()

/** Koa 2 takes a Blob, a web stream and a fetch Response for objects, and sends `{}`. */
function knowsWebBodies(ctx: Context): boolean {
  const { app } = ctx
  const known = webBodies.get(app)
  if (known !== undefined) return known
  const req = { method: 'GET', httpVersionMajor: 1, headers: {} }
  const probe = Object.assign(Object.create(app.response) as Context['response'], {
    req,
    res: new ServerResponse(req as IncomingMessage),
  })
  probe.body = new Blob([])
  const knows = !/json/.test(probe.get('Content-Type'))
  webBodies.set(app, knows)
  return knows
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
