import { type CacheflowEvents, type CacheHandle, createCacheflow } from 'cacheflow'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { describe, expect, it } from 'vitest'
import { RedisCluster } from '../support/redis-cluster.ts'
import { accessRules, clusterRules } from '../support/redis-rules.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

const user = { username: 'cacheflow', password: 'secret' }
const inCluster = { lazyConnect: true, redisOptions: user }

type Nodes = RedisCluster['addresses']

function allow(server: RedisServer, ...more: readonly string[]): Promise<unknown> {
  return server.command('ACL', 'SETUSER', 'cacheflow', 'on', '>secret', ...accessRules, ...more)
}

/** Two caches do all that caches do. Returns what failed. */
async function story(servers: readonly RedisServer[], open: () => CacheHandle): Promise<unknown[]> {
  const faults: unknown[] = []
  const [one, other] = [open(), open()]
  for (const cache of [one, other]) cache.on('error', ({ error }) => faults.push(error))
  await until('both are connected', () =>
    [one, other].every((cache) => cache.status()?.connected === true),
  )
  let made = 0
  const ask = (cache: CacheHandle, tag: string): Promise<string> =>
    cache.fragment(`row/${tag}`, { tags: [tag, 'rows'], maxAge: '1h' }, () => String(++made))
  const isStored = async (tag: string): Promise<boolean> => {
    const names = await Promise.all(servers.map((server) => server.command('KEYS', '*')))
    return names.flat().includes(`{cf}:rd:v:fragment:row/${tag}`)
  }
  for (const tag of ['a', 'b', 'c', 'd']) {
    await ask(one, tag)
    await until('it is in Redis', () => isStored(tag))
    expect(await ask(other, tag)).toBe(String(made))
    const { instances } = await one.invalidate({ tag }, { wait: 'all' })
    expect(instances).toBe(1)
  }
  await other.invalidate({ tag: 'rows' }, { soft: true })
  await other.invalidate({ all: true })
  expect(await ask(one, 'a')).toBe('5')
  await one.close()
  await other.close()
  const denied = await Promise.all(servers.map((server) => server.command('ACL', 'LOG')))
  return [...faults, ...denied.flat()]
}

describe.each([
  {
    name: 'ioredis 6',
    clientOf: ({ port }: RedisServer) => new Redis({ port, lazyConnect: true, ...user }),
    clusterOf: (nodes: Nodes) => new Cluster([...nodes], inCluster),
  },
  {
    name: 'ioredis 5',
    clientOf: ({ port }: RedisServer) => new Redis5({ port, lazyConnect: true, ...user }),
    clusterOf: (nodes: Nodes) => new Cluster5([...nodes], inCluster),
  },
])('With the access rules of the manual and $name', ({ clientOf, clusterOf }) => {
  it('a cache stores, shares, invalidates and leaves', async () => {
    await using server = await RedisServer.start()
    await allow(server)
    const open = () => createCacheflow({ redis: { client: clientOf(server), maxLog: 3 } })
    expect(await story([server], open)).toEqual([])
  })

  it('it does so in a Cluster', async () => {
    await using cluster = await RedisCluster.start()
    for (const node of cluster.nodes) await allow(node, ...clusterRules)
    const client = clusterOf(cluster.addresses)
    const open = () => createCacheflow({ redis: { client, maxLog: 3 } })
    expect(await story(cluster.nodes, open)).toEqual([])
  })

  it('a cache whose user may not do something says what, and goes on by itself', async () => {
    await using server = await RedisServer.start()
    await allow(server, '-hset')
    const cache = createCacheflow({ redis: { client: clientOf(server) } })
    const told: CacheflowEvents['redis'][] = []
    cache.on('redis', (event) => told.push(event))
    await until('it is told', () => told.length > 0)
    const message: unknown = expect.stringMatching(/can't run this command|no permissions to run/)
    const error: unknown = expect.objectContaining({ message })
    expect(told).toEqual([{ connected: false, error }])
    expect(await cache.fragment('row', { maxAge: '1h' }, () => 'made')).toBe('made')
    await cache.close()
  })
})
