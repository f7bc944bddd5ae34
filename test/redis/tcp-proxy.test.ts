import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { RequestReader } from '../support/redis-requests.ts'
import { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
})

async function proxied(): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(server.port)
  onTestFinished(() => proxy.stop())
  return proxy
}

/** Unlike `once` of node:events it goes on waiting after an error. */
function event(redis: Redis, name: string): Promise<void> {
  return new Promise((resolve) => redis.once(name, () => resolve()))
}

async function client(proxy: TcpProxy): Promise<Redis> {
  const redis = new Redis({ port: proxy.port, host: '127.0.0.1', retryStrategy: () => 5 })
  redis.on('error', () => undefined)
  onTestFinished(() => redis.disconnect())
  await event(redis, 'ready')
  return redis
}

/** A subscriber of `bus`, and what it has heard. */
async function subscriber(proxy: TcpProxy): Promise<{ redis: Redis; heard: string[] }> {
  const redis = await client(proxy)
  const heard: string[] = []
  redis.on('message', (_channel, message) => heard.push(message))
  await redis.subscribe('bus')
  return { redis, heard }
}

async function publish(...messages: readonly string[]): Promise<void> {
  for (const message of messages) await server.command('PUBLISH', 'bus', message)
}

describe('a proxy before Redis', () => {
  it('passes every byte on, in both directions', async () => {
    const redis = await client(await proxied())
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => index * index))
    await redis.set('key', bytes)
    expect((await redis.getBuffer('key'))?.equals(bytes)).toBe(true)
  })

  it('delays what arrives, and what arrives after the delay still comes after it', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    proxy.delay(60, 'toServer')
    const start = performance.now()
    const first = redis.append('key', 'first ')
    await proxy.commands.holds('toServer')
    proxy.delay(0)
    const second = redis.append('key', 'second')
    expect(await Promise.all([first, second])).toEqual([6, 12])
    expect(performance.now() - start).toBeGreaterThan(59)
    expect(await redis.get('key')).toBe('first second')
  })

  it('delays answers alone', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    proxy.delay(60, 'toClient')
    const start = performance.now()
    const answer = redis.set('key', 'value')
    await proxy.commands.holds('toClient')
    expect(await server.command('GET', 'key')).toBe('value')
    await answer
    expect(performance.now() - start).toBeGreaterThan(59)
  })

  it('holds a command before Redis has it', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    proxy.block('toServer')
    const answer = redis.set('key', 'value')
    await proxy.commands.holds('toServer')
    expect(await server.command('GET', 'key')).toBe(null)
    proxy.unblock()
    expect(await answer).toBe('OK')
    expect(await server.command('GET', 'key')).toBe('value')
  })

  it('holds an answer after Redis has given it', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    proxy.block('toClient')
    const answer = redis.set('key', 'value')
    await proxy.commands.holds('toClient')
    expect(await server.command('GET', 'key')).toBe('value')
    proxy.unblock('toClient')
    expect(await answer).toBe('OK')
  })

  it('holds an answer of any size, and then gives all of it', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    const bytes = Buffer.alloc(8_000_000, 'abc')
    await server.command('SET', 'key', bytes)
    proxy.block()
    const answer = redis.getBuffer('key')
    await proxy.commands.holds('toServer')
    proxy.unblock('toServer')
    await proxy.commands.holds('toClient')
    proxy.unblock()
    expect((await answer)?.equals(bytes)).toBe(true)
  })

  it('holds new connections while it is blocked', async () => {
    const proxy = await proxied()
    proxy.block()
    const redis = client(proxy)
    await proxy.commands.holds('toServer')
    proxy.unblock()
    expect(await (await redis).ping()).toBe('PONG')
  })

  it('cuts the connections that there are, and lets new ones come', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    const closed = event(redis, 'close')
    proxy.cut()
    await closed
    expect(await redis.ping()).toBe('PONG')
    expect(proxy.commands.connections).toHaveLength(1)
  })

  it('refuses new connections until it accepts them again, and leaves the old ones alone', async () => {
    const proxy = await proxied()
    const old = await client(proxy)
    proxy.refuse()
    const redis = new Redis({ port: proxy.port, host: '127.0.0.1', retryStrategy: () => 5 })
    redis.on('error', () => undefined)
    onTestFinished(() => redis.disconnect())
    for (let i = 0; i < 3; i++) await event(redis, 'close')
    expect(redis.status).not.toBe('ready')
    expect(await old.ping()).toBe('PONG')
    proxy.accept()
    await event(redis, 'ready')
  })

  it('sends new connections to another server when it is told so', async () => {
    await using other = await RedisServer.start()
    const proxy = await proxied()
    const redis = await client(proxy)
    await redis.set('key', 'here')
    proxy.target = other.port
    expect(await redis.get('key')).toBe('here')
    proxy.cut()
    await event(redis, 'close')
    expect(await redis.get('key')).toBe(null)
  })

  it('closes the connections of a server that has died', async () => {
    await using mortal = await RedisServer.start()
    const proxy = await TcpProxy.start(mortal.port)
    onTestFinished(() => proxy.stop())
    const redis = await client(proxy)
    const closed = event(redis, 'close')
    await mortal.kill()
    await closed
    await mortal.restart()
    expect(await redis.ping()).toBe('PONG')
  })

  it('hides the death of a server behind a block, until the block ends', async () => {
    await using mortal = await RedisServer.start()
    const proxy = await TcpProxy.start(mortal.port)
    onTestFinished(() => proxy.stop())
    const redis = await client(proxy)
    proxy.block()
    await mortal.kill()
    await mortal.restart()
    // What the proxy gets to know of it, it has known when the next server answers through it.
    const closed = event(redis, 'close')
    expect(redis.status).toBe('ready')
    proxy.unblock()
    await closed
  })

  it('is controlled connection by connection, too', async () => {
    const proxy = await proxied()
    const [first, second] = [await client(proxy), await client(proxy)]
    const [held, free] = proxy.commands.connections
    held?.block()
    const late = first.ping()
    expect(await second.ping()).toBe('PONG')
    expect(free?.isHolding()).toBe(false)
    await proxy.commands.holds()
    held?.unblock()
    expect(await late).toBe('PONG')
    const closed = event(first, 'close')
    held?.cut()
    await closed
    expect(second.status).toBe('ready')
  })
})

