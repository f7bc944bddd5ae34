import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { cacheFragment } from 'cacheflow'
import { type Application, expressApplication } from '../support/application.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(async () => {
  await server.stop()
})

const shop = { host: 'shop.example' }

/** An instance of a build, whose pages show what made them. */
async function instance(build: string | undefined): Promise<Application> {
  const client = new Redis({ port: server.port, lazyConnect: true })
  const app = await expressApplication(
    (express, cache) => {
      express.use(cache)
      express.get('/page', async (_request, response) => {
        const part = await cacheFragment('part', () => `part of ${build}`)
        response.send(`page of ${build}, ${part}`)
      })
    },
    { redis: client, ...(build === undefined ? {} : { build }) },
  )
  await until('it is connected', () => app.cache.status()?.connected === true)
  return app
}

describe('after a deploy', () => {
  it('a build shows nothing of another one, and finds its own again', async () => {
    const old = await instance('1')
    expect((await old.get('/page', shop)).body).toBe('page of 1, part of 1')
    await until('it rests in Redis', async () => {
      const keys = await server.command('KEYS', '{cf}:rd:v:http*')
      return Array.isArray(keys) && keys.length > 0
    })
    const next = await instance('2')
    expect((await next.get('/page', shop)).body).toBe('page of 2, part of 2')
    const again = await instance('1')
    expect((await again.get('/page', shop)).body).toBe('page of 1, part of 1')
    expect(again.cache.stats()).toMatchObject({ hits: 1, fragmentMisses: 0 })
  })

  it('builds hear of each other’s invalidations', async () => {
    const [old, next] = await Promise.all([instance('3'), instance('4')])
    for (const each of [old, next]) await each.get('/page', shop)
    await old.cache.invalidate({ route: '/page' }, { wait: 'all' })
    for (const each of [old, next]) {
      await each.get('/page', shop)
      expect(each.cache.stats()).toMatchObject({ hits: 0, misses: 2 })
    }
  })
})

describe('in development', () => {
  it('each start is a build of its own, so that changed code shows, unless the build has a name', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    onTestFinished(() => void vi.unstubAllEnvs())
    const host = { host: 'dev.example' }
    const old = await instance(undefined)
    await old.get('/page', host)
    const named = await instance('5')
    await named.get('/page', host)
    await until('both rest in Redis', async () => {
      const keys = await server.command('KEYS', '{cf}:rd:v:http://dev*')
      return Array.isArray(keys) && keys.length === 2
    })
    for (const [build, hits] of [
      [undefined, 0],
      ['5', 1],
    ] as const) {
      const next = await instance(build)
      await next.get('/page', host)
      expect(next.cache.stats()).toMatchObject({ hits })
    }
  })
})
