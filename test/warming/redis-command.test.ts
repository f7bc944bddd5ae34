import { connect } from 'node:net'
import { createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { createCacheflow } from 'cacheflow'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { certificate } from '../support/certificate.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import { accessRules, clusterRules } from '../support/redis-rules.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { file } from './lists.ts'
import { Site, type SiteRoute } from './site.ts'
import { cacheflow, npxCacheflow } from './terminal.ts'

const route: SiteRoute = {
  pattern: '/p/:id',
  options: { tags: ['pages'] },
  handler: ({ path }) => path,
}

let redis: RedisServer
/** Redis takes two seconds to form one: meanwhile the tests that need one server run. */
let forming: Promise<RedisCluster>
beforeAll(async () => {
  const user = ['cacheflow on >hunter2', ...accessRules, ...clusterRules].join(' ')
  forming = RedisCluster.start({ config: { user } })
  // Whoever waits for it is told.
  forming.catch(() => undefined)
  redis = await RedisServer.start()
})
afterAll(async () => {
  await redis.kill()
  await (await forming).stop()
})

describe('npx cacheflow with Redis', { timeout: 60_000 }, () => {
  it('finds what is stored by its path, lists nothing that was purged, and names other namespaces', async () => {
    const client = new Redis(redis.port)
    onTestFinished(() => client.disconnect())
    const varied: SiteRoute = {
      pattern: '/v/:id',
      options: { tags: ['pages'], vary: ['accept-language'] },
      handler: ({ path }) => path,
    }
    const options = { redis: { client, namespace: 'paths' } }
    const site = await Site.start('Koa 3', [route, varied], options)
    await until('it is connected', () => site.cache.status()?.connected === true)
    await site.cache.warm(site.app, { pages: ['/p/1', '/v/1'], origin: site.origin })
    const own = ['--namespace', 'paths', '--redis', `redis://localhost:${redis.port}`]
    const out = async (...args: string[]): Promise<string> =>
      (await cacheflow([...args, ...own])).out
    expect(await out('get', '/p/1')).toContain(`${site.origin}/p/1`)
    expect(await out('why', '/v/1')).toContain('/v/1')
    await client.hset('{paths}:rd:ver', 'tag:pages', '900')
    expect(await out('ls', `${site.origin}/p/1`)).toBe('')
    const other = ['--namespace', 'empty', '--redis', `redis://localhost:${redis.port}`]
    expect((await cacheflow(['stats', ...other])).out).toContain('"paths"')
    await client.hset('{empty}:rd:ver', 'epoch', 'begun')
    expect((await cacheflow(['stats', ...other])).out).toContain('"paths"')
  })

  it('tells why by a tree: each dependency stands under the fragment that it came with', async () => {
    const client = new Redis(redis.port)
    onTestFinished(() => client.disconnect())
    const cache = createCacheflow({ redis: { client, namespace: 'tree' } })
    onTestFinished(() => cache.close())
    await until('it is connected', () => cache.status()?.connected === true)
    const section = (): Promise<string> =>
      cache.fragment('section', async () => {
        const first = await cache.fragment('card/1', { tags: ['one'] }, () => 'first')
        const second = await cache.fragment('card/2', { tags: ['two'] }, () => 'second')
        return first + second
      })
    await cache.fragment('page', { tags: ['all'] }, section)
    const key = '{tree}:rd:v:fragment:page'
    await until('it rests in Redis', async () => (await client.exists(key)) === 1)
    await client.hset('{tree}:rd:ver', 'tag:two', '900')
    const own = ['--namespace', 'tree', '--redis', `redis://localhost:${redis.port}`]
    const { out } = await cacheflow(['why', 'fragment:page', ...own])
    const lines = out.split('\n')
    expect(lines[0]).toContain('not valid: tag:two was invalidated')
    const indents = Object.fromEntries(lines.map((line) => [line.trim(), line.search(/\S/)]))
    expect(indents).toMatchObject({
      'tag:all': 2,
      'fragment:section': 2,
      'tag:one': 6,
      'tag:two, invalidated last by number 900 <- not valid by this': 6,
    })
    expect(lines.filter((line) => line.includes('tag:one'))).toHaveLength(1)
  })

  it('reads and purges what instances share', async () => {
    const client = new Redis(redis.port)
    onTestFinished(() => client.disconnect())
    const site = await Site.start('Koa 3', [route], { redis: { client, namespace: 'shop' } })
    await until('it is connected', () => site.cache.status()?.connected === true)
    await site.cache.warm(site.app, { pages: ['/p/1', '/p/2'], origin: site.origin })
    const own = ['--namespace', 'shop', '--redis', `redis://localhost:${redis.port}`]
    const json = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await cacheflow([...args, ...own, '--json'])).out)
    const key = `${site.origin}/p/1`

    const [listed, one, none, got, counted, reason, gone] = await Promise.all([
      json('ls', site.origin),
      json('ls', site.origin, '--limit', '1'),
      json('ls', 'http://elsewhere'),
      json('get', key),
      json('stats'),
      json('why', key),
      cacheflow(['get', `${site.origin}/p/none`, ...own]),
    ])
    expect(listed).toEqual(expect.arrayContaining([key, `${site.origin}/p/2`]))
    expect(one).toHaveLength(1)
    expect(none).toEqual([])
    expect(got).toMatchObject({
      kind: 'response',
      status: 200,
      route: '/p/:id',
      tags: ['pages'],
      valid: true,
    })
    expect(counted).toMatchObject({ entries: 2, instances: 1 })
    expect(reason).toMatchObject({
      valid: true,
      dependencies: expect.arrayContaining([{ name: 'tag:pages', invalidated: 0, softened: 0 }]),
    })
    expect(gone).toMatchObject({ code: 1, out: expect.stringContaining('nothing is stored') })

    const purged = await json('purge', '--tag', 'pages')
    expect(purged).toMatchObject({ responses: 2, instances: 1 })
    expect((await site.visit('/p/1')).cacheStatus).not.toContain('hit')
    await until('what was made anew is there', async () => {
      return (await client.exists(`{shop}:rd:v:${key}`)) === 1
    })
    expect(await json('why', key)).toMatchObject({
      valid: true,
      dependencies: expect.arrayContaining([
        { name: 'tag:pages', invalidated: expect.any(Number), softened: 0 },
      ]),
    })
    const softly = await json('purge', '--tag', 'pages', '--soft', '--spread', '1h')
    expect(softly).toMatchObject({ responses: 0, instances: 1 })
    expect((await site.visit('/p/1')).cacheStatus).toContain('hit')
    const { sequence } = softly as { sequence: number }
    expect((await cacheflow(['why', key, ...own])).out).toContain(
      `tag:pages, invalidated last by number ${sequence - 1}, softly by number ${sequence}`,
    )
    expect((await cacheflow(['purge', '--tag', 'pages', '--soft', ...own])).out).toBe(
      `number ${sequence + 1}: what depends on it is stale, confirmed by 1 instance\n`,
    )

    const healthy = await cacheflow(['doctor', ...own])
    expect(healthy.out).toMatch(/^ok {4}version 7/)
    expect(healthy.code).toBe(0)
    await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-random')
    const sick = await cacheflow(['doctor', ...own])
    expect(sick).toMatchObject({ code: 1, out: expect.stringContaining('wrong maxmemory-policy') })
  })

  it('tells until when a page is fresh, though nobody has read it since a soft invalidation', async () => {
    const client = new Redis(redis.port)
    onTestFinished(() => client.disconnect())
    const site = await Site.start('Koa 3', [route], {
      maxAge: '1d',
      redis: { client, namespace: 'soft' },
    })
    await until('it is connected', () => site.cache.status()?.connected === true)
    await site.cache.warm(site.app, { pages: ['/p/1'], origin: site.origin })
    const own = ['--namespace', 'soft', '--redis', `redis://localhost:${redis.port}`]
    const key = `${site.origin}/p/1`
    const get = async (): Promise<unknown> =>
      JSON.parse((await cacheflow(['get', key, ...own, '--json'])).out)
    const untilWhen = expect.stringMatching(/^\d{4}-.*Z$/)

    expect(await get()).toMatchObject({ valid: true, fresh: true, stale: untilWhen })
    const spread = await cacheflow(['purge', '--tag', 'pages', '--soft', '--spread', '1h', ...own])
    expect(spread.out).toContain('what depends on it becomes stale within 3600 s')
    const end = Date.now() + 3_600_000
    const { fresh, stale } = (await get()) as { fresh: boolean; stale: string }
    expect(fresh).toBe(true)
    expect(Date.parse(stale)).toBeLessThan(end)
    expect((await cacheflow(['why', key, ...own])).out).toContain(`: valid, fresh until ${stale}, `)
    await cacheflow(['purge', '--tag', 'pages', '--soft', ...own])
    expect(await get()).toMatchObject({ valid: true, fresh: false })
    expect((await cacheflow(['why', key, ...own])).out).toContain(': valid, but stale, ')
    expect(((await get()) as { stale?: string }).stale).toBeUndefined()
  })

  it('tells by what the variants of a page are selected, and how their keys are found', async () => {
    const client = new Redis(redis.port)
    onTestFinished(() => client.disconnect())
    const site = await Site.start(
      'Koa 3',
      [{ ...route, handler: (page) => page.header('accept-language') ?? 'none' }],
      { redis: { client, namespace: 'variants' } },
    )
    await until('it is connected', () => site.cache.status()?.connected === true)
    const pages = [{ url: '/p/1', headers: { 'accept-language': 'de' } }]
    await site.cache.warm(site.app, { pages, origin: site.origin })
    const own = ['--namespace', 'variants', '--redis', `redis://localhost:${redis.port}`]
    const key = `${site.origin}/p/1`

    const got = JSON.parse((await cacheflow(['get', key, ...own, '--json'])).out)
    expect(got).toMatchObject({ kind: 'variants', valid: true, inputs: ['accept-language'] })
    const { code, out } = await cacheflow(['why', key, ...own])
    expect([code, out]).toEqual([
      0,
      `${key} has variants, by accept-language: npx cacheflow ls '${key} vary' names their keys\n`,
    ])
    const variant = (await cacheflow(['ls', `${key} vary`, ...own])).out.trim()
    expect((await cacheflow(['why', variant, ...own])).out).toContain('tag:pages')
  })

  it('never prints the password of Redis, and says of what is no URL how it is written', async () => {
    const url = 'redis://user:hunter2@localhost:1/'
    const ends = [
      ['stats', '--redis', url],
      ['purge', '--all', '--redis', url, '--json'],
      ['doctor'],
      ['ls', '--redis', `redis://user:hunter2@localhost:${redis.port}`],
      // Whoever forgets to encode it names another host by its beginning.
      ['stats', '--redis', 'redis://hunter2:12/quartz@localhost:1'],
      ['stats', '--redis', 'redis://user:hunter2#@localhost:1'],
      ['stats', '--redis', 'http://user:hunter2@localhost:1'],
    ].map((args, i) => (i === 0 ? npxCacheflow : cacheflow)(args, { REDIS_URL: url }))
    const refused = expect.stringContaining('localhost:1 does not answer (ECONNREFUSED)')
    const understood = [refused, refused, refused, expect.stringContaining('(WRONGPASS)')]
    const unclear = expect.stringMatching(/no URL of Redis.*\n {2}example: /)
    expect(await Promise.all(ends)).toEqual([
      ...understood.map((err) => ({ code: 1, out: '', err })),
      ...Array.from({ length: 3 }, () => ({ code: 2, out: '', err: unclear })),
    ])
    for (const { err } of await Promise.all(ends)) expect(err).not.toMatch(/hunter2|quartz/)
  })

  it('reaches Redis over TLS', async () => {
    const pair = certificate('localhost')
    const server = createServer(pair, (socket) => {
      socket.pipe(connect(redis.port, '127.0.0.1')).pipe(socket)
    }).listen(0)
    onTestFinished(() => void server.close())
    const url = `rediss://localhost:${(server.address() as AddressInfo).port}`
    const trusted = { NODE_EXTRA_CA_CERTS: await file('ca.pem', pair.cert) }
    const [open, closed] = await Promise.all([
      npxCacheflow(['ls', '--redis', url], trusted),
      npxCacheflow(['ls', '--redis', url]),
    ])
    expect(open).toMatchObject({ code: 0, err: '' })
    expect(closed).toMatchObject({ code: 1, err: expect.stringContaining('SELF_SIGNED_CERT') })
  })

  it('finds the whole Cluster by one node, with no more rights than the cache', async () => {
    const cluster = await forming
    const login = { username: 'cacheflow', password: 'hunter2' }
    const client = new Cluster([...cluster.addresses], { redisOptions: login })
    onTestFinished(() => client.disconnect())
    const site = await Site.start('Express 5', [route], {
      redis: { client },
      warming: { hottest: 5 },
    })
    await until('it is connected', () => site.cache.status()?.connected === true)
    await site.visit('/p/1')
    // It tells the others what visitors ask for.
    await site.cache.warm(site.app)
    const key = `${site.origin}/p/1`
    const owner = await cluster.ownerOf(await cluster.slotOf('{cf}'))
    expect(await owner.command('ZCARD', '{cf}:rd:hot')).toBe(1)
    const [other] = cluster.addresses.filter(({ port }) => port !== owner.port)
    const at = ['--redis', `redis://cacheflow:hunter2@127.0.0.1:${other?.port}`]
    const reading = [['ls'], ['get', key], ['why', key], ['stats'], ['doctor']]
    const ends = await Promise.all(reading.map((args) => cacheflow([...args, ...at])))
    expect(ends.map(({ code, err }) => [code, err])).toEqual(reading.map(() => [0, '']))
    const [list, get, why, stats, doctor] = ends.map(({ out }) => out)
    expect(list).toBe(`${key}\n`)
    expect(get).toMatch(/^valid +true$/m)
    expect(why).toContain('tag:pages')
    expect(stats).toMatch(/^entries +1$[^]*^instances +1$/m)
    expect(doctor).toMatch(/^ok {4}epoch \S+, 1 instances$/m)

    expect((await cacheflow(['purge', '--all', ...at])).out).toBe(
      'number 2: everything has fallen, confirmed by 1 instance\n',
    )
    expect((await site.visit('/p/1')).cacheStatus).not.toContain('hit')
    const denied = await Promise.all(cluster.nodes.map((node) => node.command('ACL', 'LOG')))
    expect(denied.flat()).toEqual([])
  })
})
