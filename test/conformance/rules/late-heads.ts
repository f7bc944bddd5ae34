import type { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'
import { describe, expect, it } from 'vitest'
import { type Connect, type Handler, type Host, isHit, open } from '../../support/host.ts'
import { essenceBehindCache, essenceOf } from '../../support/transparency.ts'

/** C-7 and C-17: heads that change in the last moment, and ends that fail. */
export function lateHeads(host: Host): void {
  describe('C-7', () => {
    const changes: [string, (response: ServerResponse) => void][] = [
      ['a transfer coding', (response) => response.setHeader('Transfer-Encoding', 'chunked')],
      ['the status 204', (response) => void (response.statusCode = 204)],
      ['the status 304', (response) => void (response.statusCode = 304)],
      ['a length', (response) => response.setHeader('Content-Length', 8)],
      ['a trailer', (response) => response.setHeader('Trailer', 'X-Sum')],
      ['no length', (response) => response.removeHeader('Content-Length')],
    ]
    for (const side of ['inside', 'outside'] as const) {
      for (const [change, make] of changes) {
        it.runIf(side === 'inside' || host.hasOutside)(
          `C-7: ${change} that a listener of the head ${side} the cache brings is framed as without it`,
          async () => {
            const listening: Connect = (_, response, next) => {
              onHeaders(response, () => make(response))
              next()
            }
            const listeningInKoa = (ctx: { res: never }, next: () => unknown): unknown => {
              listening({} as never, ctx.res, () => undefined)
              return next()
            }
            const layer = [host.framework === 'Koa' ? listeningInKoa : listening] as never
            const site = {
              handler: ((_, response) => {
                try {
                  response.end('the page')
                } catch {
                  response.statusCode = 500
                  response.end()
                }
              }) as Handler,
              ...(side === 'inside' ? { inside: layer } : { outside: layer }),
            }
            const expected = await (await open(host, site, false)).send()
            const cached = await open(host, site)
            // A stored response says its length before such listeners run: outside of the cache they hear of that.
            for (let i = 0; i < (side === 'inside' ? 2 : 1); i++) {
              const given = await cached.send()
              const isStored = isHit(given)
              expect(essenceBehindCache(given, expected, isStored)).toEqual(
                essenceOf(expected, isStored),
              )
              const isChunked = given.get('transfer-encoding') !== undefined
              expect(isChunked && given.get('content-length') !== undefined).toBe(false)
              if (given.status === 204 || given.status === 304) {
                expect(given.get('content-length')).toBeUndefined()
              }
            }
          },
        )
      }
    }
  })

  describe('C-17', () => {
    it.runIf(host.framework === 'Express' && host.hasOutside)(
      'C-17: where end() throws, the error page goes out, and nobody waits for the failed response',
      async () => {
        let isBroken = true
        const breaking: Connect = (_, response, next) => {
          const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse
          let calls = 0
          response.end = ((...args: unknown[]) => {
            if (isBroken && calls++ === 0) throw new Error('the session store is gone')
            return end(...args)
          }) as typeof response.end
          next()
        }
        const site = {
          outside: [breaking],
          handler: ((_, response) => {
            try {
              response.end('the page')
            } catch {
              response.statusCode = 503
              response.setHeader('X-Error', '1')
              response.end('sorry, the page is not to be had')
            }
          }) as Handler,
        }
        const expected = await (await open(host, site, false)).send()
        const cached = await open(host, { ...site, options: { collapse: { timeout: '10m' } } })
        for (let i = 0; i < 2; i++) {
          const given = await cached.send()
          expect([given.status, given.text]).toEqual([503, 'sorry, the page is not to be had'])
          expect(essenceBehindCache(given, expected, false)).toEqual(essenceOf(expected, false))
        }
        isBroken = false
        expect((await cached.send()).text).toBe('the page')
        expect(isHit(await cached.send())).toBe(true)
      },
    )

    it('C-17: an error page is as long as it is where the first head was refused', async () => {
      const handler: Handler = (_, response) => {
        response.statusCode = 9_999
        try {
          response.end('the page')
        } catch {
          response.statusCode = 500
          response.end('an error page that is longer')
        }
      }
      const expected = await (await open(host, { handler }, false)).send()
      const given = await (await open(host, { handler })).send()
      expect(given.text).toBe('an error page that is longer')
      expect(essenceBehindCache(given, expected, false)).toEqual(essenceOf(expected, false))
    })
  })
}
