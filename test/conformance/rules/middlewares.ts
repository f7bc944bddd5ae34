import { Writable } from 'node:stream'
import cookieParser from 'cookie-parser'
import helmet from 'helmet'
import koaConditionalGet from 'koa-conditional-get'
import koaEtag from 'koa-etag'
import methodOverride from 'method-override'
import morgan from 'morgan'
import { describe, expect, it } from 'vitest'
import {
  type Connect,
  type Host,
  type KoaMiddleware,
  type Site,
  isHit,
  open,
} from '../../support/host.ts'
import { essenceBehindCache, essenceOf } from '../../support/transparency.ts'

/** Other people's middleware on either side of the cache. */
export function middlewares(host: Host): void {
  const sides = host.hasOutside ? (['inside', 'outside'] as const) : (['inside'] as const)
  const known = host.framework === 'Express' ? ofExpress : ofKoa
  for (const side of sides) {
    for (const [name, make] of Object.entries(known)) {
      it(`C-7: ${name} ${side} the cache changes no answer by it, and its pages are stored`, async () => {
        const site: Site = {
          ...(host.framework === 'Koa'
            ? { koa: (ctx) => void (ctx.body = 'a page') }
            : {
                handler: (_, response) => {
                  response.setHeader('Content-Type', 'text/plain')
                  response.end('a page')
                },
              }),
          [side]: [make()],
        }
        const [plain, cached] = [await open(host, site, false), await open(host, site)]
        const headers = { cookie: 'theme=dark; other=1', 'user-agent': 'Mozilla/5.0' }
        const expected = await plain.send({ headers })
        const cold = await cached.send({ headers })
        const warm = await cached.send({ headers })
        expect(essenceBehindCache(cold, expected, false)).toEqual(essenceOf(expected, false))
        expect(isHit(warm)).toBe(true)
        expect(essenceBehindCache(warm, expected, true)).toEqual(essenceOf(expected, true))
      })
    }
  }

  describe.runIf(host.framework === 'Express')('method-override', () => {
    it.each(sides)(
      'C-8: a method that method-override makes of a GET %s the cache is not taken for one',
      async (side) => {
        const deleted: string[] = []
        const override = methodOverride('X-HTTP-Method-Override', { methods: ['GET', 'POST'] })
        const server = await open(host, {
          [side]: [override as Connect],
          handler: (request, response) => {
            if (request.method === 'DELETE') deleted.push(request.url ?? '')
            response.end(`did ${request.method}`)
          },
        })
        const headers = { 'x-http-method-override': 'DELETE' }
        expect((await server.send({ headers })).text).toBe('did DELETE')
        expect((await server.send()).text).toBe('did GET')
        expect((await server.send({ headers })).text).toBe('did DELETE')
        expect((await server.send()).text).toBe('did GET')
        expect(deleted).toHaveLength(2)
      },
    )
  })
}

const nowhere = new Writable({
  write(_chunk, _encoding, done): void {
    done()
  },
})

const ofExpress: Record<string, () => Connect> = {
  helmet: () => helmet(),
  'cookie-parser': () => cookieParser('secret') as unknown as Connect,
  morgan: () => morgan('combined', { stream: nowhere }) as Connect,
}

const ofKoa: Record<string, () => KoaMiddleware> = {
  'koa-etag': () => koaEtag(),
  'koa-conditional-get': () => koaConditionalGet(),
  'a timer of its own': () => async (ctx, next) => {
    await next()
    ctx.set('X-Response-Time', '1ms')
  },
}
