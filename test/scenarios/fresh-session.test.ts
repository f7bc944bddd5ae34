import express5 from 'express'
import express4 from 'express4'
import session from 'express-session'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import koaSession from 'koa-session'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import type { ResponseContext } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { type Answer, Application } from '../support/application.ts'

const post = { id: 1, updatedAt: Date.UTC(2026, 2, 2, 10) }

interface Cart {
  count?: number
}

/** `before`: the session is read before the version is named; `after`: by the view alone. */
type Order = 'before' | 'after'

/** A shop that counts what is in the cart, and shows that on each page of a record. */
function shop(
  draft: ResponseContext,
  cart: () => Cart,
  path: string,
  order: Order,
): string | undefined {
  if (path === '/add') return String((cart().count = (cart().count ?? 0) + 1))
  if (order === 'before') cart()
  if (draft.freshWhen(post)) return undefined
  return `${cart().count ?? 0} in the cart`
}

function inExpress(express: typeof express5, order: Order): Promise<Application> {
  return Application.start((self) => {
    const cache = forExpress({ clock: () => self.now })
    const app = express()
    app.set('env', 'test')
    app.use(session({ secret: 'a secret', resave: false, saveUninitialized: true }))
    app.use(cache)
    app.use((request, response) => {
      const cart = (): Cart => request.session as unknown as Cart
      const body = shop(response.locals.cacheflow, cart, request.path, order)
      if (body !== undefined) response.send(body)
    })
    return { cache, listener: app }
  })
}

function inKoa(Koa: typeof Koa3, order: Order): Promise<Application> {
  return Application.start((self) => {
    const cache = forKoa({ clock: () => self.now })
    const app = new Koa()
    app.keys = ['a secret']
    const sessions = new Map<string, unknown>()
    const store = {
      get: (key: string) => sessions.get(key),
      set: (key: string, value: unknown) => void sessions.set(key, structuredClone(value)),
      destroy: (key: string) => void sessions.delete(key),
    }
    app.use(koaSession({ store } as never, app as never) as never)
    app.use(cache)
    app.use((ctx) => {
      const cart = (): Cart => ctx['session'] as Cart
      const body = shop(ctx.state.cacheflow, cart, ctx.path, order)
      if (body !== undefined) ctx.body = body
    })
    return { cache, listener: app.callback() }
  })
}

const sites: Readonly<Record<string, (order: Order) => Promise<Application>>> = {
  'Express 5': (order) => inExpress(express5, order),
  'Express 4': (order) => inExpress(express4 as unknown as typeof express5, order),
  'Koa 3': (order) => inKoa(Koa3, order),
  'Koa 2': (order) => inKoa(Koa2 as unknown as typeof Koa3, order),
}

describe.each(Object.entries(sites))(
  'freshWhen() of a page with a session in %s',
  (_name, open) => {
    it.each(['before', 'after'] as const)(
      'confirms nothing when the session has changed behind its cookie and is read %s the call',
      async (order) => {
        const app = await open(order)
        // The first request is not observed in each place, and gives the cookie.
        const added = await app.get('/add')
        const cookie = (added.headers['set-cookie'] ?? [])
          .map((each) => each.split(';')[0])
          .join('; ')
        const read = (etag?: string): Promise<Answer> =>
          app.get('/posts/1', { Cookie: cookie, ...(etag && { 'If-None-Match': etag }) })
        const first = await read()
        expect(first.body).toBe('1 in the cart')
        await app.get('/add', { Cookie: cookie })
        const second = await read(first.headers.etag)
        expect([second.status, second.body]).toEqual([200, '2 in the cart'])
      },
    )
  },
)
