import type { Random } from '../support/random.ts'
import type { RedisServer, Snapshot } from '../support/redis-server.ts'
import { type Draw, type Fault, type Field, lasting } from './fault.ts'

const server = 'the server'

/** What happens to Redis and to what it keeps. */
export const redisFaults = {
  'redis-stop': (random, { server: redis, staleness }) => {
    const lasts = lasting(random, staleness)
    return {
      text: `redis stands still for ${lasts} ms`,
      holds: [server],
      lasts,
      begin: () => redis.pause(),
      end: () => redis.resume(),
    }
  },
  'redis-kill': (random, { server: redis, staleness }) => {
    const lasts = Math.round(random.next() * staleness)
    return {
      text: `redis is killed, and back empty after ${lasts} ms`,
      holds: [server],
      lasts,
      begin: () => redis.kill(),
      end: () => redis.restart(),
    }
  },
  'redis-rollback': (random, { server: redis, staleness }) => {
    const lasts = lasting(random, staleness)
    let snapshot: Snapshot | undefined
    return {
      text: `redis goes back to its state of now in ${lasts} ms`,
      holds: [server],
      lasts,
      begin: async () => {
        snapshot = await redis.snapshot()
      },
      end: async () => {
        if (snapshot) await redis.restore(snapshot)
      },
    }
  },
  flushall: (_random, { server: redis }) => command(redis, 'FLUSHALL'),
  'script-flush': (_random, { server: redis }) => command(redis, 'SCRIPT', 'FLUSH'),
  'log-trim': (random, { server: redis }) =>
    command(redis, 'XTRIM', '{cf}:rd:log', 'MAXLEN', random.below(3)),
  'delete-log': (_random, { server: redis }) => command(redis, 'DEL', '{cf}:rd:log'),
  'delete-versions': (_random, { server: redis }) => command(redis, 'DEL', '{cf}:rd:ver'),
  'delete-values': (random, field) => deletion(random, field, '{cf}:rd:v:*'),
  'delete-closures': (random, field) => deletion(random, field, '{cf}:rd:deps:*'),
  'delete-edges': (random, field) => deletion(random, field, '{cf}:rd:rev-deps:*'),
  squeeze: (random, { server: redis, staleness }) => {
    const lasts = lasting(random, staleness)
    const bytes = random.below(96 * 1024)
    return {
      text: `redis has ${bytes} bytes less than it needs for ${lasts} ms, and evicts any key`,
      holds: [server],
      lasts,
      begin: async () => {
        const memory = await redis.memory()
        await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
        await redis.command('CONFIG', 'SET', 'maxmemory', Math.max(1, memory - bytes))
      },
      end: async () => {
        await redis.command('CONFIG', 'SET', 'maxmemory', 0)
        await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
      },
    }
  },
} satisfies Record<string, Draw>

function command(redis: RedisServer, ...words: [string, ...(string | number)[]]): Fault {
  return { text: words.join(' '), holds: [server], lasts: 0, begin: () => redis.command(...words) }
}

/** Some of the keys of one kind, as an eviction takes them. */
function deletion(random: Random, { server: redis }: Field, pattern: string): Fault {
  const share = random.next()
  return {
    text: `${Math.round(share * 100)} % of ${pattern} are gone`,
    holds: [server],
    lasts: 0,
    begin: async () => {
      const reply = await redis.command('KEYS', pattern)
      const keys = Array.isArray(reply) ? reply.map(String) : []
      const chosen = keys.toSorted().filter(() => random.chance(share))
      if (chosen.length > 0) await redis.command('UNLINK', ...chosen)
    },
  }
}
