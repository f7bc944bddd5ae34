import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import type { CacheHandle, CacheflowOptions } from 'cacheflow'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isHit } from '../../support/host.ts'
import { type WireRequest, type WireResponse, send } from '../../support/wire.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown
type Page = (request: IncomingMessage) => string

/** Two caches, or one cache twice, in one application: which listener comes of it, and which caches it has. */
type Nesting = readonly [
  name: string,
  build: (
    page: Page,
    options: CacheflowOptions<unknown>,
  ) => { listener: Listener; caches: CacheHandle[] },
]

/** C-25: a response passes one cache only, however many stand in its way. */
export function nesting(name: string, nestings: readonly Nesting[]): void {
  describe(name, () => {
    describe.each(nestings)('C-25: %s', (_, build) => {
      it('C-25: the handler runs once, and the second request is a hit', async () => {
        let runs = 0
        const ask = await serve(build, () => `run ${++runs}`)
        const cold = await ask()
        const warm = await ask()
        expect([cold.text, warm.text, isHit(warm)]).toEqual(['run 1', 'run 1', true])
        expect(
          cold
            .all('cache-status')
            .join(', ')
            .match(/cacheflow/g),
        ).toHaveLength(1)
        expect(
          warm
            .all('cache-status')
            .join(', ')
            .match(/cacheflow/g),
        ).toHaveLength(1)
      })

      it('C-25: what the page is made from is observed all the same', async () => {
        const ask = await serve(build, (request) => `in ${request.headers['accept-language']}`)
        expect((await ask({ headers: { 'accept-language': 'de' } })).text).toBe('in de')
        expect((await ask({ headers: { 'accept-language': 'fr' } })).text).toBe('in fr')
        expect((await ask({ headers: { 'accept-language': 'de' } })).text).toBe('in de')
      })

      it("C-25: a visitor's cookie shapes nobody else's page", async () => {
        const ask = await serve(build, (request) => `for ${request.headers.cookie}`)
        expect((await ask({ headers: { cookie: 'id=alice' } })).text).toBe('for id=alice')
        expect((await ask({ headers: { cookie: 'id=bob' } })).text).toBe('for id=bob')
        expect((await ask()).text).toBe('for undefined')
      })

      it('C-25: requests at one time do not wait for each other in a circle', async () => {
        let runs = 0
        const ask = await serve(build, () => `run ${++runs}`)
        const answers = await Promise.all([ask(), ask(), ask()])
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
      })

      it('C-25: a stale page is refreshed once in the background', async () => {
        let runs = 0
        let now = Date.now()
        const ask = await serve(build, () => `run ${++runs}`, {
          maxAge: '1s',
          staleWhileRevalidate: '1m',
          clock: () => now,
        })
        await ask()
        now += 2_000
        expect((await ask()).text).toBe('run 1')
        await expect.poll(() => runs).toBe(2)
        await expect.poll(async () => (await ask()).text).toBe('run 2')
        expect(runs).toBe(2)
      })
    })
  })
}

const arrival = '/the-first-request'

async function serve(
  build: Nesting[1],
  page: Page,
  options: CacheflowOptions<unknown> = {},
): Promise<(request?: WireRequest) => Promise<WireResponse>> {
  const counted: Page = (request) => (request.url === arrival ? 'arrived' : page(request))
  const { listener, caches } = build(counted, options)
  const server = createServer((request, response) => void listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const cache of caches) await cache.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  // Where the cache does not stand first it learns its application with the first request, which is not stored.
  await send(port, { path: arrival })
  return (request = {}) => send(port, request)
}