describe('the bus of a proxy', () => {
  it.each([['subscribe'], ['psubscribe'], ['ssubscribe']] as const)(
    'is told from commands by %s',
    async (name) => {
      const proxy = await proxied()
      const redis = await client(proxy)
      expect(proxy.subscribers.connections).toHaveLength(0)
      await redis[name]('bus')
      expect(proxy.subscribers.connections).toHaveLength(1)
      expect(proxy.commands.connections).toHaveLength(0)
      await client(proxy)
      expect(proxy.commands.connections).toHaveLength(1)
      redis.disconnect()
      await until('the proxy has noticed', () => proxy.subscribers.connections.length === 0)
    },
  )

  it('is not told by bytes of a value that look like a subscription', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    await redis.set('key', '*2\r\n$9\r\nSUBSCRIBE\r\n$3\r\nbus\r\n')
    await redis.set('SUBSCRIBE', 'subscribe bus\r\n')
    expect(proxy.subscribers.connections).toHaveLength(0)
  })

  it('is blocked alone, and its messages come in their order afterwards', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    const { heard } = await subscriber(proxy)
    proxy.subscribers.block()
    await publish('1', '2', '3')
    await proxy.subscribers.holds('toClient')
    expect(await redis.ping()).toBe('PONG')
    expect(heard).toEqual([])
    proxy.subscribers.unblock()
    await publish('4')
    await until('all messages are heard', () => heard.length === 4)
    expect(heard).toEqual(['1', '2', '3', '4'])
  })

  it('is delayed alone', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    const { redis: listening, heard } = await subscriber(proxy)
    proxy.subscribers.delay(60)
    const start = performance.now()
    const arrived = event(listening, 'message')
    await publish('1')
    await arrived
    expect(performance.now() - start).toBeGreaterThan(59)
    proxy.subscribers.delay(3_600_000)
    await publish('2')
    await proxy.subscribers.holds('toClient')
    expect(await redis.ping()).toBe('PONG')
    expect(heard).toEqual(['1'])
  })

  it('is cut alone, and a client that subscribes again is on it again', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    const { redis: listening, heard } = await subscriber(proxy)
    const lost: string[] = []
    redis.on('close', () => lost.push('commands'))
    const closed = event(listening, 'close')
    proxy.subscribers.cut()
    await closed
    await until('it has subscribed', async () => {
      return String(await server.command('PUBSUB', 'NUMSUB', 'bus')) === 'bus,1'
    })
    await publish('1')
    await until('it hears again', () => heard.length === 1)
    expect(lost).toEqual([])
  })

  it('is refused alone, at its subscription', async () => {
    const proxy = await proxied()
    const redis = await client(proxy)
    proxy.subscribers.refuse()
    const listening = await client(proxy)
    const closed = event(listening, 'close')
    const subscribed = listening.subscribe('bus')
    await closed
    expect(await redis.ping()).toBe('PONG')
    expect(await server.command('PUBSUB', 'NUMSUB', 'bus')).toEqual(['bus', 0])
    proxy.subscribers.accept()
    await subscribed
    expect(proxy.subscribers.connections).toHaveLength(1)
  })

  it('blocked from the start holds a subscription back', async () => {
    const proxy = await proxied()
    proxy.subscribers.block()
    const listening = await client(proxy)
    const subscribed = listening.subscribe('bus')
    await proxy.subscribers.holds('toServer')
    expect(await server.command('PUBSUB', 'NUMSUB', 'bus')).toEqual(['bus', 0])
    proxy.subscribers.unblock()
    expect(await subscribed).toBe(1)
  })
})

describe('the commands in the bytes of a client', () => {
  const bytes = Buffer.from(
    '*2\r\n$5\r\nhello\r\n$1\r\n3\r\n' +
      '*3\r\n$3\r\nSET\r\n$0\r\n\r\n$14\r\n*1\r\n$4\r\nPING\r\n\r\n' +
      'PING inline\r\n\r\n*0\r\n' +
      '*2\r\n$9\r\nsubscribe\r\n$3\r\nbus\r\n',
  )

  it.each(Array.from({ length: 12 }, (_, index) => [index + 1]))(
    'are found in pieces of %i bytes',
    (size) => {
      const reader = new RequestReader()
      const names: string[] = []
      for (let at = 0; at < bytes.length; at += size) {
        names.push(...reader.read(bytes.subarray(at, at + size)))
      }
      expect(names).toEqual(['HELLO', 'SET', 'PING', 'SUBSCRIBE'])
    },
  )
})
