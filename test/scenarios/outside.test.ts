import type Koa from 'koa'
import conditional from 'koa-conditional-get'
import etag from 'koa-etag'
import { describe, expect, it } from 'vitest'
import { type Host, expressHost, isHit, koaHost, open, places } from '../support/host.ts'

const hosts: readonly Host[] = [
  ...([4, 5] as const).flatMap((major) => places.map((place) => expressHost(major, place))),
  ...([2, 3] as const).flatMap((major) => places.map((place) => koaHost(major, place))),
]

for (const host of hosts.filter(({ framework }) => framework === 'Koa')) {
  describe(`outside of the cache, ${host.name}`, () => {
    it.runIf(host.hasOutside)(
      'an error page is made of a 404 that nobody answered, on a hit as on a miss',
      async () => {
        const errorPage: Koa.Middleware = async (ctx, next) => {
          await next()
          if (ctx.status === 404 && ctx.body === undefined) ctx.body = 'nothing is here'
        }
        const site = { outside: [errorPage], koa: () => undefined }
        const explicit = {
          ...site,
          koa: (ctx: Koa.Context) => {
            ctx.status = 404
          },
        }
        for (const each of [site, explicit]) {
          const expected = await (await open(host, each, false)).send()
          const cached = await open(host, each)
          for (const isHeld of [false, true]) {
            const given = await cached.send()
            expect([given.status, given.reason, given.text, given.get('content-type')]).toEqual([
              expected.status,
              expected.reason,
              expected.text,
              expected.get('content-type'),
            ])
            expect(isHit(given)).toBe(isHeld)
          }
        }
      },
    )

    it.runIf(host.hasOutside)(
      'koa-etag and koa-conditional-get confirm each conditional request, as without the cache',
      async () => {
        for (const body of ['the page', { a: 1 }]) {
          const site = {
            outside: [conditional(), etag()] as never,
            koa: (ctx: Koa.Context) => void (ctx.body = body),
          }
          const plain = await open(host, site, false)
          const tag = (await plain.send()).get('etag') ?? ''
          const headers = { 'If-None-Match': tag }
          const cached = await open(host, site)
          for (let i = 0; i < 4; i++) {
            const [expected, given] = [
              await plain.send({ headers }),
              await cached.send({ headers }),
            ]
            expect([given.status, given.get('etag')]).toEqual([304, expected.get('etag')])
          }
          const whole = await cached.send()
          expect([whole.status, whole.get('etag'), isHit(whole)]).toEqual([200, tag, true])
        }
      },
    )
  })
}

for (const host of hosts) {
  describe(`what a handler finds, ${host.name}`, () => {
    it('the draft is not listed among the locals of a response', async () => {
      const site = {
        handler: (_: unknown, response: { end(text: string): void; locals?: object }) =>
          response.end(JSON.stringify(Object.entries(response.locals ?? {}))),
        koa: (ctx: Koa.Context) => void (ctx.body = JSON.stringify(Object.entries(ctx.state))),
      }
      const own = host.framework === 'Koa' ? { koa: site.koa } : { handler: site.handler }
      const text = (await (await open(host, own)).send()).text
      expect(text).not.toContain('cacheflow')
    })

    it('HEAD says the same of caching as GET, on a miss as on a hit', async () => {
      const own =
        host.framework === 'Koa'
          ? { koa: (ctx: Koa.Context) => void (ctx.body = 'x') }
          : { handler: (_: unknown, response: { end(text: string): void }) => response.end('x') }
      const site = await open(host, own)
      const cold = await site.send({ method: 'HEAD' })
      const whole = await site.send()
      const warm = await site.send({ method: 'HEAD' })
      expect(whole.get('cache-control')).toBe('no-cache')
      for (const head of [cold, warm]) {
        expect(head.get('cache-control')).toBe('no-cache')
        expect(head.get('vary')).toBe(whole.get('vary'))
      }
      expect(cold.get('cache-status')).not.toContain('stored')
    })
  })
}