export function expressNestings(major: 4 | 5): readonly Nesting[] {
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  return [
    [
      'one cache in an application and in the one mounted in it',
      (page, options) => {
        const cache = forExpress(options)
        const [outer, inner] = [express(), express()]
        outer.use(cache)
        inner.use(cache)
        inner.use((request, response) => void response.end(page(request)))
        outer.use(inner)
        return { listener: outer, caches: [cache] }
      },
    ],
    [
      'one cache around an application and in it',
      (page, options) => {
        const cache = forExpress(options)
        const app = express()
        app.use(cache)
        app.get('/', cache.route({}), (request, response) => void response.end(page(request)))
        return { listener: cache.wrap(app), caches: [cache] }
      },
    ],
    [
      'one cache twice in a row',
      (page, options) => {
        const cache = forExpress(options)
        const app = express()
        app.use(cache)
        app.use(cache)
        app.use((request, response) => void response.end(page(request)))
        return { listener: app, caches: [cache] }
      },
    ],
    [
      'two caches in a row',
      (page, options) => {
        const caches = [forExpress(options), forExpress(options)]
        const app = express()
        for (const cache of caches) app.use(cache)
        app.use((request, response) => void response.end(page(request)))
        return { listener: app, caches }
      },
    ],
    [
      'two caches in a row, behind other middleware',
      (page, options) => {
        const caches = [forExpress(options), forExpress(options)]
        const app = express()
        app.use((_request, _response, next) => next())
        for (const cache of caches) app.use(cache)
        app.use((request, response) => void response.end(page(request)))
        return { listener: app, caches }
      },
    ],
    [
      'a cache around the application, another one in it',
      (page, options) => {
        const [outer, inner] = [forExpress(options), forExpress(options)]
        const app = express()
        app.use(inner)
        app.use((request, response) => void response.end(page(request)))
        return { listener: outer.wrap(app), caches: [outer, inner] }
      },
    ],
    [
      'a cache in the application, another one at a route',
      (page, options) => {
        const [outer, inner] = [forExpress(options), forExpress(options)]
        const app = express()
        app.use(outer)
        app.get(
          '/',
          inner.route({ key: () => 'own' }),
          (request, response) => void response.end(page(request)),
        )
        return { listener: app, caches: [outer, inner] }
      },
    ],
    [
      'two routers with a cache each',
      (page, options) => {
        const caches = [forExpress(options), forExpress(options)]
        const app = express()
        for (const cache of caches) {
          const router = express.Router()
          router.use(cache)
          app.use(router)
        }
        app.use((request, response) => void response.end(page(request)))
        return { listener: app, caches }
      },
    ],
  ]
}

export function koaNestings(major: 2 | 3): readonly Nesting[] {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  const end = (app: Koa3, page: Page): void =>
    void app.use((ctx) => {
      ctx.body = page(ctx.req)
    })
  return [
    [
      'one cache twice in a row',
      (page, options) => {
        const cache = forKoa(options)
        const app = new Koa()
        app.use(cache)
        app.use(cache)
        end(app, page)
        return { listener: app.callback(), caches: [cache] }
      },
    ],
    [
      'one cache around an application and in it',
      (page, options) => {
        const cache = forKoa(options)
        const app = new Koa()
        app.use(cache)
        app.use(cache.route({}))
        end(app, page)
        return { listener: cache.wrap(app), caches: [cache] }
      },
    ],
    [
      'two caches in a row',
      (page, options) => {
        const caches = [forKoa(options), forKoa(options)]
        const app = new Koa()
        for (const cache of caches) app.use(cache)
        end(app, page)
        return { listener: app.callback(), caches }
      },
    ],
    [
      'two caches in a row, behind other middleware',
      (page, options) => {
        const caches = [forKoa(options), forKoa(options)]
        const app = new Koa()
        app.use((_, next) => next())
        for (const cache of caches) app.use(cache)
        end(app, page)
        return { listener: app.callback(), caches }
      },
    ],
    [
      'a cache around the application, another one in it',
      (page, options) => {
        const [outer, inner] = [forKoa(options), forKoa(options)]
        const app = new Koa()
        app.use(inner)
        end(app, page)
        return { listener: outer.wrap(app), caches: [outer, inner] }
      },
    ],
    [
      'a cache in the application, another one at a route',
      (page, options) => {
        const [outer, inner] = [forKoa(options), forKoa(options)]
        const app = new Koa()
        app.use(outer)
        app.use(inner.route({ key: () => 'own' }))
        end(app, page)
        return { listener: app.callback(), caches: [outer, inner] }
      },
    ],
  ]
}
