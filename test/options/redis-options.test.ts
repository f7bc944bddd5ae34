import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { redisSettings } from '../../src/options/redis-options.ts'

/** It connects to nothing: nobody asks it to. */
const client = new Redis({ lazyConnect: true })

describe('the option redis', () => {
  it('left out is no Redis', () => {
    expect(redisSettings(undefined)).toBeUndefined()
  })

  it('is a client alone, with these defaults', () => {
    const defaults = {
      client,
      namespace: 'cf',
      commandTimeout: 250,
      maxStaleness: 2_000,
      maxLog: 100_000,
      waitsForAll: false,
    }
    expect(redisSettings(client)).toEqual(defaults)
    expect(redisSettings({ client })).toEqual(defaults)
    const nothing = { commandTimeout: undefined, maxStaleness: undefined }
    expect(redisSettings({ client, ...nothing } as never)).toEqual(defaults)
  })

  it('is the client itself, not a copy', () => {
    expect(redisSettings({ client })?.client).toBe(client)
    expect(client.status).toBe('wait')
  })

  it('says for whom invalidations wait', () => {
    expect(redisSettings({ client, wait: 'all' })?.waitsForAll).toBe(true)
    expect(redisSettings({ client, wait: 'redis' })?.waitsForAll).toBe(false)
    expect(() => redisSettings({ client, wait: 'none' as never })).toThrow(
      "ERR_CACHEFLOW_OPTION: redis.wait was given \"none\". Give 'all' or 'redis'.",
    )
  })

  it('gives durations in milliseconds', () => {
    const settings = redisSettings({ client, commandTimeout: '1s', maxStaleness: '1.5m' })
    expect(settings).toMatchObject({ commandTimeout: 1_000, maxStaleness: 90_000 })
    expect(redisSettings({ client, maxStaleness: 30 })?.maxStaleness).toBe(30)
    // Redis counts whole ones.
    expect(redisSettings({ client, maxStaleness: 33.4 })?.maxStaleness).toBe(34)
  })

  it('says what the least is where a duration is too short', () => {
    expect(() => redisSettings({ client, maxStaleness: '29ms' })).toThrow(
      'ERR_CACHEFLOW_DURATION: redis.maxStaleness was given "29ms". Give at least 30 ms.',
    )
    expect(() => redisSettings({ client, commandTimeout: 0 })).toThrow(
      'ERR_CACHEFLOW_DURATION: redis.commandTimeout was given 0. Give at least 1 ms.',
    )
  })

  it('takes for a namespace what needs no escaping in keys and channels', () => {
    for (const namespace of ['a', 'shop', 'shop:v2', 'Shop_1.2-3', 'x'.repeat(64)]) {
      expect(redisSettings({ client, namespace })?.namespace).toBe(namespace)
    }
    for (const namespace of ['', 'a b', '{a}', 'a\n', 'é', 'x'.repeat(65)]) {
      expect(() => redisSettings({ client, namespace })).toThrow('redis.namespace was given')
    }
  })

  it('given as a URL is an error that does not tell its password', () => {
    const give = (): unknown => redisSettings('rediss://me:s3cr@t@host:1' as never)
    expect(give).toThrow('ERR_CACHEFLOW_REDIS: redis was given "rediss://…@host:1". Give a client')
    expect(give).not.toThrow('s3cr')
  })
})
