import type { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'
import { describe, expect, it } from 'vitest'
import {
  type Connect,
  type Host,
  type KoaMiddleware,
  type Site,
  isHit,
  open,
} from '../../support/host.ts'

type Say = (response: ServerResponse) => unknown

/** What middleware outside of the cache says in the head counts where it forbids, and is never written over. */
export function outerWords(host: Host): void {
  if (!host.hasOutside) return
  const silent: Say = () => undefined
  const says =
    (name: string, value: string): Say =>
    (response) =>
      response.setHeader(name, value)

  const siteOf = (outside: Say, inside: Say, page: () => string = () => 'the page'): Site => {
    const outer: Connect = (_, response, next) => {
      outside(response)
      next()
    }
    const outerOfKoa: KoaMiddleware = (ctx, next) => {
      outside(ctx.res)
      return next()
    }
    if (host.framework === 'Koa') {
      const koa: KoaMiddleware = (ctx) => {
        inside(ctx.res)
        const type: unknown = ctx.res.getHeader('Content-Type')
        const { statusCode } = ctx.res
        ctx.body = page()
        // Koa begins with 404, which no page here says.
        if (statusCode !== 404) ctx.status = statusCode
        if (typeof type === 'string') ctx.res.setHeader('Content-Type', type)
      }
      return { outside: [outerOfKoa], koa }
    }
    return {
      outside: [outer],
      handler: (_, response) => {
        inside(response)
        response.end(page())
      },
    }
  }

  describe('C-16', () => {
    const speakers: [string, boolean, boolean][] = [
      ['outside of the cache', true, false],
      ['outside of the cache and by the application', true, true],
      ['by the application', false, true],
    ]
    for (const [who, isOutside, isInside] of speakers) {
      const opened = (name: string, value: string) =>
        open(
          host,
          siteOf(isOutside ? says(name, value) : silent, isInside ? says(name, value) : silent),
        )

      it.each(['no-store', 'private', 'private="x-user"'])(
        `S-16: Cache-Control: %s said ${who} keeps the response out, and goes out as it was said`,
        async (value) => {
          const site = await opened('Cache-Control', value)
          for (let i = 0; i < 2; i++) {
            const response = await site.send()
            expect(isHit(response)).toBe(false)
            expect(response.all('cache-control')).toEqual([value])
          }
        },
      )

      it(`S-16: Vary: * said ${who} keeps the response out`, async () => {
        const site = await opened('Vary', '*')
        for (let i = 0; i < 2; i++) expect(isHit(await site.send())).toBe(false)
      })

      it.each([
        ['Cache-Control', 'public, max-age=5'],
        ['Cache-Control', 'no-transform'],
        ['Cache-Control', 'no-store, must-understand'],
        ['Expires', 'Wed, 01 Jan 2125 00:00:00 GMT'],
      ])(
        `C-16: %s: %s said ${who} goes out as it was said, on a miss and on a hit`,
        async (name, value) => {
          const site = await opened(name, value)
          for (const hits of [false, true]) {
            const response = await site.send()
            expect(isHit(response)).toBe(hits)
            expect(response.all(name)).toEqual([value])
            if (name === 'Expires') expect(response.all('cache-control')).toEqual([])
          }
        },
      )
    }

    it('M-15: a Vary that was said outside already selects the variant where nothing is observed', async () => {
      const vary = says('Vary', 'X-Kind')
      const site = await open(host, { ...siteOf(vary, vary), options: { observe: false } })
      await site.send({ headers: { 'X-Kind': 'a' } })
      expect(isHit(await site.send({ headers: { 'X-Kind': 'b' } }))).toBe(false)
      const warm = await site.send({ headers: { 'X-Kind': 'a' } })
      expect([isHit(warm), warm.all('vary')]).toEqual([true, ['X-Kind']])
    })

    it('C-16: a targeted field of the application takes the place of what is said outside', async () => {
      const outside: Say = (response) => {
        onHeaders(response, () => undefined)
        response.setHeader('Cache-Control', 'no-store')
      }
      const inside = says('Cacheflow-Cache-Control', 'max-age=60')
      const site = await open(host, siteOf(outside, inside))
      for (const hits of [false, true]) {
        const response = await site.send()
        expect([isHit(response), response.all('cache-control')]).toEqual([hits, ['no-store']])
      }
    })

    it('C-16: a cookie from outside of the cache keeps nothing out', async () => {
      const site = await open(host, siteOf(says('Set-Cookie', 'seen=1'), silent))
      await site.send()
      const warm = await site.send()
      expect([isHit(warm), warm.all('set-cookie')]).toEqual([true, ['seen=1']])
    })

    it('C-16: of a field with lines from outside and from the application only the latter are stored', async () => {
      let visitors = 0
      const outside: Say = (response) =>
        response.setHeader('Link', `</for/${++visitors}>; rel=preload`)
      const inside: Say = (response) => response.appendHeader('Link', '</page.css>; rel=preload')
      const site = await open(host, siteOf(outside, inside))
      for (const hits of [false, true, true]) {
        const response = await site.send()
        expect(isHit(response)).toBe(hits)
        expect(response.all('link')).toEqual([
          `</for/${visitors}>; rel=preload`,
          '</page.css>; rel=preload',
        ])
      }
    })

    it('C-16: the same where the application has joined them to one line', async () => {
      let visitors = 0
      const outside: Say = (response) => response.setHeader('Link', `</for/${++visitors}>; rel=a`)
      const inside: Say = (response) =>
        response.setHeader('Link', `${String(response.getHeader('Link'))}, </page.css>; rel=b`)
      const site = await open(host, siteOf(outside, inside))
      for (const hits of [false, true]) {
        const response = await site.send()
        expect(isHit(response)).toBe(hits)
        expect(response.all('link').join(', ')).toBe(
          `</for/${visitors}>; rel=a, </page.css>; rel=b`,
        )
      }
    })

    it('C-16: of a failed response nothing stays, and of those outside everything', async () => {
      let isUp = true
      const outside: Say = (response) => {
        response.setHeader('Link', '</outer>; rel=preload')
        response.setHeader('X-Frame-Options', 'DENY')
        response.setHeader('X-Outer-Only', '1')
      }
      const inside: Say = (response) => {
        if (isUp) return
        response.statusCode = 503
        response.setHeader('X-Failed', '1')
        response.setHeader('X-Frame-Options', 'SAMEORIGIN')
        response.removeHeader('X-Outer-Only')
        response.appendHeader('Link', '</sorry>; rel=preload')
      }
      const site = await open(host, {
        ...siteOf(outside, inside),
        options: { maxAge: 0, staleIfError: '1h', collapse: false },
      })
      await site.send()
      isUp = false
      const response = await site.send()
      expect([
        response.status,
        response.get('x-failed'),
        response.all('link'),
        response.all('x-frame-options'),
        response.all('x-outer-only'),
      ]).toEqual([200, undefined, ['</outer>; rel=preload'], ['DENY'], ['1']])
    })

    it('C-16: our own Cache-Control on a hit gives way to what is said outside by then', async () => {
      let control: string | undefined
      const outside: Say = (response) =>
        control !== undefined && response.setHeader('Cache-Control', control)
      const site = await open(host, siteOf(outside, silent))
      expect((await site.send()).all('cache-control')).toEqual(['no-cache'])
      control = 'no-store'
      const warm = await site.send()
      expect([isHit(warm), warm.all('cache-control')]).toEqual([true, ['no-store']])
      control = undefined
      expect((await site.send()).all('cache-control')).toEqual(['no-cache'])
    })

    it('C-16: what was stored under one word from outside is not confirmed against a no-store', async () => {
      let control = 'max-age=60'
      let visits = 0
      const confirm: Say = (response) => {
        response.setHeader('ETag', '"v1"')
        if (++visits > 1) response.statusCode = 304
      }
      const outside: Say = (response) => response.setHeader('Cache-Control', control)
      const site = await open(host, { ...siteOf(outside, confirm), options: { maxAge: 0 } })
      await site.send()
      control = 'no-store'
      const refused: string[] = []
      site.cache.on('uncacheable', ({ reason }) => refused.push(reason))
      await site.send()
      expect(refused).toEqual(['no-store'])
    })
  })

  describe('M-46', () => {
    it('M-46: Cache-Status and Server-Timing from outside of the cache stay before ours', async () => {
      const outside: Say = (response) => {
        response.setHeader('Cache-Status', 'outer; hit')
        response.setHeader('Server-Timing', 'db;dur=53')
      }
      const site = await open(host, { ...siteOf(outside, silent), options: { debug: true } })
      for (const own of ['cacheflow; fwd=uri-miss', 'cacheflow; hit']) {
        const response = await site.send()
        expect(response.all('cache-status').join(', ')).toMatch(
          new RegExp(`^outer; hit, ${own}[^,]*$`),
        )
        expect(response.all('server-timing').join(', ')).toMatch(
          /^db;dur=53, cacheflow;desc="[^"]*"$/,
        )
      }
    })
  })

  describe('guard', () => {
    const type: Say = says('Content-Type', 'text/html; charset=utf-8')

    it('S-13: a page with a token for one visitor is not stored where its type was set outside', async () => {
      const page = () => '<form><input name="_csrf" value="x1"></form>'
      const site = await open(host, siteOf(type, silent, page))
      for (let i = 0; i < 2; i++) expect(isHit(await site.send())).toBe(false)
    })

    it('S-13: a page with a nonce is not stored where its policy was set outside', async () => {
      let nonce = 0
      const policy: Say = (response) =>
        response.setHeader('Content-Security-Policy', `script-src 'nonce-n0nce${++nonce}'`)
      const page = () => `<script nonce="n0nce${nonce}"></script>`
      const site = await open(host, siteOf(policy, type, page))
      for (let i = 0; i < 2; i++) {
        const response = await site.send()
        expect([isHit(response), response.text]).toEqual([false, page()])
      }
    })

    it('S-13: nor where its policy is set outside as the head goes out', async () => {
      let nonce = 0
      const page = () => `<script nonce="n0nce${nonce}"></script>`
      const policy = (response: ServerResponse): void => {
        response.setHeader('Content-Security-Policy', `script-src 'nonce-n0nce${nonce}'`)
      }
      const late: Connect = (_, response, next) => {
        nonce++
        onHeaders(response, () => policy(response))
        next()
      }
      const lateOfKoa: KoaMiddleware = async (ctx, next) => {
        nonce++
        await next()
        policy(ctx.res)
      }
      const outside = [host.framework === 'Koa' ? lateOfKoa : late]
      const site = await open(host, { ...siteOf(silent, type, page), outside })
      for (let i = 0; i < 2; i++) expect(isHit(await site.send())).toBe(false)
    })
  })
}
