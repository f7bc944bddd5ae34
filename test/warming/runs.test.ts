import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { latch, meeting } from '../support/latch.ts'
import { until } from '../support/until.ts'
import { Site, type SiteRoute } from './site.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes, once everything is collected that nobody holds. */
function memoryInUse(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const paths = (count: number): string[] => Array.from({ length: count }, (_, i) => `/p/${i}`)

function route(warm: SiteRoute['options']['warm'], handler: SiteRoute['handler']): SiteRoute {
  return { pattern: '/p/:id', options: warm === undefined ? {} : { warm }, handler }
}

describe('a run of warmers', () => {
  it('has so many requests at one time, and never more', { timeout: 60_000 }, async () => {
    // The first eight are inside together.
    const met = meeting(8)
    let now = 0
    let most = 0
    let asked = 0
    const site = await Site.start(
      'Express 5',
      [
        route(
          function* () {
            for (let i = 0; i < 6_000; i++) {
              asked++
              yield i
            }
          },
          async () => {
            most = Math.max(most, ++now)
            // Nothing is asked for before it can be made: one page for each worker.
            expect(asked).toBeLessThanOrEqual(site.cache.readiness().done + 8)
            await met()
            await new Promise((resolve) => setImmediate(resolve))
            now--
            return 'x'.repeat(2_000)
          },
        ),
      ],
      { memory: { maxSize: '1MiB' } },
    )
    // The least of several looks: what is about to be freed differs from one to the next.
    let early = Infinity
    let late = Infinity
    const report = await site.cache.warm(site.app, {
      parallelism: 8,
      onProgress: ({ done }) => {
        if (done % 100 > 0) return
        if (done > 1_500 && done <= 2_000) early = Math.min(early, memoryInUse())
        if (done > 5_500) late = Math.min(late, memoryInUse())
      },
    })
    expect(report).toMatchObject({ warmed: 6_000, failures: 0, bytes: 12_000_000 })
    expect(most).toBe(8)
    // In between are 8 MB of pages.
    expect((late - early) / 2 ** 20).toBeLessThan(4)
  })

  it('starts no request once it is aborted, and waits for those under way', async () => {
    const held = latch()
    let made = 0
    const site = await Site.start('Express 5', [
      route(paths(100), async () => {
        made++
        await held.opened
        return 'made'
      }),
    ])
    const stop = new AbortController()
    const run = site.cache.warm(site.app, { parallelism: 3, signal: stop.signal })
    await until('three are under way', () => made === 3)
    stop.abort()
    held.open()
    expect(await run).toMatchObject({ outcome: 'aborted', warmed: 3, failures: 0 })
    expect(made).toBe(3)
  })

  it('ends when it is aborted, although whoever tells of pages never tells of the next one', async () => {
    const stop = new AbortController()
    const site = await Site.start('Express 5', [
      route(
        async function* () {
          yield 1
          await new Promise(() => undefined)
        },
        () => 'made',
      ),
    ])
    const run = site.cache.warm(site.app, {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    expect(await run).toMatchObject({ outcome: 'aborted', warmed: 1 })
  })

  it('ends when its time budget is used up', async () => {
    const site = await Site.start('Express 5', [
      route(
        function* () {
          for (;;) yield 1
        },
        () => 'made',
      ),
    ])
    const report = await site.cache.warm(site.app, { maxDuration: '50ms' })
    expect(report.outcome).toBe('max-duration')
    expect(report.fresh).toBeGreaterThan(0)
    expect(report.time).toBeGreaterThanOrEqual(45)
  })

  it('starts no more requests in a second than its rate allows', async () => {
    const site = await Site.start('Express 5', [route(paths(11), () => 'made')])
    const { time, warmed } = await site.cache.warm(site.app, { rate: 50, parallelism: 10 })
    expect(warmed).toBe(11)
    expect(time).toBeGreaterThanOrEqual(195)
  })

  it('tries again what has failed, and gives up a page that never answers', async () => {
    const tries = new Map<string, number>()
    const site = await Site.start('Express 5', [
      route(paths(3), ({ path }) => {
        const count = (tries.get(path) ?? 0) + 1
        tries.set(path, count)
        if (path === '/p/1' && count === 1) return 503
        return path === '/p/2' ? new Promise<string>(() => undefined) : 'made'
      }),
    ])
    const report = await site.cache.warm(site.app, { timeout: '50ms', retries: 1 })
    expect(report).toMatchObject({
      warmed: 2,
      failed: [
        { url: 'http://localhost/p/2', status: undefined, reason: 'no answer within 50 ms' },
      ],
    })
    expect([...tries.values()]).toEqual([1, 2, 2])
  })

  it('waits as long as it is told to, be it for longer than timers can', async () => {
    const site = await Site.start('Express 5', [
      route([1], () => new Promise((resolve) => setTimeout(() => resolve('made'), 20))),
    ])
    const report = await site.cache.warm(site.app, {
      timeout: '30d',
      maxDuration: '30d',
      retries: 0,
    })
    expect(report).toMatchObject({ outcome: 'complete', warmed: 1, failed: [] })
  })

  it('begins with what has the highest priority', async () => {
    const order: string[] = []
    const handler: SiteRoute['handler'] = ({ path }) => {
      order.push(path)
      return path
    }
    const site = await Site.start('Express 5', [
      { pattern: '/low', options: { warm: { pages: ['/low'], priority: -1 } }, handler },
      { pattern: '/mid', options: { warm: ['/mid'] }, handler },
      { pattern: '/high', options: { warm: { pages: ['/high'], priority: 5 } }, handler },
    ])
    site.cache.warmer('first', () => order.push('first'), { priority: 9 })
    await site.cache.warm(site.app, { parallelism: 1 })
    expect(order).toEqual(['first', '/high', '/mid', '/low'])
  })

  it('without an application leaves the pages of routes alone', async () => {
    const site = await Site.start('Express 5', [route(['/p/1', 2], ({ path }) => path)])
    site.cache.warmer('menu', (own) => own.fragment('menu', () => '<nav>'))
    expect(await site.cache.warm()).toMatchObject({ warmed: 1, failures: 0 })
  })

  it('waits for the one before it, if that has the same name', async () => {
    const made: string[] = []
    const held = latch()
    const site = await Site.start('Express 5', [
      route(undefined, async ({ path }) => {
        made.push(path)
        if (path === '/p/1') await held.opened
        return path
      }),
    ])
    const warm = (name: string, page: string): Promise<unknown> =>
      site.cache.warm(site.app, { name, pages: [page] })
    const first = warm('one', '/p/1')
    const second = warm('one', '/p/2')
    await warm('another', '/p/3')
    expect(made.toSorted()).toEqual(['/p/1', '/p/3'])
    held.open()
    await Promise.all([first, second])
    expect(made).toHaveLength(3)
  })

  it('takes pages instead of what is declared, each for every origin', async () => {
    const told = latch()
    const site = await Site.start('Express 5', [
      route(['/p/declared'], async ({ path }) => {
        await told.opened
        return path
      }),
    ])
    const totals: (number | undefined)[] = []
    const report = await site.cache.warm(site.app, {
      pages: function* () {
        yield '/p/1'
        yield 'https://other.example/p/2'
        told.open()
      },
      origin: ['http://a.example', 'https://b.example'],
      onProgress: ({ total }) => totals.push(total),
    })
    expect(report).toMatchObject({ warmed: 3, failed: [] })
    // All are told of by now.
    expect(totals).toEqual([3, 3, 3])
    const keys = ['http://a.example/p/1', 'https://b.example/p/1', 'https://other.example/p/2']
    expect(keys.map((key) => site.cache.explain(key).entries)).toEqual([1, 1, 1])
  })

  it('is not counted among the hits and misses of visitors', async () => {
    const site = await Site.start('Express 5', [route(paths(3), () => 'made')])
    await site.cache.warm(site.app, { origin: site.origin })
    await site.cache.warm(site.app, { origin: site.origin })
    expect(site.cache.stats()).toMatchObject({ hits: 0, misses: 0 })
    await site.visit('/p/1')
    await site.visit('/p/7')
    expect(site.cache.stats()).toMatchObject({ hits: 1, misses: 1 })
  })

  it('tells of its end in an event', async () => {
    const site = await Site.start('Express 5', [route(paths(3), () => 'made')])
    const events: unknown[] = []
    site.cache.on('warm', (event) => events.push(event))
    const report = await site.cache.warm(site.app)
    expect(events).toEqual([report])
  })

  it('does nothing where warming is not enabled, and health checks are not kept waiting', async () => {
    const site = await Site.start('Express 5', [route(paths(3), () => 'made')], {
      warming: { enabled: false },
    })
    expect(site.cache.readiness().state).toBe('warm')
    expect(await site.cache.warm(site.app)).toMatchObject({ outcome: 'off', warmed: 0 })
  })

  it('tells health checks how far it is, while the server listens already', async () => {
    const held = latch()
    const site = await Site.start('Express 5', [
      route(paths(2), async () => {
        await held.opened
        return 'made'
      }),
      { pattern: '/other', options: {}, handler: () => 'other' },
    ])
    expect(site.cache.readiness()).toEqual({ state: 'cold', done: 0, report: undefined })
    const run = site.cache.warm(site.app)
    expect(site.cache.readiness().state).toBe('warming')
    expect((await site.visit('/other')).body).toBe('other')
    held.open()
    const report = await run
    expect(site.cache.readiness()).toEqual({ state: 'warm', done: 2, report })
  })

  it('ends with the cache, and a closed cache warms nothing', async () => {
    const held = latch()
    const site = await Site.start('Express 5', [
      route(paths(50), async () => {
        await held.opened
        return 'made'
      }),
    ])
    const order: string[] = []
    const { signal } = new AbortController()
    const run = site.cache.warm(site.app, { parallelism: 1, signal })
    await until('one is under way', () => site.cache.stats().inFlight === 1)
    const ended = run.then(({ outcome }) => order.push(outcome))
    const closed = site.cache.close().then(() => order.push('closed'))
    held.open()
    await Promise.all([ended, closed])
    expect(order).toEqual(['aborted', 'closed'])
    await expect(site.cache.warm(site.app)).rejects.toMatchObject({ code: 'ERR_CACHEFLOW_CLOSED' })
  })

  it('leaves out a page that meets no cache, and says so', async () => {
    const site = await Site.start('Express 5', [])
    const stranger = createServer((_request, response) => response.end('no cache here'))
    const report = await site.cache.warm(stranger, { pages: ['/'] })
    expect(report).toMatchObject({ skipped: 1, reasons: { 'no cache': 1 } })
  })
})
