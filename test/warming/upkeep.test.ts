import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { latch } from '../support/latch.ts'
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

  it('makes anew what becomes stale within a time, each page once and not before its moment', async () => {
    const made: string[] = []
    const site = await Site.start('Express 5', [pages(made)], {
      warming: { afterInvalidation: true },
    })
    await site.cache.warm(site.app)
    const paths = Array.from({ length: 8 }, (_, i) => `/p/${i}`)
    for (const path of paths) await site.visit(path)
    made.splice(0)
    let runs = 0
    site.cache.on('warm', () => runs++)
    await site.cache.invalidate({ tag: 'pages' }, { soft: true, spread: '800ms' })
    await until('all were made anew', () => made.length >= paths.length)
    expect(made.toSorted()).toEqual(paths)
    expect(runs).toBeGreaterThan(1)
    for (const path of paths) expect((await site.visit(path)).cacheStatus).toContain('hit')
  })

  it('makes nothing anew of what nobody may ask for again', async () => {
    const made: string[] = []
    const site = await Site.start(
      'Express 5',
      [pages(made, { session: () => 'members' }), { ...pages(made), pattern: '/all/:id' }],
      { warming: { afterInvalidation: true } },
    )
    await site.cache.warm(site.app)
    await site.visit('/p/members')
    await site.visit('/all/1')
    let runs = 0
    site.cache.on('warm', () => runs++)
    await site.cache.invalidate({ tag: 'pages' })
    await until('what fell is made anew', () => runs > 0)
    expect(made).toEqual(['/p/members', '/all/1', '/all/1'])
  })

  it('is not closed before what is being made anew has come to its end', async () => {
    const held = latch()
    const made: string[] = []
    const site = await Site.start(
      'Express 5',
      [
        {
          pattern: '/p/:id',
          options: { tags: ['pages'] },
          handler: async ({ path }) => {
            if (made.push(path) > 1) await held.opened
            return path
          },
        },
      ],
      { warming: { afterInvalidation: true } },
    )
    await site.cache.warm(site.app)
    await site.visit('/p/1')
    await site.cache.invalidate({ tag: 'pages' })
    await until('it is being made', () => made.length === 2)
    let isClosed = false
    const closed = site.cache.close().then(() => (isClosed = true))
    await Promise.race([closed, pause(100)])
    expect(isClosed).toBe(false)
    held.open()
    expect(await closed).toBe(true)
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
