import cookieSession from 'cookie-session'
import session from 'express-session'
import type Koa from 'koa'
import koaSession from 'koa-session'
import onHeaders from 'on-headers'
import responseTime from 'response-time'
import { describe, expect, it } from 'vitest'
import {
  type Connect,
  type Handler,
  type Host,
  type KoaMiddleware,
  isHit,
  open,
} from '../../support/host.ts'
import { latch } from '../../support/latch.ts'

/** C-7 and C-9: what is added to a response in the very last moment, session cookies above all. */
export function lateFields(host: Host): void {
  describe('C-7', () => {
    const plainText: Handler = (_, response) => {
      response.setHeader('X-Early', '1')
      response.end('x')
    }

    it.runIf(host.seesRaw)(
      'C-7: a field that a listener adds as the head goes out is stored',
      async () => {
        const late: Connect = (_, response, next) => {
          onHeaders(response, () => {
            response.setHeader('X-Late', 'inside')
          })
          next()
        }
        const lateOfKoa: KoaMiddleware = (ctx, next) => {
          late(ctx.req, ctx.res, () => undefined)
          return next()
        }
        const inside = [host.framework === 'Koa' ? lateOfKoa : late]
        const site = await open(host, { handler: plainText, inside })
        const cold = await site.send()
        const warm = await site.send()
        expect(isHit(warm)).toBe(true)
        for (const response of [cold, warm]) {
          expect([response.get('x-early'), response.get('x-late')]).toEqual(['1', 'inside'])
        }
      },
    )

    it.runIf(host.seesRaw)(
      'C-7: what such a listener adds decides whether the response is stored',
      async () => {
        const late: Connect = (_, response, next) => {
          onHeaders(response, () => {
            response.setHeader('Cache-Control', 'no-store')
          })
          next()
        }
        const lateOfKoa: KoaMiddleware = (ctx, next) => {
          late(ctx.req, ctx.res, () => undefined)
          return next()
        }
        const inside = [host.framework === 'Koa' ? lateOfKoa : late]
        const site = await open(host, { handler: plainText, inside })
        await site.send()
        const second = await site.send()
        expect([isHit(second), second.get('cache-control'), site.runs]).toEqual([
          false,
          'no-store',
          2,
        ])
      },
    )

    it.runIf(host.framework === 'Express' && host.hasOutside)(
      'C-7: response-time outside of the cache measures hits too, and its field is not stored',
      async () => {
        let measured = 0
        const outside = [
          responseTime(
            (_request, response) => void response.setHeader('X-Measured', ++measured),
          ) as Connect,
        ]
        const site = await open(host, { handler: plainText, outside })
        measured = 0
        expect((await site.send()).all('x-measured')).toEqual(['1'])
        const warm = await site.send()
        expect([isHit(warm), warm.all('x-measured')]).toEqual([true, ['2']])
      },
    )
  })

  describe('C-9', () => {
    const sessions = host.framework === 'Express' ? expressSessions : koaSessions
    for (const [name, make, handlers] of sessions) {
      for (const side of ['inside', 'outside'] as const) {
        const siteOf = ({ middleware, prepare }: ReturnType<typeof make>, at: typeof side) => ({
          ...handlers,
          ...(prepare && { prepare }),
          inside: at === 'inside' ? [middleware] : [],
          outside: at === 'outside' ? [middleware] : [],
        })
        const runs = it.runIf(side === 'inside' || host.hasOutside)

        runs(`C-9: two visitors get two cookies of ${name} ${side} the cache`, async () => {
          const server = await open(host, siteOf(make(), side))
          const first = await server.send()
          const second = await server.send()
          const [alice, bob] = [cookieOf(first), cookieOf(second)]
          expect(alice).toBeDefined()
          expect(bob).toBeDefined()
          expect(alice).not.toBe(bob)
          expect(isHit(second)).toBe(false)
        })

        runs(
          `C-9: two visitors at one time share no cookie of ${name} ${side} the cache`,
          async () => {
            const handler = latch()
            const wait = async (): Promise<void> => {
              arrived++
              if (arrived === 2) handler.open()
              // Whoever is made to wait for the other must not wait here as well.
              await Promise.race([
                handler.opened,
                new Promise((resolve) => setTimeout(resolve, 50)),
              ])
            }
            let arrived = 0
            const slow: Connect = (_, __, next) => void wait().then(() => next())
            const slowOfKoa: KoaMiddleware = async (_, next) => {
              await wait()
              return next()
            }
            const both = siteOf(make(), side)
            const last = host.framework === 'Koa' ? slowOfKoa : slow
            const server = await open(host, { ...both, inside: [...both.inside, last] })
            const [first, second] = await Promise.all([server.send(), server.send()])
            expect(cookieOf(first)).toBeDefined()
            expect(cookieOf(second)).toBeDefined()
            expect(cookieOf(first)).not.toBe(cookieOf(second))
          },
        )

        runs(
          `C-9: a page that reads the session of ${name} ${side} the cache is for its visitor alone`,
          async () => {
            const server = await open(host, siteOf(make(), side))
            const alice = cookieOf(await server.send('/count'))
            const again = await server.send({ path: '/count', headers: { cookie: alice ?? '' } })
            expect(again.text).toBe('2 visits')
            const bob = await server.send('/count')
            expect(bob.text).toBe('1 visits')
            expect(cookieOf(bob)).not.toBe(alice)
          },
        )
      }
    }

    it('C-9: a cookie that the application sets is never shared', async () => {
      let visitors = 0
      const server = await open(host, {
        handler: (_, response) => {
          response.setHeader('Set-Cookie', [`id=${++visitors}`, 'theme=dark'])
          response.setHeader('Cache-Control', 'public, max-age=60')
          response.end('x')
        },
      })
      expect((await server.send()).all('set-cookie')).toEqual(['id=1', 'theme=dark'])
      expect((await server.send()).all('set-cookie')).toEqual(['id=2', 'theme=dark'])
    })
  })
}

