import { Redis as Redis6 } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type RedisClient,
  RedisConnection,
  RedisUnavailable,
  script,
} from '../../src/redis/connection.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

const one = script('return 1')

describe.each<[string, (port: number) => RedisClient]>([
  ['ioredis 6', (port) => new Redis6({ host: '127.0.0.1', port, lazyConnect: true })],
  ['ioredis 5', (port) => new Redis5({ host: '127.0.0.1', port, lazyConnect: true })],
])('a connection of %s', (_name, clientAt) => {
  async function connected(commandTimeout: number): Promise<[RedisConnection, RedisServer]> {
    const server = await RedisServer.start()
    const connection = new RedisConnection(clientAt(server.port), {
      commandTimeout,
      channels: ['news'],
      onReady: () => undefined,
      onMessage: () => undefined,
    })
    onTestFinished(async () => {
      await connection.close()
      await server[Symbol.asyncDispose]()
    })
    connection.connect()
    await until('it stands', () => connection.isReady && connection.isSubscribed)
    return [connection, server]
  }

  it('that breaks off under a command counts as unavailable, and tells the fault as the cause', async () => {
    const [connection, server] = await connected(15_000)
    await server.pause()
    const running = connection.run(one, 'key', [])
    const error = running.catch((thrown: unknown) => thrown)
    await server.kill()
    expect(await error).toBeInstanceOf(RedisUnavailable)
    expect(await error).toMatchObject({ cause: expect.any(Error) })
    expect(connection.breaker).toBe('open')
  })

  it('gives up after commandTimeout, then fails at once, until a probe comes through', async () => {
    const [connection, server] = await connected(50)
    await server.pause()
    await expect(connection.run(one, 'key', [])).rejects.toThrow('no answer within 50 ms')
    await expect(connection.run(one, 'key', [])).rejects.toThrow('not connected')
    server.resume()
    await until('a probe comes through', async () => {
      return (await connection.run(one, 'key', [], true)) === 1
    })
    expect(connection.breaker).toBe('closed')
    expect(await connection.run(one, 'key', [])).toBe(1)
  })

  it('has the answer that came while this process was busy', async () => {
    const [connection] = await connected(50)
    expect(await connection.run(one, 'key', [])).toBe(1)
    const running = connection.run(one, 'key', [])
    const end = performance.now() + 150
    while (performance.now() < end);
    expect(await running).toBe(1)
    expect(connection.breaker).toBe('closed')
  })

  it('hands on what the server says, and stays closed', async () => {
    const [connection] = await connected(5_000)
    const wrong = connection.run(script("return redis.error_reply('WRONG no')"), 'key', [])
    await expect(wrong).rejects.toThrow('WRONG no')
    await expect(wrong).rejects.not.toBeInstanceOf(RedisUnavailable)
    expect(connection.breaker).toBe('closed')
  })

  it('sends the whole script where the server has forgotten it', async () => {
    const [connection, server] = await connected(5_000)
    expect(await connection.run(one, 'key', [])).toBe(1)
    await server.command('SCRIPT', 'FLUSH')
    expect(await connection.run(one, 'key', [])).toBe(1)
  })
})
