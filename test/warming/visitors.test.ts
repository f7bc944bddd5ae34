import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import KoaRouter from '@koa/router'
import express from 'express'
import Koa from 'koa'
import type { CacheHandle, WarmTarget } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import { describe, expect, it, onTestFinished } from 'vitest'

const warming = { maxUtilization: 0.01, maxDuration: '1s' } as const
const pages = Array.from({ length: 20 }, (_, i) => i)

/** Keeps the processor busy for 20 ms. */
function made(): string {
  const end = performance.now() + 20
  while (performance.now() < end);
  return 'made'
}

/** Applications of which the cache has one route, and visitors ask for another. */
const sites: Readonly<Record<string, () => [CacheHandle, WarmTarget]>> = {
  Express: () => {
    const cache = forExpress({ warming })
    const app = express()
    app.get('/p/:id', cache.route({ warm: pages }), (_request, response) => {
      response.send(made())
    })
    app.get('/free', (_request, response) => {
      response.send('free')
    })
    return [cache, app]
  },
  Koa: () => {
    const cache = forKoa({ warming })
    const app = new Koa()
    const router = new KoaRouter()
    router.get('/p/:id', cache.route({ warm: pages }), (ctx) => {
      ctx.body = made()
    })
    router.get('/free', (ctx) => {
      ctx.body = 'free'
    })
    return [cache, app.use(router.routes())]
  },
}

describe.each(Object.keys(sites))('visitors of a site in %s', (name) => {
  it('are seen, and the event loop left to them, when they come to pages that the cache has no part in', async () => {
    const [cache, app] = sites[name]?.() ?? []
    if (cache === undefined || app === undefined) throw new Error('no site')
    const listener = app instanceof Koa ? app.callback() : app
    const server = createServer(listener as Parameters<typeof createServer>[1])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      server.closeAllConnections()
      await cache.close()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const run = cache.warm(app)
    while (cache.readiness().state === 'warming') {
      await (await fetch(`http://127.0.0.1:${port}/free`)).text()
    }
    expect((await run).outcome).toBe('max-duration')
  })
})
