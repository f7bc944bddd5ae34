import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Application, expressApplication } from '../support/application.ts'
import { latch } from '../support/latch.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { onGround } from './ground.ts'
import type { Shelf } from './shelf.ts'
import { visit } from './site.ts'

let server: RedisServer
let shelf: Shelf
onGround((ground) => {
  ;({ server, shelf } = ground)
})

/** An instance whose page is held up until the promise resolves, and the way by which it reaches Redis. */
async function start(hold: Promise<void>): Promise<{ app: Application; proxy: TcpProxy }> {
  const proxy = await TcpProxy.start(server.port)
  onTestFinished(() => proxy.stop())
  const client = new Redis({ port: proxy.port, host: '127.0.0.1', lazyConnect: true })
  const app = await expressApplication(
    (site, cache) => {
      site.use(cache)
      site.get('/page', async (_request, response) => {
        await hold
        response.send('page')
      })
    },
    { redis: { client, maxStaleness: '30s', commandTimeout: '15s' }, collapse: { timeout: '30s' } },
  )
  await until('it is connected', () => app.cache.status()?.connected === true)
  return { app, proxy }
}

/** Two instances: the first makes the page, and Redis has told the second to wait for it. */
async function waiting(handler: Promise<void>): Promise<{
  first: Promise<unknown>
  a: TcpProxy
  b: Application
}> {
  const [{ app }, { app: b, proxy: a }] = await Promise.all([start(handler), start(handler)])
  const first = visit(app, '/page')
  await until('it is being made', async () => (await shelf.keys('fill:')).length === 1)
  return { first, a, b }
}

async function isWaitedFor(): Promise<void> {
  await until('it is waited for', async () => {
    const [key = ''] = await shelf.keys('fill:')
    return (await server.command('HGET', shelf.key(key), 'waiting')) === '1'
  })
}

async function timed<Result>(promise: Promise<Result>): Promise<number> {
  const from = performance.now()
  await promise
  return performance.now() - from
}

describe('a request that waits for another instance', () => {
  it('goes on when the message that the page is made comes before the answer that it is awaited', async () => {
    const handler = latch()
    const { first, a, b } = await waiting(handler.opened)
    a.commands.block('toClient')
    const faults: unknown[] = []
    b.cache.on('error', (event) => faults.push(event))
    const second = visit(b, '/page')
    await isWaitedFor()
    handler.open()
    await first
    // The lease is over, and its message is sent before that.
    await until('the page rests in Redis', async () => (await shelf.keys('v:')).length > 0)
    await until('the lease is over', async () => (await shelf.keys('fill:')).length === 0)
    await server.command('PUBLISH', 'cacheflow:invalidation', 'mark')
    await until('it is read', () => faults.length === 1)
    a.commands.unblock('toClient')
    expect(await timed(second)).toBeLessThan(5_000)
    expect((await second).body).toBe('page')
    expect(b.runs).toBe(0)
  })

  it('looks again by itself when the message is lost', async () => {
    const handler = latch()
    const { first, a, b } = await waiting(handler.opened)
    const second = visit(b, '/page')
    await isWaitedFor()
    a.subscribers.block('toClient')
    handler.open()
    await first
    expect(await timed(second)).toBeLessThan(5_000)
    expect((await second).body).toBe('page')
    expect(b.runs).toBe(0)
  })
})
