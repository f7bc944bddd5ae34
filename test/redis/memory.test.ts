import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCacheflow, entity } from 'cacheflow'
import { cacheflow } from 'cacheflow/express'
import express from 'express'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// The figures are those of docs/redis.md, "How much memory".

interface Row {
  readonly id: number
  readonly updatedAt: number
}
const row = entity<Row>('row')

/** Of the server that was measured. */
let version = ''

/** Stores the entry of a number. */
type Store = (id: number) => Promise<unknown>

/** KiB of Redis for each of many entries. What Redis needs once, for connections and scripts, is not in it. */
async function sizeOf(count: number, storing: (client: Redis) => Promise<Store>): Promise<number> {
  await using server = await RedisServer.start()
  const info = String(await server.command('INFO', 'server'))
  version =
    /^valkey_version:(.*)$/m.exec(info)?.[1] ?? /^redis_version:(.*)$/m.exec(info)?.[1] ?? ''
  const store = await storing(new Redis(server.port, { lazyConnect: true }))
  const fill = async (from: number, to: number): Promise<number> => {
    for (let id = from; id < to; id++) await store(id)
    await until('all are in Redis', async () => {
      return Number(await server.command('ZCARD', '{cf}:rd:exp')) === to
    })
    return server.memory()
  }
  const half = await fill(0, count)
  return ((await fill(count, 2 * count)) - half) / count / 1024
}

function fragments(tags: (id: number) => readonly string[]) {
  return async (client: Redis): Promise<Store> => {
    const cache = createCacheflow({ redis: { client, commandTimeout: '10s' } })
    onTestFinished(() => cache.close())
    await until('it is connected', () => cache.status()?.connected === true)
    return (id) => {
      const options = { maxAge: '1h', tags: tags(id) } as const
      return cache.fragment('card', row({ id, updatedAt: 1 }), options, () =>
        String(id).padStart(300),
      )
    }
  }
}

async function pages(client: Redis): Promise<Store> {
  const cache = cacheflow({ maxAge: '1h', redis: { client, commandTimeout: '10s' } })
  const app = express()
  app.use(cache)
  app.get('/pages/:id', (req, res) => {
    res.locals.cacheflow.tag(`page:${req.params.id}`, 'pages')
    res.send(req.params.id.padStart(20 * 1024))
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    server.close()
    server.closeAllConnections()
    await cache.close()
  })
  await until('it is connected', () => server.listening && cache.status()?.connected === true)
  const { port } = server.address() as AddressInfo
  return async (id) => (await fetch(`http://127.0.0.1:${port}/pages/${id}`)).text()
}

/** Within a twentieth of what Redis 7 takes, for allocators round; servers from 8 on take less. */
function expectAbout(size: number, documented: number): void {
  const text = `${size.toFixed(2)} KiB`
  if (size < documented * 0.95) expect(Number.parseInt(version, 10), text).toBeGreaterThan(7)
  else expect(size / documented, text).toBeLessThan(1.05)
}

describe('In Redis', () => {
  it('a fragment of 300 bytes with a record and two tags of its own takes 2.8 KiB', async () => {
    expectAbout(
      await sizeOf(
        2_000,
        fragments((id) => [`a:${id}`, `b:${id}`]),
      ),
      2.9,
    )
  }, 60_000)

  it('the same takes 2.3 KiB where many share the tags', async () => {
    expectAbout(
      await sizeOf(
        2_000,
        fragments(() => ['a', 'b']),
      ),
      2.3,
    )
  }, 60_000)

  it('a page of 20 KiB takes 26.5 KiB', async () => {
    expectAbout(await sizeOf(200, pages), 26.5)
  }, 60_000)
})
