import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { test } from 'vitest'
import type { RedisClient } from '../../src/index.ts'

test('clients of ioredis 5 and 6 fit without a cast', () => {
  const clients: RedisClient[] = [
    new Redis6(),
    new Redis5(),
    new Cluster6([]),
    new Cluster5([]),
    new Redis6({ protocol: 3 }),
    new Redis6({ replyMapping: 'resp3', protocol: 3 }),
  ]
  void clients
})
