import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { Readable, pipeline } from 'node:stream'
import type { Handler } from '../support/host.ts'
import type { WireRequest } from '../support/wire.ts'

/** One way of producing a response. Whatever it is, clients get the same with the cache as without. */
export interface Way {
  /** `C-1: ...`, a sentence of the manual. */
  readonly title: string
  readonly handler: Handler
  readonly request?: WireRequest
  /** The second request is answered from the store. Default true. */
  readonly isStored?: boolean
}

const bytes = Buffer.from(Array.from({ length: 256 * 16 }, (_, i) => i % 256))
const text = 'Grüße, 世界, 🦊'

export const ways: readonly Way[] = [
  {
    title: 'C-1: a body from several write() calls is stored whole',
    handler: (_, response) => {
      response.setHeader('Content-Type', 'text/plain')
      response.write('one, ')
      setImmediate(() => {
        response.write('two, ')
        response.end('three')
      })
    },
  },
  {
    title: 'C-1: a body piped from a stream is stored whole',
    handler: (_, response) => {
      Readable.from([Buffer.from('one, '), Buffer.from('two'), bytes]).pipe(response)
    },
  },
  {
    title: 'C-1: a file through pipeline() is stored whole',
    handler: (_, response) => {
      pipeline(createReadStream(new URL(import.meta.url)), response, () => undefined)
    },
  },
  {
    title: 'C-1: an empty body is stored as one',
    handler: (_, response) => void response.end(),
  },
  {
    title: 'C-1: empty chunks change nothing',
    handler: (_, response) => {
      response.write('')
      response.write(Buffer.alloc(0))
      response.write('x')
      response.end('')
    },
  },
  {
    title: 'C-2: all 256 byte values come back bit for bit from end()',
    handler: (_, response) => void response.end(bytes),
  },
  {
    title: 'C-2: all 256 byte values come back bit for bit from write()',
    handler: (_, response) => {
      for (let i = 0; i < bytes.length; i += 100) response.write(bytes.subarray(i, i + 100))
      response.end()
    },
  },
  {
    title: 'C-3: Uint8Array chunks, also views of a larger buffer, are bytes',
    handler: (_, response) => {
      const large = new Uint8Array(bytes)
      response.write(large.subarray(98, 100))
      response.end(new Uint8Array(large.buffer, 200, 3))
    },
  },
  {
    title: 'C-3: a buffer written once and used again for the next chunk loses nothing',
    handler: async (_, response) => {
      const buffer = Buffer.alloc(4)
      for (const word of ['one ', 'two ', 'thr ']) {
        buffer.write(word)
        // After the callback the chunk is with the socket, and the buffer is the application's again.
        await new Promise((resolve) => response.write(buffer, resolve))
      }
      response.end()
    },
  },
  {
    title: 'C-4: every chunk has an encoding of its own',
    handler: (_, response) => {
      response.write('c3bc', 'hex')
      response.write('caf\u00e9', 'latin1')
      response.write('AP+A', 'base64')
      response.write('_-8', 'base64url')
      response.write('\u4e16', 'utf16le')
      response.write('\u00ff\u0141', 'binary')
      response.write('\u00ff\u0141', 'ascii')
      response.write('ü', 'utf-8')
      response.end('00ff', 'hex')
    },
  },
  {
    title: 'C-4: the length of an end() alone is counted in its encoding',
    handler: (_, response) => void response.end('00ff7f', 'hex'),
  },
  {
    title: 'C-4: a character split over two chunks survives',
    handler: (_, response) => {
      const coded = Buffer.from(text)
      response.write(coded.subarray(0, 3))
      response.write(coded.subarray(3, coded.length - 1))
      response.end(coded.subarray(coded.length - 1))
    },
  },
  ...endings(),
  {
    title: 'C-6: writeHead with an object keeps its fields and their case',
    handler: (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'X-MiXed': 'a', 'x-number': 7 })
      response.end('x')
    },
  },
  {
    title: 'C-6: writeHead with a reason keeps it',
    handler: (_, response) => {
      response.writeHead(200, 'Quite fine', { 'X-One': 'a' })
      response.end('x')
    },
  },
  {
    title: 'C-6: statusMessage is kept',
    handler: (_, response) => {
      response.statusMessage = 'Quite fine'
      response.end('x')
    },
  },
  {
    title: 'C-6: writeHead with a list keeps the lines of a repeated name',
    handler: (_, response) => {
      response.writeHead(200, ['Link', '<a>', 'X-One', '1', 'Link', '<b>', 'Link', '<c>'])
      response.end('x')
    },
  },
  {
    title: 'C-6: writeHead with an object of lists keeps all lines',
    handler: (_, response) => {
      response.writeHead(200, { Link: ['<a>', '<b>'], 'X-One': '1' })
      response.end('x')
    },
  },
  {
    title: 'C-6: writeHead overrides what setHeader said before',
    handler: (_, response) => {
      response.setHeader('X-One', 'old')
      response.setHeader('X-Two', ['2', '3'])
      response.setHeader('X-Three', 'stays')
      response.writeHead(200, { 'x-one': 'new', 'X-Two': '4' })
      response.end('x')
    },
  },
  {
    title: 'C-6: writeHead takes headers after an empty reason',
    handler: (_, response) => {
      response.writeHead(200, undefined, { 'X-One': '1' })
      response.end('x')
    },
  },
  {
    title: 'C-6: writeHead can be chained',
    handler: (_, response) => void response.writeHead(203).end('x'),
  },
  {
    title: 'C-8: a status, Location and custom fields are kept',
    handler: (_, response) => {
      response.statusCode = 301
      response.setHeader('Location', '/elsewhere')
      response.setHeader('X-Custom', 'a, b; c="d"')
      response.end()
    },
  },
  {
    title: 'C-8: fields with several lines keep each of them',
    handler: (_, response) => {
      response.setHeader('Link', ['<a>; rel=preload', '<b>; rel=preload'])
      response.appendHeader('X-Multi', '1')
      response.appendHeader('X-Multi', '2')
      // Not over HTTP/2.
      if ('setHeaders' in response) response.setHeaders(new Map([['X-Map', 'm']]))
      response.end('x')
    },
  },
  {
    title: 'C-8: a field value may hold any byte that HTTP allows',
    handler: (_, response) => {
      response.setHeader('X-Latin', 'caf\u00e9 \u00ff')
      response.setHeader('X-Empty', '')
      response.end(Buffer.from('x'))
    },
  },
  ...textHeads(),
  {
    title: 'C-13: the status 204 has no body, whatever was written',
    handler: (_, response) => {
      response.statusCode = 204
      response.setHeader('Cache-Control', 'max-age=60')
      response.end('never sent')
    },
  },
  {
    title: "C-16: the application's Cache-Control, ETag and Last-Modified are as it set them",
    handler: (_, response) => {
      response.setHeader('Cache-Control', 'public, max-age=120, immutable')
      response.setHeader('ETag', '"v1"')
      response.setHeader('Last-Modified', 'Tue, 01 Jul 2025 10:00:00 GMT')
      response.end('x')
    },
  },
  ...['private', 'no-store', 'private, max-age=60', 'no-store, max-age=60'].map((control): Way => ({
    title: `C-16: Cache-Control: ${control} goes to the client as it is, and nothing is stored`,
    handler: (_, response) => {
      response.setHeader('Cache-Control', control)
      response.end('x')
    },
    isStored: false,
  })),
  ...[400, 401, 403, 418, 429, 500, 502, 503].map((status): Way => ({
    title: `C-17: a ${status} is not stored`,
    handler: (_, response) => {
      response.statusCode = status
      response.setHeader('Cache-Control', 'max-age=60')
      response.end('an error')
    },
    isStored: false,
  })),
  {
    title: 'C-23: trailers reach the client, and the response is not stored',
    handler: (_, response) => {
      response.setHeader('Trailer', 'X-Sum')
      response.write('x')
      response.addTrailers({ 'X-Sum': '1' })
      response.end()
    },
    isStored: false,
  },
  {
    title: 'C-23: trailers that no Trailer field announces count as well',
    handler: (_, response) => {
      response.write('x')
      response.addTrailers([['X-Sum', '1']])
      response.end('y')
    },
    isStored: false,
  },
  {
    title: 'C-29: JSON is stored as its bytes, with the spaces and the escapes it was written with',
    handler: (_, response) => {
      response.setHeader('Content-Type', 'application/json')
      response.end('{ "a" :\t1.0, "b": "\\u003c" ,"a":2}\n')
    },
  },
]

