import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { WarmingOptions } from 'cacheflow'
import { latch } from '../support/latch.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Site } from './site.ts'

let redis: RedisServer
let client: Redis
let monitor: Socket
let namespaces = 0
/** The runs that have asked whether they are to warm, behind their namespace. */
const claims = new Set<string>()
beforeAll(async () => {
  redis = await RedisServer.start()
  client = new Redis(redis.port)
  monitor = connect(redis.port, '127.0.0.1')
  monitor.write('MONITOR\r\n')
  const lines = createInterface(monitor).on('line', (line) => {
    const [, namespace, run] = /"\{(\w+)\}:rd:ver" .*"claim" "[^"]*" "([^"]+)"/.exec(line) ?? []
    if (run !== undefined) claims.add(`${namespace} ${run}`)
  })
  await once(lines, 'line')
})
afterAll(async () => {
  redis.resume()
  monitor.destroy()
  client.disconnect()
  await redis.kill()
})

/** Instances of one site, in this process, and what each has made. A page named `held` is made when the latch is opened. */
async function instances(
  count: number,
  warming: WarmingOptions = {},
): Promise<{ sites: Site[]; made: string[][]; namespace: string; release: () => void }> {
  const namespace = `n${++namespaces}`
  const held = latch()
  const made: string[][] = []
  const sites: Site[] = []
  for (let i = 0; i < count; i++) {
    const own: string[] = []
    made.push(own)
    const handler = async ({ path }: { path: string }): Promise<string> => {
      own.push(path)
      if (path === '/p/held') await held.opened
      return path
    }
    const route = { pattern: '/p/:id', options: { warm: ['held', 'declared'] }, handler }
    const options = { redis: { client, namespace, maxStaleness: '600ms' }, warming } as const
    sites.push(await Site.start('Express 5', [route], options))
  }
  await until('they are connected', () =>
    sites.every(({ cache }) => cache.status()?.connected === true),
  )
  return { sites, made, namespace, release: held.open }
}

/** Resolves when so many runs of a namespace have asked whether they are to warm. */
function asked(namespace: string, count: number): Promise<void> {
  const runs = (): string[] => [...claims].filter((each) => each.startsWith(`${namespace} `))
  return until('they have asked', () => runs().length >= count)
}

const lease = (namespace: string, name: string): string => `{${namespace}}:rd:warm:${name}`

describe('instances that share a Redis', () => {
  it('warm pages of their own each, and pages with a name once', async () => {
    const { sites, made, release } = await instances(2)
    release()
    const own = await Promise.all(
      sites.map(({ cache, app }, i) => cache.warm(app, { pages: [`/p/${i}`] })),
    )
    expect(own.map(({ name, by }) => [name, by])).toEqual([
      ['pages', undefined],
      ['pages', undefined],
    ])
    expect(made).toEqual([['/p/0'], ['/p/1']])
    const shared = await Promise.all(
      sites.map(({ cache, app }) => cache.warm(app, { pages: ['/p/2'], name: 'two' })),
    )
    expect(shared.filter(({ by }) => by === undefined)).toHaveLength(1)
    expect(made.flat().filter((path) => path === '/p/2')).toHaveLength(1)
    // What became of the last run is nothing to the next one.
    const again = await Promise.all(
      sites.map(({ cache, app }) => cache.warm(app, { pages: ['/p/2'], name: 'two', force: true })),
    )
    expect(again.filter(({ by }) => by === undefined)).toHaveLength(1)
    expect(made.flat().filter((path) => path === '/p/2')).toHaveLength(2)
  })

  it('make everything anew where one asks for it, though another is warming what is missing', async () => {
    const { sites, made, namespace, release } = await instances(2)
    const [first, second] = sites
    const run = first!.cache.warm(first!.app)
    await asked(namespace, 1)
    const forced = second!.cache.warm(second!.app, { force: true })
    await asked(namespace, 2)
    release()
    expect(await run).toMatchObject({ warmed: 2, by: undefined })
    expect(await forced).toMatchObject({ warmed: 2, fresh: 0, by: undefined })
    expect(made[1]!.toSorted()).toEqual(['/p/declared', '/p/held'])
  })

  it('wait for each other no longer than their budget, but for as long as the other is there', async () => {
    const { sites, made, release } = await instances(2)
    const [first, second] = sites
    const run = first!.cache.warm(first!.app)
    await until('the first leads', () => made[0]!.includes('/p/held'))
    // Longer than a lease lasts that is not renewed.
    const report = await second!.cache.warm(second!.app, { maxDuration: '900ms' })
    expect(report).toMatchObject({ outcome: 'max-duration', warmed: 0, failures: 0 })
    expect(made[1]).toEqual([])
    release()
    expect(await run).toMatchObject({ outcome: 'complete', warmed: 2 })
  })

  it('go on for one that gives up, in what is left of their time', async () => {
    const { sites, namespace, release } = await instances(2)
    const [first, second] = sites
    await first!.cache.warm(first!.app, { name: 'before', pages: ['/p/0'] })
    const endless = {
      name: 'endless',
      parallelism: 1,
      pages: function* () {
        yield '/p/held'
        for (;;) yield '/p/1'
      },
    }
    const stop = new AbortController()
    const run = first!.cache.warm(first!.app, { ...endless, signal: stop.signal })
    await asked(namespace, 2)
    const key = lease(namespace, 'endless')
    const leader = await client.hget(key, 'by')
    const other = second!.cache.warm(second!.app, { ...endless, maxDuration: '600ms' })
    await asked(namespace, 3)
    await pause(300)
    stop.abort()
    release()
    expect((await run).outcome).toBe('aborted')
    await until('the first has left', async () => (await client.hget(key, 'by')) !== leader, 300)
    const { outcome, by, time } = await other
    expect([outcome, by]).toEqual(['max-duration', undefined])
    expect(time).toBeLessThan(580)
    // What has ended is remembered for a minute, and renewed by nobody.
    expect(await client.pttl(lease(namespace, 'before'))).toBeGreaterThan(50_000)
  })

  it('leave alone what another one has begun while they stood still', async () => {
    const { sites, namespace, made, release } = await instances(1)
    const run = sites[0]!.cache.warm(sites[0]!.app)
    await until('it leads', () => made[0]!.includes('/p/held'))
    const key = lease(namespace, 'all')
    const other = { by: 'another', run: 'run' }
    await client.hset(key, other)
    release()
    expect(await run).toMatchObject({ outcome: 'complete', warmed: 2 })
    expect(await client.hgetall(key)).toEqual(other)
  })

  it('end with the cache at once, also where Redis was never heard of', async () => {
    const nobody = new Redis({ port: 1, lazyConnect: true })
    const redisOptions = { client: nobody, maxStaleness: '10s' } as const
    const site = await Site.start('Express 5', [], { redis: redisOptions })
    // One waits already, and the other is about to.
    const runs = [site.cache.warm(site.app)]
    await pause(1)
    runs.push(site.cache.warm(site.app, { name: 'own', pages: ['/'] }))
    await site.cache.close()
    for (const { outcome, time } of await Promise.all(runs)) {
      expect(outcome).toBe('aborted')
      expect(time).toBeLessThan(5_000)
    }
  })

  it('warm themselves where what another one tells is not understood', async () => {
    const { sites, namespace, release } = await instances(1)
    release()
    const key = lease(namespace, 'all')
    let count = 0
    for (const report of ['garbage', '{"warmed":5}', 'null']) {
      await client.hset(key, { by: 'another', run: 'run' })
      await client.pexpire(key, 60_000)
      const waiting = sites[0]!.cache.warm(sites[0]!.app)
      await asked(namespace, ++count)
      await client.hset(key, { report })
      expect(await waiting).toMatchObject({ outcome: 'complete', by: undefined })
      await client.del(key)
    }
    expect(sites[0]!.cache.readiness().state).toBe('warm')
  })

  it('warm themselves where Redis refuses, and tell of it', async () => {
    const { sites, namespace, release } = await instances(2, { hottest: 1 })
    const [first, second] = sites
    const faults = new Set<string>()
    second!.cache.on('error', ({ error, during }) => faults.add(`${during}: ${String(error)}`))
    await second!.visit('/p/1')
    await client.call('ACL', 'SETUSER', 'default', '-pttl', '-zunionstore')
    onTestFinished(() => void client.call('ACL', 'SETUSER', 'default', '+@all'))
    const run = first!.cache.warm(first!.app)
    await asked(namespace, 1)
    const other = second!.cache.warm(second!.app)
    const told = (start: string): boolean => [...faults].some((each) => each.startsWith(start))
    await until('both are refused', () => told('asking who is to warm') && told('asking for the'))
    release()
    expect(await run).toMatchObject({ outcome: 'complete', by: undefined })
    expect(await other).toMatchObject({ outcome: 'complete', failures: 0, by: undefined })
  })

  it('warm and close without Redis when it does not answer any more', async () => {
    const { sites, made, release } = await instances(1, { hottest: 5 })
    const [site] = sites
    const run = site!.cache.warm(site!.app)
    await until('it is under way', () => made[0]!.includes('/p/held'))
    await redis.pause()
    release()
    expect(await run).toMatchObject({ outcome: 'complete', warmed: 2, failures: 0 })
    expect(await site!.cache.warm(site!.app)).toMatchObject({ warmed: 0, failures: 0 })
    await site!.cache.close()
    redis.resume()
  })
})
