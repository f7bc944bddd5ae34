import { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import compression from 'compression'
import koaCompress from 'koa-compress'
import { describe, expect, it } from 'vitest'
import {
  type Connect,
  type Handler,
  type Host,
  type KoaMiddleware,
  isHit,
  open,
} from '../../support/host.ts'
import type { WireResponse } from '../../support/wire.ts'

const text = 'A line that compresses well.\n'.repeat(200)

const handlers: readonly [string, Handler, KoaMiddleware][] = [
  [
    'end()',
    (_, response) => {
      response.setHeader('Content-Type', 'text/plain')
      response.end(text)
    },
    (ctx) => {
      ctx.type = 'text/plain'
      ctx.body = text
    },
  ],
  [
    'write() and end()',
    (_, response) => {
      response.setHeader('Content-Type', 'text/plain')
      response.write(text.slice(0, 1000))
      setImmediate(() => {
        response.write(text.slice(1000, 2000))
        response.end(text.slice(2000))
      })
    },
    (ctx) => {
      ctx.type = 'text/plain'
      ctx.body = Readable.from(
        [text.slice(0, 1000), text.slice(1000)].map((part) => Buffer.from(part)),
      )
    },
  ],
]

/** C-10 and C-11: compression on either side of the cache, and clients of every kind in every order. */
export function compressing(host: Host): void {
  const make = (): Connect | KoaMiddleware =>
    host.framework === 'Express'
      ? (compression({ threshold: 0 }) as unknown as Connect)
      : koaCompress({ threshold: 0 })
  for (const side of ['outside', 'inside'] as const) {
    const rule = side === 'outside' ? 'C-10' : 'C-11'
    if (side === 'outside' && !host.hasOutside) continue
    const sentence =
      side === 'outside'
        ? 'C-10: with compression outside, the identity body is stored'
        : 'C-11: with compression inside, each coding is a variant'
    describe(sentence, () => {
      for (const [way, handler, koa] of handlers) {
        const site = {
          ...(host.framework === 'Koa' ? { koa } : { handler }),
          [side]: [make()],
        }

        it.each([
          ['gzip', 'identity'],
          ['identity', 'gzip'],
        ])(
          `${rule}: compression ${side} the cache, ${way}: %s first, then %s`,
          async (first, second) => {
            const server = await open(host, site)
            const ask = (coding: string): Promise<WireResponse> =>
              server.send(coding === 'identity' ? {} : { headers: { 'accept-encoding': coding } })
            for (const coding of [first, second, first, second]) {
              const response = await ask(coding)
              expect(response.isComplete).toBe(true)
              expect(response.get('content-encoding') ?? 'identity').toBe(coding)
              expect(decoded(response)).toBe(text)
              expect(response.get('vary')?.toLowerCase()).toContain('accept-encoding')
            }
            expect(isHit(await ask(first))).toBe(true)
            expect(isHit(await ask(second))).toBe(true)
            // Outside, the coding is no part of what is stored.
            expect(server.runs).toBe(side === 'outside' ? 1 : 2)
          },
        )

        it(`${rule}: compression ${side} the cache, ${way}: no client gets a coding it does not accept`, async () => {
          const server = await open(host, site)
          const accepts = ['br', 'gzip;q=0', 'br, gzip', '*;q=0, identity', 'deflate', 'GZIP', 'x']
          for (const accept of [...accepts, ...accepts]) {
            const response = await server.send({ headers: { 'accept-encoding': accept } })
            const coding = response.get('content-encoding') ?? 'identity'
            expect(decoded(response), accept).toBe(text)
            if (coding !== 'identity') expect(accept.toLowerCase()).toContain(coding)
            expect(coding === 'gzip' && accept === 'gzip;q=0').toBe(false)
          }
        })

        it(`${rule}: compression ${side} the cache, ${way}: HEAD has the fields of GET and no body`, async () => {
          const server = await open(host, site)
          const headers = { 'accept-encoding': 'gzip' }
          await server.send({ headers })
          const head = await server.send({ method: 'HEAD', headers })
          expect([head.status, head.body.length]).toEqual([200, 0])
        })
      }

      it(`${rule}: compression ${side} the cache: entity tags tell the codings apart, or are weak`, async () => {
        const [, handler, koa] = handlers[0] ?? []
        const server = await open(host, {
          ...(host.framework === 'Koa'
            ? { koa: koa as KoaMiddleware }
            : { handler: handler as Handler }),
          [side]: [make()],
        })
        const coded = { 'accept-encoding': 'gzip' }
        for (const headers of [{}, coded]) await server.send({ headers })
        const plain = (await server.send()).get('etag') ?? ''
        const gzip = (await server.send({ headers: coded })).get('etag') ?? ''
        // There the bytes that leave are not the cache's to know.
        if (host.framework === 'Koa' && host.hasOutside) {
          expect([plain, gzip]).toEqual(['', ''])
          return
        }
        expect([plain, gzip]).not.toContain('')
        if (plain === gzip) expect(plain).toMatch(/^W\//)
        const matched = await server.send({ headers: { ...coded, 'if-none-match': gzip } })
        expect([matched.status, matched.text, matched.get('content-encoding')]).toEqual([
          304,
          '',
          undefined,
        ])
      })
    })
  }
}

function decoded(response: WireResponse): string {
  switch (response.get('content-encoding')) {
    case 'gzip':
      return gunzipSync(response.body).toString()
    case 'br':
      return brotliDecompressSync(response.body).toString()
    case 'deflate':
      return inflateSync(response.body).toString()
    default:
      return response.text
  }
}