/** All overloads of end() and write(), each with a callback. */
function endings(): Way[] {
  const calls: [string, (response: ServerResponse, done: () => void) => void][] = [
    ['end(callback)', (response, done) => response.end(done)],
    ['end(data, callback)', (response, done) => response.end('data', done)],
    ['end(data, encoding, callback)', (response, done) => response.end('c3bc', 'hex', done)],
    [
      'end(bytes, undefined, callback)',
      (response, done) => response.end(bytes, undefined as never, done),
    ],
    ['end(null, callback)', (response, done) => response.end(null as never, done)],
    ['end(undefined)', (response, done) => response.end(undefined).once('finish', done)],
    [
      'write(data, callback), end()',
      (response, done) => void (response.write('data', done), response.end()),
    ],
    [
      'write(data, encoding, callback), end(callback)',
      (response, done) => {
        let left = 2
        const each = (): void => void (--left === 0 && done())
        response.write('c3bc', 'hex', each)
        response.end(each)
      },
    ],
  ]
  return calls.map(([name, call]) => ({
    title: `C-5: ${name} stores what was sent, and calls back`,
    handler: (_, response) => {
      call(response, () => undefined)
    },
  }))
}

/** Node sends a head in UTF-8 when it goes out in one string with the body: a stored response has the same bytes. */
function textHeads(): Way[] {
  const calls: [string, (response: ServerResponse) => void][] = [
    ['end(text)', (response) => response.end('x')],
    ["end(text, 'latin1')", (response) => response.end('x', 'latin1')],
    ['write(text)', (response) => void (response.write('x'), response.end())],
    ['write(empty), end(text)', (response) => void (response.write(''), response.end('x'))],
    [
      'flushHeaders()',
      (response) => void (response.flushHeaders(), response.end(Buffer.from('x'))),
    ],
    [
      'a length and write(text)',
      (response) =>
        void (response.setHeader('Content-Length', 1), response.write('x'), response.end()),
    ],
    ['end()', (response) => response.end()],
  ]
  return calls.map(([name, call]) => ({
    title: `C-8: a field value beyond ASCII has the bytes it had with ${name}`,
    handler: (_, response) => {
      response.setHeader('X-Latin', 'caf\u00e9')
      call(response)
    },
  }))
}
