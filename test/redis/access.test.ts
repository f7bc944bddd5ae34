import { readFileSync } from 'node:fs'
import { type CacheflowEvents, createCacheflow } from 'cacheflow'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { describe, expect, it } from 'vitest'
import { root } from '../house/imports.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// The rules are those of docs/redis.md, "Access".
const document = readFileSync(`${root}docs/redis.md`, 'utf8')
const rules = (/^user cacheflow on >secret ([^]*?)\n```/m.exec(document)?.[1] ?? '').split(/\s+/)

describe.each([
  ['ioredis 6', Redis],
  ['ioredis 5', Redis5],
])('With the access rules of the manual and %s', (_, Client) => {
  const clientOf = ({ port }: RedisServer) =>
    new Client({ port, lazyConnect: true, username: 'cacheflow', password: 'secret' })

  it('a cache stores, shares, invalidates and leaves', async () => {
    await using server = await RedisServer.start()
    await server.command('ACL', 'SETUSER', 'cacheflow', 'on', '>secret', ...rules)
    const faults: unknown[] = []
    const open = () => {
      const cache = createCacheflow({ redis: { client: clientOf(server), maxLog: 3 } })
      cache.on('fault', ({ error }) => faults.push(error))
      return cache
    }
    const [one, other] = [open(), open()]
    await until('both are connected', () =>
      [one, other].every((cache) => cache.status()?.connected === true),
    )
    let made = 0
    const ask = (cache: typeof one, tag: string) =>
      cache.fragment(`row/${tag}`, { tags: [tag, 'rows'], maxAge: '1h' }, () => String(++made))
    for (const tag of ['a', 'b', 'c', 'd']) {
      await ask(one, tag)
      await until('it is in Redis', async () => {
        return (await server.command('EXISTS', `{cf}:rd:v:fragment:row/${tag}`)) === 1
      })
      expect(await ask(other, tag)).toBe(String(made))
      const { instances } = await one.invalidate({ tag }, { wait: 'all' })
      expect(instances).toBe(1)
    }
    await other.invalidate({ tag: 'rows' }, { soft: true })
    await other.invalidate({ all: true })
    expect(await ask(one, 'a')).toBe('5')
    await one.close()
    await other.close()
    const denied = (await server.command('ACL', 'LOG')) as unknown[]
    expect([faults, denied]).toEqual([[], []])
  })

  it('a cache whose user may not do something says what, and goes on by itself', async () => {
    await using server = await RedisServer.start()
    await server.command('ACL', 'SETUSER', 'cacheflow', 'on', '>secret', ...rules, '-hset')
    const cache = createCacheflow({ redis: { client: clientOf(server) } })
    const told: CacheflowEvents['redis'][] = []
    cache.on('redis', (event) => told.push(event))
    await until('it is told', () => told.length > 0)
    expect(told).toEqual([
      {
        connected: false,
        error: expect.objectContaining({ message: expect.stringMatching(/run this command/) }),
      },
    ])
    expect(await cache.fragment('row', { maxAge: '1h' }, () => 'made')).toBe('made')
    await cache.close()
  })
})
