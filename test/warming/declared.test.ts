import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CacheflowOptions, WarmFailure } from 'cacheflow'
import { RedisServer } from '../support/redis-server.ts'
import { type Framework, Site, type SiteRoute, frameworks } from './site.ts'

async function* slugs(): AsyncGenerator<string> {
  yield 'tea'
  await Promise.resolve()
  yield 'cups & saucers'
}

/** A shop of three routes, each warmed in another way, that counts what it makes. */
function shop(): { routes: SiteRoute[]; made: string[] } {
  const made: string[] = []
  const handler: SiteRoute['handler'] = (page) => {
    const language = page.path.startsWith('/l') ? (page.header('accept-language') ?? 'none') : ''
    made.push(`${page.path} ${language}`.trim())
    return `${page.path} ${language}`
  }
  return {
    made,
    routes: [
      { pattern: '/', options: { warm: ['/', '/?page=2'] }, handler },
      {
        pattern: '/products/:id',
        options: { warm: () => [1, { params: { id: 2 }, query: { tab: 'all' } }] },
        handler,
      },
      { pattern: '/c/:slug', options: { warm: slugs }, handler },
      {
        pattern: '/l/:page',
        options: {
          warm: {
            pages: ['about'],
            variants: [{ 'Accept-Language': 'de' }, { 'Accept-Language': 'en' }],
          },
        },
        handler,
      },
    ],
  }
}

const warmedUrls = [
  '/',
  '/?page=2',
  '/products/1',
  '/products/2?tab=all',
  '/c/tea',
  '/c/cups%20%26%20saucers',
]

let redis: RedisServer
let client: Redis
beforeAll(async () => {
  redis = await RedisServer.start()
  client = new Redis(redis.port)
})
afterAll(async () => {
  client.disconnect()
  await redis.kill()
})

const stores: readonly [string, (namespace: string) => CacheflowOptions<unknown>][] = [
  ['without Redis', () => ({})],
  ['with Redis', (namespace) => ({ redis: { client, namespace } })],
]

describe.each(frameworks)('warm() in %s', (framework: Framework) => {
  it.each(stores)(
    'makes what routes declare, so that the first visitor of each page gets a hit, %s',
    async (where, store) => {
      const { routes, made } = shop()
      const namespace = framework.replace(' ', '')
      const site = await Site.start(framework, routes, store(namespace))
      const report = await site.cache.warm(site.app, { origin: site.origin })
      expect(report).toMatchObject({
        outcome: 'complete',
        warmed: 8,
        fresh: 0,
        skipped: 0,
        failed: [],
      })
      expect(made).toHaveLength(8)
      for (const url of warmedUrls) {
        expect([url, (await site.visit(url)).cacheStatus]).toEqual([
          url,
          expect.stringContaining('hit'),
        ])
      }
      for (const language of ['de', 'en']) {
        const { body, cacheStatus } = await site.visit('/l/about', { 'accept-language': language })
        expect([body, cacheStatus]).toEqual([
          `/l/about ${language}`,
          expect.stringContaining('hit'),
        ])
      }
      expect(made).toHaveLength(8)
      if (where === 'with Redis') {
        expect(await client.zcard(`{${namespace}}:rd:exp`)).toBe(8)
      }
    },
  )

  it('knows the path under which a router is mounted', async () => {
    const { routes, made } = shop()
    const site = await Site.start(framework, [routes[1]!], {}, 'router')
    const report = await site.cache.warm(site.app, { origin: site.origin })
    expect(report.failed).toEqual([])
    expect(made).toEqual(['/shop/products/1', '/shop/products/2?tab=all'])
    expect((await site.visit('/shop/products/1')).cacheStatus).toContain('hit')
  })

  it('takes a server, and then the address at which it listens is known', async () => {
    const { routes } = shop()
    const site = await Site.start(framework, [routes[0]!])
    const report = await site.cache.warm(site.server)
    expect(report).toMatchObject({ warmed: 2, failed: [] })
    expect((await site.visit('/')).cacheStatus).toContain('hit')
  })

  it('takes a URL, and goes over the network', async () => {
    const { routes } = shop()
    const site = await Site.start(framework, [routes[0]!])
    const report = await site.cache.warm(site.origin)
    // Koa tells which application it is with the first request.
    expect(report).toMatchObject({ warmed: 2, fresh: 0, failed: [] })
    expect(await site.cache.warm(site.origin)).toMatchObject({ warmed: 0, fresh: 2, failed: [] })
    expect((await site.visit('/')).cacheStatus).toContain('hit')
  })

  it('leaves alone what is fresh, unless it is forced', async () => {
    const { routes, made } = shop()
    const site = await Site.start(framework, routes)
    await site.cache.warm(site.app, { origin: site.origin })
    const again = await site.cache.warm(site.app, { origin: site.origin })
    expect(again).toMatchObject({ warmed: 0, fresh: 8, bytes: 0 })
    expect(made).toHaveLength(8)
    const forced = await site.cache.warm(site.app, { origin: site.origin, force: true })
    expect(forced).toMatchObject({ warmed: 8, fresh: 0 })
    expect(made).toHaveLength(16)
    expect(site.cache.stats()).toMatchObject({ hits: 0 })
  })

  it('makes what is stale, and does not wait for a visitor to find it', async () => {
    let now = Date.now()
    const { routes, made } = shop()
    const site = await Site.start(framework, [routes[0]!], {
      clock: () => now,
      maxAge: '1m',
      staleWhileRevalidate: '1h',
    })
    await site.cache.warm(site.app, { origin: site.origin })
    now += 90_000
    expect(await site.cache.warm(site.app, { origin: site.origin })).toMatchObject({ warmed: 2 })
    expect(made).toHaveLength(4)
    expect((await site.visit('/')).cacheStatus).toContain('hit; ttl=60')
  })

  it('reports pages that fail, one by one, and those that may not be stored', async () => {
    const site = await Site.start(framework, [
      {
        pattern: '/p/:name',
        options: { warm: ['good', 'broken', 'gone', 'thrown', { params: {} }, { url: 'nowhere' }] },
        handler: ({ params }) => {
          if (params['name'] === 'thrown') throw new Error('on purpose')
          return params['name'] === 'broken' ? 503 : params['name'] === 'gone' ? 404 : 'good'
        },
      },
      {
        pattern: '/mine',
        options: { warm: ['/mine'], maxAge: false },
        handler: () => 'mine',
      },
    ])
    const report = await site.cache.warm(site.app, { origin: site.origin, retries: 0 })
    const failures = report.failed.map(({ url, status, reason }: WarmFailure) =>
      [url.replace(site.origin, ''), status ?? reason].join(' '),
    )
    expect(new Set(failures)).toEqual(
      new Set([
        '/p/:name nowhere is neither a path nor an http URL',
        '/p/:name the parameter name of /p/:name is missing',
        '/p/broken 503',
        '/p/gone 404',
        '/p/thrown 500',
      ]),
    )
    expect(report).toMatchObject({
      warmed: 1,
      failures: 5,
      skipped: 1,
      reasons: { 'no-lifetime': 1 },
    })
    expect((await site.visit('/p/good')).cacheStatus).toContain('hit')
  })
})
