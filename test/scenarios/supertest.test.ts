import { type RequestListener, createServer } from 'node:http'
import express4 from 'express4'
import express5 from 'express'
import KoaRouter from '@koa/router'
import Koa2 from 'koa2'
import Koa3 from 'koa'
import supertest from 'supertest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import type { CacheHandle } from 'cacheflow'

interface Site {
  readonly app: Parameters<typeof supertest>[0]
  readonly cache: CacheHandle
  /** How often the handler ran. */
  readonly runs: () => number
}

/** What a handler shows: a text, and what it reads of the host on its way. */
type Show = (host: () => string | undefined) => string

function expressSite(
  express: typeof express5,
  place: 'first' | 'behind' | 'router',
  show: Show,
): Site {
  let runs = 0
  const cache = forExpress()
  const app = express()
  const router = place === 'router' ? express.Router() : app
  if (place === 'behind') app.use((_request, _response, next) => next())
  router.use(cache)
  router.get('/', (request, response) => {
    runs++
    response.send(show(() => request.get('host')))
  })
  router.post('/', (_request, response) => void response.send('written'))
  if (router !== app) app.use(router)
  return { app, cache, runs: () => runs }
}

function koaRouterSite(show: Show): Site {
  let runs = 0
  const cache = forKoa()
  const router = new KoaRouter()
  router.get('/', (ctx) => {
    runs++
    ctx.body = show(() => ctx.host)
  })
  router.post('/', (ctx) => void (ctx.body = 'written'))
  const app = new Koa3()
  app.use(cache).use(router.routes())
  return { app: app.callback(), cache, runs: () => runs }
}

function koaSite(Koa: typeof Koa3, place: 'first' | 'behind', show: Show): Site {
  let runs = 0
  const cache = forKoa()
  const app = new Koa()
  if (place === 'behind') app.use((_ctx, next) => next())
  app.use(cache)
  app.use((ctx) => {
    if (ctx.method === 'POST') ctx.body = 'written'
    else if (ctx.path === '/') {
      runs++
      ctx.body = show(() => ctx.host)
    }
  })
  return { app: app.callback(), cache, runs: () => runs }
}

const sites: [string, (show: Show) => Site][] = [
  ...(['first', 'behind', 'router'] as const).flatMap((place): [string, (show: Show) => Site][] => [
    [
      `Express 4, ${place}`,
      (show) => expressSite(express4 as unknown as typeof express5, place, show),
    ],
    [`Express 5, ${place}`, (show) => expressSite(express5, place, show)],
  ]),
  ...(['first', 'behind'] as const).flatMap((place): [string, (show: Show) => Site][] => [
    [`Koa 2, ${place}`, (show) => koaSite(Koa2 as unknown as typeof Koa3, place, show)],
    [`Koa 3, ${place}`, (show) => koaSite(Koa3, place, show)],
  ]),
  ['Koa 3, a router behind the cache', koaRouterSite],
]

/** In a router nothing is observed before the first request has come. */
async function warmUp(app: Site['app']): Promise<void> {
  await supertest(app).get('/nowhere')
}

describe.each(sites)('an application under supertest (%s)', (_name, siteOf) => {
  it('is answered from the cache, though each call listens on another port', async () => {
    const { app, runs } = siteOf(() => 'page')
    await warmUp(app)
    const first = await supertest(app).get('/')
    expect(first.headers['cache-status']).toContain('fwd=uri-miss')
    const second = await supertest(app).get('/')
    expect(second.headers['cache-status']).toContain('hit')
    expect([second.text, runs()]).toEqual(['page', 1])
  })

  it('shows its own host to each call that shows it', async () => {
    const { app } = siteOf((host) => `at ${host()}`)
    await warmUp(app)
    const shown = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const call = supertest(app).get('/')
      const { text, headers } = await call
      expect(text).toBe(`at ${new URL(call.url).host}`)
      expect(headers['vary'] ?? '').not.toMatch(/host/i)
      shown.add(text)
    }
    expect(shown.size).toBe(3)
  })

  it('is invalidated by path, by the absolute URL of any port, and by a write', async () => {
    const { app, cache, runs } = siteOf(() => 'page')
    await warmUp(app)
    await supertest(app).get('/')
    await cache.invalidate({ url: '/' })
    const second = supertest(app).get('/')
    await second
    expect(runs()).toBe(2)
    await cache.invalidate({ url: second.url })
    await supertest(app).get('/')
    expect(runs()).toBe(3)
    await supertest(app).post('/')
    await supertest(app).get('/')
    expect(runs()).toBe(4)
    const last = await supertest(app).get('/')
    expect(last.headers['cache-status']).toContain('hit')
  })
})

it('two servers of one application that listen at one time keep their pages apart', async () => {
  const { app, runs } = expressSite(express5, 'first', () => 'page')
  const servers = [0, 1].map(() => createServer(app as RequestListener).listen(0))
  onTestFinished(() => servers.forEach((server) => server.close()))
  for (const server of [...servers, ...servers]) await supertest(server).get('/')
  expect(runs()).toBe(2)
})

it("a port that was another application's before is invalidated by its absolute URL", async () => {
  const first = express5()
  first.use(forExpress())
  first.get('/', (_request, response) => void response.send('first'))
  const early = createServer(first as RequestListener).listen(0)
  await supertest(early).get('/')
  await new Promise((resolve) => early.close(resolve))
  const late = createServer(first as RequestListener).listen(0)
  const { port } = late.address() as { port: number }
  await supertest(late).get('/')
  await new Promise((resolve) => late.close(resolve))

  let runs = 0
  const second = express5()
  const cache = forExpress()
  second.use(cache)
  second.get('/', (_request, response) => void response.send(`second ${++runs}`))
  const server = createServer(second as RequestListener).listen(port)
  onTestFinished(() => void server.close())
  await supertest(server).get('/')
  await cache.invalidate({ url: `http://127.0.0.1:${port}/` })
  expect((await supertest(server).get('/')).text).toBe('second 2')
})

it('two applications never share a page, whatever port they had', async () => {
  const cache = forExpress()
  const apps = ['one', 'two'].map((name) => {
    const app = express5()
    app.use(cache)
    app.get('/', (_request, response) => void response.send(name))
    return app
  })
  for (let i = 0; i < 2; i++) {
    for (const [index, app] of apps.entries()) {
      const { text } = await supertest(app).get('/')
      expect(text).toBe(['one', 'two'][index])
    }
  }
})
