import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import express from 'express'
import Koa from 'koa'
import { expectTypeOf, test } from 'vitest'
import { type Readiness, type WarmReport, createCacheflow, sitemap } from '../../src/index.ts'
import { cacheflow } from '../../adapters/express/index.ts'
import { cacheflow as forKoa } from '../../adapters/koa/index.ts'

const cache = cacheflow({
  warming: { parallelism: 8, maxDuration: '2m', origin: 'https://a.example' },
})
const app = express()

test('warm() takes applications, listeners, servers and URLs', () => {
  expectTypeOf(cache.warm(app)).toEqualTypeOf<Promise<WarmReport>>()
  void cache.warm(cache.wrap(app))
  void cache.warm(createServer(app))
  void cache.warm(createHttpsServer(app))
  void cache.warm(createHttp2Server())
  void cache.warm(new URL('http://localhost'))
  void forKoa().warm(new Koa())
  void createCacheflow().warm()
  // @ts-expect-error -- no application
  void cache.warm(7)
  // @ts-expect-error -- not a duration
  void cache.warm(app, { maxDuration: 'soon' })
  expectTypeOf(cache.readiness()).toEqualTypeOf<Readiness>()
})

test('times are a pattern of cron, with its time zone or without', () => {
  cacheflow({ warming: { cron: '0 4 * * *' } })
  cacheflow({ warming: { every: '1h', cron: { pattern: '@daily', timezone: 'Europe/Berlin' } } })
  // @ts-expect-error -- a zone alone is no time
  cacheflow({ warming: { cron: { timezone: 'Europe/Berlin' } } })
})

test('a route says which pages it has, in one of many ways', () => {
  app.get('/posts/:id', cache.route({ warm: [1, 'two', { params: { id: 3 } }] }), (request) => {
    expectTypeOf(request.params).toEqualTypeOf<{ id: string }>()
  })
  cache.route({ warm: () => Promise.resolve(['/']) })
  cache.route({ warm: () => [{ query: { page: [1, 2], q: 'tea', all: true } }] })
  cache.route({ warm: () => sitemap('https://a.example/sitemap.xml') })
  cache.route({ warm: { pages: ['/'], variants: [{ 'accept-language': 'de' }], priority: 2 } })
  // @ts-expect-error -- pages have to be named
  cache.route({ warm: { variants: [{}] } })
  // @ts-expect-error -- a page is no list
  cache.route({ warm: [['/']] })
  // @ts-expect-error -- pages belong to a route
  cacheflow({ warm: ['/'] })
})

test('a warmer gets what makes fragments, and takes sources of pages', () => {
  cache.warmer('menu', async (own, { pages, signal }) => {
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
    pages(sitemap('sitemap.xml'))
    expectTypeOf(await own.fragment('menu', () => '<nav>')).toEqualTypeOf<string>()
  })
})
