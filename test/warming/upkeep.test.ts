import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Site, type SiteRoute } from './site.ts'

/** A site of one route that writes down what it makes. */
function pages(made: string[], options: SiteRoute['options'] = {}): SiteRoute {
  return {
    pattern: '/p/:id',
    options: { tags: ['pages'], ...options },
    handler: ({ path, header }) => {
      made.push(path)
      return path === '/p/language' ? `in ${header('accept-language')}` : path
    },
  }
}

describe('a cache that was warmed', () => {
  it('makes anew what fell by an invalidation, the hottest first, once for a burst of them', async () => {
    const made: string[] = []
    const site = await Site.start('Express 5', [pages(made)], {
      // Of pages that cost the same, those are hot that are asked for.
      clock: () => 1_800_000_000_000,
      warming: { afterInvalidation: true, parallelism: 1 },
    })
    await site.cache.warm(site.app)
    for (const path of ['/p/cold', '/p/hot', '/p/hot', '/p/hot', '/p/hot', '/p/mild', '/p/mild']) {
      await site.visit(path)
    }
    await site.visit('/p/language', { 'accept-language': 'de' })
    expect(made.splice(0)).toEqual(['/p/cold', '/p/hot', '/p/mild', '/p/language'])
    const runs: number[] = []
    site.cache.on('warm', ({ warmed }) => runs.push(warmed))
    await Promise.all([
      site.cache.invalidate({ tag: 'pages' }),
      site.cache.invalidate({ url: '/p/hot' }),
      site.cache.invalidate({ tag: 'pages' }),
    ])
    await until('what fell is made anew', () => runs.length > 0)
    expect(runs).toEqual([4])
    expect(made[0]).toBe('/p/hot')
    expect(made.toSorted()).toEqual(['/p/cold', '/p/hot', '/p/language', '/p/mild'])
    const german = await site.visit('/p/language', { 'accept-language': 'de' })
    expect(german).toMatchObject({ body: 'in de', cacheStatus: expect.stringContaining('hit') })
    expect((await site.visit('/p/hot')).cacheStatus).toContain('hit')
  })

  it('makes anew what fell, though something falls all the time', async () => {
    const site = await Site.start('Express 5', [pages([])], {
      warming: { afterInvalidation: true },
    })
    await site.cache.warm(site.app)
    let runs = 0
    site.cache.on('warm', ({ name }) => {
      if (name === 'afterInvalidation') runs++
    })
    await until('it was made anew', async () => {
      await site.visit('/p/1')
      await site.cache.invalidate({ tag: 'pages' })
      return runs > 0
    })
  })

  it.each(['Express 5', 'Koa 3'] as const)(
    'makes anew what visitors ask for, where a proxy names the site otherwise (%s)',
    async (framework) => {
      const made: string[] = []
      const site = await Site.start(framework, [pages(made)], {
        warming: { afterInvalidation: true },
      })
      await site.cache.warm(site.app)
      const forwarded = { 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' }
      const visit = (path: string): Promise<{ cacheStatus: string }> => site.visit(path, forwarded)
      await site.cache.warm(site.app, {
        pages: ['/p/0'],
        origin: 'https://shop.example',
        headers: { ...forwarded, host: new URL(site.origin).host },
      })
      expect((await visit('/p/0')).cacheStatus).toContain('hit')
      await visit('/p/1')
      const runs: number[] = []
      site.cache.on('warm', ({ warmed }) => runs.push(warmed))
      await site.cache.invalidate({ tag: 'pages' })
      await until('what fell is made anew', () => runs.length > 0)
      expect(runs).toEqual([2])
      expect((await visit('/p/1')).cacheStatus).toContain('hit')
      expect(made.toSorted()).toEqual(['/p/0', '/p/0', '/p/1', '/p/1'])
    },
  )

  it('makes nothing anew of what nobody may ask for again', async () => {
    const made: string[] = []
    const site = await Site.start(
      'Express 5',
      [pages(made, { session: () => 'members' }), { ...pages(made), pattern: '/all/:id' }],
      { warming: { afterInvalidation: true } },
    )
    await site.cache.warm(site.app)
    await site.visit('/p/members')
    // Whoever asks for pages with names without end does not fill the memory by it.
    await site.visit(`/all/${'1'.repeat(2_100)}`)
    await site.visit('/all/1')
    let runs = 0
    site.cache.on('warm', () => runs++)
    await site.cache.invalidate({ tag: 'pages' })
    await until('what fell is made anew', () => runs > 0)
    expect(made.map((path) => path.slice(0, 12))).toEqual([
      '/p/members',
      '/all/1111111',
      '/all/1',
      '/all/1',
    ])
  })

  it('is warmed again in intervals', async () => {
    let now = Date.now()
    const made: string[] = []
    const site = await Site.start('Express 5', [pages(made, { warm: [1, 2] })], {
      clock: () => now,
      maxAge: '1m',
      warming: { every: '100ms', parallelism: 1 },
    })
    await site.cache.warm(site.app)
    now += 61_000
    await until('it was warmed again', () => made.length === 4)
    expect(made).toEqual(['/p/1', '/p/2', '/p/1', '/p/2'])
  })

  it('makes hot pages anew before they are stale', async () => {
    let now = Date.now()
    const made: string[] = []
    const site = await Site.start('Express 5', [pages(made)], {
      clock: () => now,
      maxAge: '1m',
      warming: { ahead: '1s' },
    })
    await site.cache.warm(site.app)
    await site.visit('/p/1')
    now += 30_000
    let runs = 0
    site.cache.on('warm', () => runs++)
    now += 29_500
    await until('it was made before its time', () => runs > 0, 15_000)
    expect(made).toEqual(['/p/1', '/p/1'])
    expect((await site.visit('/p/1')).cacheStatus).toContain('hit; ttl=60')
  })

  it('knows from its last life what visitors ask for most', { timeout: 60_000 }, async () => {
    const redis = await RedisServer.start()
    const client = new Redis(redis.port)
    onTestFinished(async () => {
      client.disconnect()
      await redis.kill()
    })
    const made: string[] = []
    const options = { redis: { client }, warming: { hottest: 2 } }
    const first = await Site.start('Koa 3', [pages(made)], options)
    await until('the first is there', () => first.cache.status()?.connected === true)
    await first.cache.warm(first.app)
    for (const id of ['a', 'b', 'b', 'b', 'b', 'c', 'd', 'd', 'd', 'd']) {
      await first.visit(`/p/${id}`)
    }
    await first.cache.close()
    made.splice(0)
    const second = await Site.start('Koa 3', [pages(made)], options)
    await second.cache.invalidate({ all: true }).catch(() => undefined)
    const report = await second.cache.warm(second.app)
    expect(report).toMatchObject({ warmed: 2, failed: [] })
    expect(made.toSorted()).toEqual(['/p/b', '/p/d'])
  })
})
