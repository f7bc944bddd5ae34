import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import type { Host, KoaMiddleware } from '../support/host.ts'
import type { WireRequest } from '../support/wire.ts'

/** One way of answering through Koa's context. */
export interface ContextWay {
  readonly title: string
  readonly koa: KoaMiddleware
  readonly request?: WireRequest
  /** The second request is answered from the store. Default true. */
  readonly isStored?: boolean | ((host: Pick<Host, 'major' | 'seesRaw'>) => boolean)
}

const bytes = Buffer.from(Array.from({ length: 256 * 16 }, (_, i) => i % 256))
const text = 'Grüße, 世界, 🦊'

function setBody(body: () => unknown): KoaMiddleware {
  return (ctx) => {
    ctx.body = body()
  }
}

export const contextWays: readonly ContextWay[] = [
  { title: 'C-26: a text', koa: setBody(() => text) },
  { title: 'C-26: HTML, told by its first character', koa: setBody(() => `<p>${text}</p>`) },
  { title: 'C-26: an empty text', koa: setBody(() => '') },
  { title: 'C-26: a Buffer', koa: setBody(() => bytes) },
  { title: 'C-26: an empty Buffer', koa: setBody(() => Buffer.alloc(0)) },
  { title: 'C-26: a Uint8Array', koa: setBody(() => new Uint8Array([1, 2, 255])) },
  { title: 'C-26: an object', koa: setBody(() => ({ a: 1, text, nested: [null, { b: 2.5 }] })) },
  { title: 'C-26: a list', koa: setBody(() => [1, 'two', null]) },
  { title: 'C-26: a Date, whose JSON is a text', koa: setBody(() => new Date(0)) },
  { title: 'C-26: a URL, whose JSON is a text', koa: setBody(() => new URL('http://a.example/')) },
  { title: 'C-26: a String, whose JSON is a text', koa: setBody(() => Object('text') as unknown) },
  { title: 'C-26: an object whose JSON is null', koa: setBody(() => ({ toJSON: () => null })) },
  { title: 'C-26: an object whose JSON is empty', koa: setBody(() => ({ toJSON: () => '' })) },
  { title: 'C-26: a number', koa: setBody(() => 42) },
  { title: 'C-26: false', koa: setBody(() => false) },
  {
    title: 'C-26: an object that says how it becomes JSON',
    koa: setBody(() => ({ toJSON: () => ({ date: new Date(0), __proto__: null }) })),
  },
  {
    title: 'C-26: an object with a property named __proto__',
    koa: setBody(() => JSON.parse('{"__proto__":1,"b":2,"1":3}') as object),
  },
  {
    title: 'C-26: a number too large and one too fine for JSON to give back',
    koa: setBody(() => ({ large: 1e21, fine: 0.1 + 0.2, none: Number.NaN, zero: -0 })),
  },
  { title: 'C-26: a node stream', koa: setBody(() => Readable.from([Buffer.from(text), bytes])) },
  { title: 'C-26: a node stream of texts', koa: setBody(() => Readable.from(['Grü', 'ße'])) },
  { title: 'C-26: an empty node stream', koa: setBody(() => Readable.from([])) },
  {
    title: 'C-26: a file',
    koa: (ctx) => {
      ctx.type = 'text/plain'
      ctx.body = createReadStream(new URL(import.meta.url))
    },
  },
  {
    title: 'C-26: a node stream with a length',
    koa: (ctx) => {
      ctx.body = Readable.from([Buffer.from('abc')])
      ctx.length = 3
    },
  },
  {
    title: 'C-26: a web stream',
    koa: setBody(
      () =>
        new ReadableStream({
          start(controller): void {
            controller.enqueue(new Uint8Array(Buffer.from(text)))
            controller.enqueue(new Uint8Array(bytes))
            controller.close()
          },
        }),
    ),
  },
  { title: 'C-26: a Blob', koa: setBody(() => new Blob([bytes, text], { type: 'text/x-blob' })) },
  { title: 'C-26: an empty Blob', koa: setBody(() => new Blob([])) },
  {
    title: "C-26: fetch's Response",
    koa: setBody(() => new Response(text, { status: 203, headers: { 'x-fetched': 'yes' } })),
  },
  { title: "C-26: fetch's Response without a body", koa: setBody(() => new Response(null)) },
  { title: 'C-26: null', koa: setBody(() => null), isStored: false },
  {
    title: 'C-26: null with a status and a lifetime',
    koa: (ctx) => {
      ctx.set('Cache-Control', 'max-age=60')
      ctx.body = null
      ctx.status = 200
    },
  },
  {
    title: 'C-26: null where JSON was said',
    koa: (ctx) => {
      ctx.type = 'application/json'
      ctx.body = null
    },
    // Koa 2 makes a 204 of it, Koa 3 the text 'null'.
    isStored: ({ major }) => major === 3,
  },
  {
    title: 'C-26: undefined with a lifetime',
    koa: (ctx) => {
      ctx.set('Cache-Control', 'max-age=60')
      ctx.body = undefined
    },
  },
  { title: 'C-26: no body at all, which is 404', koa: () => undefined },
  {
    title: 'C-26: a status without a body',
    koa: (ctx) => {
      ctx.status = 410
    },
  },
  {
    title: 'C-26: a status with a message of its own',
    koa: (ctx) => {
      ctx.status = 203
      ctx.message = 'Quite fine'
      ctx.body = text
    },
  },
  {
    title: 'C-26: a message and no body',
    koa: (ctx) => {
      ctx.status = 404
      ctx.message = 'Nowhere'
    },
  },
  {
    title: 'C-26: a redirection',
    koa: (ctx) => {
      ctx.status = 301
      ctx.redirect('/elsewhere')
    },
  },
  {
    title: 'C-26: an attachment',
    koa: (ctx) => {
      ctx.attachment('report.txt')
      ctx.body = Buffer.from(text)
    },
  },
  {
    title: 'C-26: a type set to nothing',
    koa: (ctx) => {
      ctx.body = Buffer.from(text)
      ctx.remove('Content-Type')
    },
  },
  {
    title: 'C-26: fields with several lines, and one beyond ASCII',
    koa: (ctx) => {
      ctx.set('Link', ['<a>', '<b>'])
      ctx.append('X-Multi', '1')
      ctx.append('X-Multi', '2')
      ctx.set('X-Latin', 'caf\u00e9')
      ctx.body = text
    },
  },
  {
    title: 'C-16: an ETag and Last-Modified of its own',
    koa: (ctx) => {
      ctx.etag = 'v1'
      ctx.lastModified = new Date(0)
      ctx.set('Cache-Control', 'public, max-age=10')
      ctx.body = text
    },
  },
  {
    title: 'C-17: a thrown error',
    koa: (ctx) => ctx.throw(503, 'later'),
    isStored: false,
  },
  {
    title: 'C-17: a thrown 404 with fields',
    koa: (ctx) => ctx.throw(404, 'not here', { headers: { 'X-Why': 'gone' } }),
    // Behind other middleware an error is not the cache's to see.
    isStored: ({ seesRaw }) => seesRaw,
  },
  {
    title: 'C-27: an end of the raw response',
    koa: (ctx) => {
      ctx.respond = false
      ctx.res.writeHead(203, { 'X-Raw': '1' })
      ctx.res.end(bytes)
    },
    isStored: ({ seesRaw }) => seesRaw,
  },
]