function cookieOf(response: { all(name: string): string[] }): string | undefined {
  const cookies = response.all('set-cookie').map((line) => line.split(';')[0])
  return cookies.length === 0 ? undefined : cookies.join('; ')
}

type Visited = { visits?: number; id?: string }
type Sessions = readonly [
  name: string,
  make: () => { middleware: Connect | KoaMiddleware; prepare?: (app: Koa) => void },
  handlers: { handler?: Handler; koa?: KoaMiddleware },
][]

let newcomers = 0

function visit(session: Visited, path: string): string {
  if (path !== '/count') return 'a page'
  session.visits = (session.visits ?? 0) + 1
  return `${session.visits} visits`
}

const expressHandler: Handler = (request, response) => {
  const { session } = request as unknown as { session: Visited }
  response.end(visit(session, request.url ?? ''))
}

const expressSessions: Sessions = [
  [
    'express-session',
    () => {
      const options = { secret: 's', resave: false, saveUninitialized: true }
      return { middleware: session(options) as unknown as Connect }
    },
    { handler: expressHandler },
  ],
  [
    'cookie-session',
    () => {
      const own = cookieSession({ keys: ['k'] }) as unknown as Connect
      const middleware: Connect = (request, response, next) =>
        own(request, response, (error) => {
          const { session } = request as unknown as { session: Visited }
          session.id ??= String(++newcomers)
          next(error)
        })
      return { middleware }
    },
    { handler: expressHandler },
  ],
]

const koaSessions: Sessions = [
  [
    'koa-session',
    () => {
      let own: Koa.Middleware | undefined
      const middleware: KoaMiddleware = (ctx, next) =>
        own?.(ctx, async () => {
          const { session } = ctx as unknown as { session: Visited }
          session.id ??= String(++newcomers)
          await next()
        })
      const prepare = (app: Koa): void => {
        app.keys = ['k']
        own = koaSession({}, app)
      }
      return { middleware, prepare }
    },
    {
      koa: (ctx) => {
        const { session } = ctx as unknown as { session: Visited }
        ctx.body = visit(session, ctx.path)
      },
    },
  ],
]
