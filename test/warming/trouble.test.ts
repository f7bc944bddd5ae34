import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express from 'express'
import Koa from 'koa'
import KoaRouter from '@koa/router'
import { latch } from '../support/latch.ts'
import { until } from '../support/until.ts'
import { Site, type SiteRoute } from './site.ts'

const route = (warm: SiteRoute['options']['warm'], handler: SiteRoute['handler']): SiteRoute => ({
  pattern: '/p/:id',
  options: warm === undefined ? {} : { warm },
  handler,
})

describe('a run of warmers', () => {
  it('goes on where whoever listens to its progress fails, now or later', async () => {
    const site = await Site.start('Express 5', [route([1, 2], () => 'made')])
    const faults: unknown[] = []
    site.cache.on('error', ({ error, during }) => faults.push([String(error), during]))
    const onProgress = ({ done }: { done: number }): unknown => {
      if (done === 1) throw new Error('now')
      return Promise.reject(new Error('later'))
    }
    const report = await site.cache.warm(site.app, { onProgress, parallelism: 1 })
    expect(report).toMatchObject({ outcome: 'complete', warmed: 2, failures: 0 })
    // After each page, and at the end.
    const [later, last] = [1, 2].map(() => ['Error: later', 'onProgress of warm()'])
    expect(faults).toEqual([['Error: now', 'onProgress of warm()'], later, last])
  })

  it('goes on where whoever tells of pages throws, whatever that is', async () => {
    const site = await Site.start('Express 5', [
      route(
        function* () {
          yield 1
          throw Object.create(null)
        },
        () => 'made',
      ),
      { pattern: '/q', options: { warm: ['/q'] }, handler: () => 'made' },
    ])
    const report = await site.cache.warm(site.app)
    expect(report).toMatchObject({
      warmed: 2,
      failed: [{ url: '/p/:id', reason: 'an object was thrown' }],
    })
  })

  it('leaves a warmer that never ends to itself, once its time is up or the cache is closed', async () => {
    const site = await Site.start('Express 5', [])
    const signals: AbortSignal[] = []
    site.cache.warmer('endless', (_own, { signal }) => {
      signals.push(signal)
      return new Promise(() => undefined)
    })
    const options = { timeout: '20ms' } as const
    const first = await site.cache.warm(site.app, { ...options, maxDuration: '20ms' })
    expect(first).toMatchObject({
      outcome: 'max-duration',
      failed: [{ url: 'endless', reason: 'it goes on 20 ms after the end of the run' }],
    })
    const second = site.cache.warm(site.app, options)
    await until('it is under way again', () => signals.length === 2)
    await site.cache.close()
    expect(await second).toMatchObject({ outcome: 'aborted', failures: 1 })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('takes what an application throws, and breaks off, for failures of that page', async () => {
    const held = latch()
    const listener = async (
      request: { url?: string },
      response: { destroy(): void; end(text: string): void },
    ): Promise<void> => {
      if (request.url === '/thrown') throw new Error('on purpose')
      if (request.url === '/late') {
        await held.opened
        throw new Error('too late')
      }
      if (request.url === '/broken') response.destroy()
      else response.end('made')
    }
    const { cache } = await Site.start('Express 5', [])
    const run = cache.warm(listener as never, {
      pages: ['/thrown', '/broken', '/late', '/made'],
      retries: 0,
      timeout: '30ms',
    })
    const { failed, skipped } = await run
    held.open()
    const reasons = failed.map(({ url, reason }) => `${url.replace(/^.*\//, '')}: ${reason}`)
    expect(reasons.toSorted()).toEqual([
      'broken: the response was broken off',
      'late: no answer within 30 ms',
      'thrown: on purpose',
    ])
    expect(skipped).toBe(1)
  })

  it('lets no visitor wait for a page of which the application never heard again', async () => {
    const cache = forExpress()
    const app = express()
    app.use(cache)
    let isBroken = true
    app.get('/p/1', (_request, response) => {
      if (!isBroken) response.send('made')
    })
    // Whoever wraps an application may fail beside it.
    const listener = async (
      request: express.Request,
      response: express.Response,
    ): Promise<void> => {
      app(request, response)
      if (isBroken) throw new Error('on purpose')
    }
    const server = createServer(listener as never)
    const report = await cache.warm(listener as never, { pages: ['/p/1'], retries: 0 })
    expect(report.failed).toMatchObject([{ reason: 'on purpose' }])
    isBroken = false
    await until('nobody makes it', () => cache.stats().inFlight === 0)
    server.close()
    await cache.close()
  })

  it.each(['what routes declare', 'pages of its own'])(
    'is seen from its very first request on, wherever the cache stands: %s',
    async (which) => {
      const options = which === 'pages of its own' ? { pages: ['/p'] } : {}
      const expressCache = forExpress()
      const router = express.Router()
      router.use(expressCache)
      router.get('/p', expressCache.route({ warm: ['/p'] }), (_request, response) => {
        response.send('made')
      })
      const koaCache = forKoa()
      const koaRouter = new KoaRouter()
      koaRouter.get('/p', koaCache.route({ warm: ['/p'] }), (ctx) => {
        ctx.body = 'made'
      })
      const koa = new Koa()
      koa.use((_ctx, next) => next())
      koa.use(koaCache)
      koa.use(koaRouter.routes())
      const reports = [
        await expressCache.warm(express().use(router), options),
        await koaCache.warm(koa, options),
      ]
      expect(reports.map(({ warmed, reasons }) => [warmed, reasons])).toEqual([
        [1, {}],
        [1, {}],
      ])
      await Promise.all([expressCache.close(), koaCache.close()])
    },
  )

  it('comes from this machine, without credentials, and may say what it is to whoever counts visitors', async () => {
    const counted: unknown[] = []
    const seen: unknown[] = []
    const cache = forExpress({
      observe: { ignore: ['x-warmer'] },
      warming: { headers: { 'x-warmer': 'secret', accept: 'text/html' } },
    })
    const app = express()
    app.use((request, _response, next) => {
      if (request.get('x-warmer') !== 'secret') counted.push(request.url)
      next()
    })
    app.use(cache)
    app.get('/', (_request, response) => {
      response.send('made')
    })
    const server = createServer((request, response) => {
      const { cookie, authorization, 'user-agent': agent, accept } = request.headers
      seen.push([request.socket.remoteAddress, agent, accept, cookie, authorization])
      app(request, response)
    }).listen(0)
    onTestFinished(async () => {
      server.closeAllConnections()
      server.close()
      await cache.close()
    })
    // What one run says comes over what is said for all.
    await cache.warm(server, { pages: ['/'], headers: { Accept: '*/*' } })
    expect(seen).toEqual([['127.0.0.1', 'Mozilla/5.0 (cacheflow)', '*/*', undefined, undefined]])
    expect(counted).toEqual([])
    const { port } = server.address() as AddressInfo
    const visit = await fetch(`http://localhost:${port}/`)
    expect(visit.headers.get('cache-status')).toContain('hit')
    expect(counted).toEqual(['/'])
  })
})
