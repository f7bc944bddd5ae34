import { Router } from '@koa/router'
import { describe, expect, it } from 'vitest'
import { cacheflow as forKoa } from 'cacheflow/koa'
import Koa3, { type Middleware } from 'koa'
import Koa2 from 'koa2'
import { Application } from '../support/application.ts'

const majors = [
  ['Koa 3', Koa3],
  ['Koa 2', Koa2 as unknown as typeof Koa3],
] as const
const places = ['first', 'behind'] as const
const cases = majors.flatMap(([name, Koa]) => places.map((place) => [name, place, Koa] as const))

describe.each(cases)('around the routes of %s, with the cache %s', (_, place, Koa) => {
  const site = async (
    mount: (app: Koa3, router: Router, cache: ReturnType<typeof forKoa>) => void,
  ): Promise<Application> => {
    const started = await Application.start((made) => {
      const cache = forKoa({ clock: () => made.now })
      const app = new Koa()
      app.silent = true
      if (place === 'behind') app.use((_ctx, next) => next())
      app.use(cache)
      const router = new Router()
      mount(app, router, cache)
      app.use(router.routes() as unknown as Middleware)
      return { cache, listener: app.callback() }
    })
    // Behind other middleware the cache learns its application by the first request.
    await started.get('/first-of-all')
    return started
  }

  it('M-41: tags and noStore() of middleware hold, though the route has a key of its own', async () => {
    let made = 0
    const app = await site((koa, router, cache) => {
      koa.use(async (ctx, next) => {
        ctx.state.cacheflow.tag('layout')
        if (ctx.query['q'] === 'preview') ctx.state.cacheflow.noStore('preview')
        await next()
      })
      router.get('/s', cache.route({ query: { only: ['q'] } }) as never, (ctx) => {
        ctx.body = `page ${++made}`
      })
    })
    await app.get('/s?q=1')
    await app.cache.invalidate({ tag: 'layout' })
    expect((await app.get('/s?q=1')).body).toBe('page 2')
    await app.get('/s?q=preview')
    expect((await app.get('/s?q=preview')).body).toBe('page 4')
  })

  it('of two routes that match, the response falls with each', async () => {
    const app = await site((_koa, router) => {
      router.get('/posts/:id', (_ctx, next) => next())
      router.get('/posts/:slug', (ctx) => {
        ctx.body = `slug ${ctx.params['slug']}`
      })
    })
    for (const target of [
      { route: '/posts/:id', params: { id: 'a' } },
      { route: '/posts/:slug', params: { slug: 'a' } },
    ]) {
      await app.get('/posts/a')
      expect((await app.cache.invalidate(target)).responses).toBe(1)
    }
  })

  it('S-8: parameters that are not in the key are not in ctx.URL either, though it was asked for before', async () => {
    const app = await site((koa, router, cache) => {
      koa.use(async (ctx, next) => {
        void ctx.URL
        await next()
      })
      router.get('/s', cache.route({ query: { only: ['q'] } }) as never, (ctx) => {
        ctx.body = ctx.URL.search
      })
    })
    expect((await app.get('/s?q=1&evil=x')).body).toBe('?q=1')
  })

  it('C-7: middleware between the cache and a route finds the stored response on its way back', async () => {
    const seen: unknown[] = []
    const app = await site((koa, router, cache) => {
      koa.use(async (ctx, next) => {
        await next()
        seen.push(ctx.status, String(ctx.body))
        ctx.set('X-Late', String(seen.length))
      })
      router.get('/prices', cache.route({ key: () => 'prices' }) as never, (ctx) => {
        ctx.body = 'prices'
      })
    })
    for (let i = 0; i < 3; i++) {
      const { status, body, headers } = await app.get('/prices')
      expect([status, body]).toEqual([200, 'prices'])
      if (i > 0) expect(headers['cache-status']).toContain('hit')
    }
    expect(seen.slice(-6)).toEqual([200, 'prices', 200, 'prices', 200, 'prices'])
  })

  it('M-38: a POST that is answered around Koa fells its page', async () => {
    let version = 1
    const app = await site((_koa, router) => {
      router.get('/x', (ctx) => {
        ctx.body = `v${version}`
      })
      router.post('/x', (ctx) => {
        version++
        ctx.respond = false
        ctx.res.statusCode = 200
        ctx.res.end('saved')
      })
    })
    await app.get('/x')
    await app.ask('/x', { method: 'POST' })
    expect((await app.get('/x')).body).toBe('v2')
  })
})
