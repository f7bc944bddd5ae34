import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type CacheHandle, createCacheflow } from '../../src/index.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

async function redisServer(): Promise<RedisServer> {
  const server = await RedisServer.start()
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

/** An instance that has joined the others. */
async function instance({ port }: RedisServer, maxStaleness = 1_000): Promise<CacheHandle> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true })
  const cache = createCacheflow({ redis: { client, maxStaleness } })
  onTestFinished(() => cache.close())
  await until('the instance has joined', () => cache.status()?.connected === true)
  return cache
}

/** Resolves when Redis has this text of a fragment. */
async function shared(server: RedisServer, name: string, text: string): Promise<void> {
  await until(`Redis has ${text}`, async () => {
    const value = await server.command('GET', `{cf}:rd:v:fragment:${name}`)
    return String(value).includes(text)
  })
}

describe('put() with Redis', () => {
  it('takes the place of a fragment in every instance, and what encloses the old one falls in each', async () => {
    const server = await redisServer()
    const [here, there] = [await instance(server), await instance(server)]
    const page = (cache: CacheHandle, text: string): Promise<string> =>
      cache.fragment('page', async () => `<${await cache.fragment('top', () => text)}>`)
    await page(here, 'old')
    await shared(server, 'page', 'old')
    expect(await page(there, 'not made')).toBe('<old>')
    expect(await there.fragment('top', () => 'not made')).toBe('old')

    const removed: string[] = []
    there.on('invalidate', ({ dependency, keys }) => removed.push(dependency, ...keys))
    expect(await here.put('top', () => 'new')).toBe('new')
    await shared(server, 'top', 'new')
    await until('the other has heard', () => removed.length > 0)
    expect(removed[0]).toBe('key:fragment:top')
    expect(new Set(removed.slice(1))).toEqual(new Set(['fragment:top', 'fragment:page']))
    expect(await page(there, 'not made')).toBe('<new>')
    expect(await page(here, 'not made')).toBe('<new>')
  })

  it('begins behind what others have invalidated before it', async () => {
    const server = await redisServer()
    const [here, there] = [await instance(server), await instance(server)]
    const events: unknown[] = []
    here.on('fragment', ({ reason, stored, uncacheable: refusal }) =>
      events.push({ reason, stored, refusal }),
    )
    for (let i = 0; i < 20; i++) {
      const [text] = await Promise.all([
        here.put('top', { tags: ['here'] }, () => `text ${i}`),
        there.invalidate({ tag: 'there' }),
        there.invalidate({ tag: 'there' }),
      ])
      expect(text).toBe(`text ${i}`)
    }
    expect(events).toEqual(
      Array.from({ length: 20 }, () => ({ reason: 'put', stored: true, refusal: undefined })),
    )
  })

  it('is not stored when another instance invalidates what it depends on while its body runs', async () => {
    const server = await redisServer()
    const [here, there] = [await instance(server), await instance(server)]
    await here.put('top', { tags: ['posts'] }, async () => {
      await there.invalidate({ tag: 'posts' }, { wait: 'all' })
      return 'read before'
    })
    expect(await there.fragment('top', { tags: ['posts'] }, () => 'read behind')).toBe(
      'read behind',
    )
    await shared(server, 'top', 'read behind')
    expect(await here.fragment('top', { tags: ['posts'] }, () => 'not made')).toBe('read behind')
  })

  it('rejects where Redis does not confirm, runs no body, and the old one has fallen here', async () => {
    const server = await redisServer()
    const cache = await instance(server, 90)
    await cache.fragment('top', () => 'old')
    await server.kill()
    let ran = 0
    const putting = cache.put('top', () => `ran ${++ran}`)
    await expect(putting).rejects.toMatchObject({ code: 'ERR_CACHEFLOW_UNCONFIRMED' })
    expect(ran).toBe(0)
    expect(cache.explain('fragment:top').kind).toBe('none')
  })
})
