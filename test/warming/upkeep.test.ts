import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
      site.trustProxy()
      await site.cache.warm(site.app)
      const forwarded = {
        host: 'inner:80',
        'x-forwarded-host': 'shop.example',
        'x-forwarded-proto': 'https',
      }
      const visit = (path: string): Promise<{ cacheStatus: string }> => site.visit(path, forwarded)
      await site.cache.warm(site.app, {
        pages: ['/p/0'],
        origin: 'https://shop.example',
        headers: forwarded,
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
    // What the first run was told of its end, and what else was warmed since, is not for the others.
    const first = new AbortController()
    await site.cache.warm(site.app, { signal: first.signal })
    first.abort()
    await site.cache.warm(site.app, { pages: ['/p/3'] })
    now += 61_000
    await until('it was warmed again', () => made.length === 5)
    expect(made).toEqual(['/p/1', '/p/2', '/p/3', '/p/1', '/p/2'])
  })

  it('makes hot pages anew before they are stale, once for all instances', async () => {
    let now = Date.now()
    const made: string[] = []
    const options = {
      clock: () => now,
      maxAge: '1m',
      redis: { client, namespace: 'ahead' },
      warming: { refreshAhead: '150ms' },
    } as const
    const sites = await Promise.all(
      [1, 2].map(() => Site.start('Express 5', [pages(made)], options)),
    )
    await until('they are connected', () =>
      sites.every(({ cache }) => cache.status()?.connected === true),
    )
    const visit = async (path: string): Promise<string[]> => {
      const statuses: string[] = []
      for (const site of sites) {
        statuses.push((await site.visit(path, { host: 'shop.example' })).cacheStatus)
      }
      return statuses
    }
    for (const site of sites) await site.cache.warm(site.app)
    await visit('/p/1')
    await visit('/p/1')
    expect(made).toEqual(['/p/1'])
    const runs = [0, 0]
    for (const [i, site] of sites.entries()) site.cache.on('warm', () => runs[i]!++)
    now += 59_900
    await until('each has looked after it', () => runs.every((count) => count > 0))
    expect(made).toEqual(['/p/1', '/p/1'])
    const hit = expect.stringContaining('hit; ttl=60')
    expect(await visit('/p/1')).toEqual([hit, hit])
  })

  it('takes those pages for hot that visitors ask for, and not those that take long', async () => {
    const made: string[] = []
    let now = 0
    const site = await Site.start(
      'Express 5',
      [
        pages(made),
        {
          pattern: '/slow',
          options: { warm: ['/slow'], tags: ['pages'] },
          handler: ({ path }) => {
            now += 1_000
            made.push(path)
            return path
          },
        },
      ],
      { warming: { hottest: 1 }, clock: () => 1_800_000_000_000 + now },
    )
    await site.cache.warm(site.app)
    await site.visit('/p/quick')
    await site.cache.invalidate({ tag: 'pages' })
    await site.cache.warm(site.app)
    expect(made.toSorted()).toEqual(['/p/quick', '/p/quick', '/slow', '/slow'])
  })

  it('knows from its last life what visitors ask for most', { timeout: 60_000 }, async () => {
    const made: string[] = []
    const options = {
      redis: { client },
      warming: { hottest: 2, parallelism: 1 },
      clock: () => 1_800_000_000_000,
    }
    const first = await Site.start('Koa 3', [pages(made)], options)
    await until('the first is there', () => first.cache.status()?.connected === true)
    await first.cache.warm(first.app)
    for (const id of ['a', 'b', 'b', 'c', 'd', 'd', 'd', 'd']) await first.visit(`/p/${id}`)
    await first.cache.warm(first.app)
    for (const id of ['b', 'b', 'b']) await first.visit(`/p/${id}`)
    await first.cache.close()
    // What is told later counts for more.
    const [colder, heat, hotter, most] = await client.zrange('{cf}:rd:hot', '0', '-1', 'WITHSCORES')
    expect(colder).toContain('/p/d')
    expect(hotter).toContain('/p/b')
    expect(Number(heat)).toBeCloseTo(4 * 0.98)
    expect(Number(most)).toBeCloseTo(2 * 0.98 + 3)
    expect(await client.pttl('{cf}:rd:hot')).toBeGreaterThan(6 * 86_400_000)
    made.splice(0)
    const second = await Site.start('Koa 3', [pages(made)], options)
    await second.cache.invalidate({ all: true }).catch(() => undefined)
    const report = await second.cache.warm(second.app)
    expect(report).toMatchObject({ warmed: 2, failed: [] })
    expect(made).toEqual(['/p/b', '/p/d'])
  })
})
