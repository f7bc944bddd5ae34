import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import type { RedisSettings } from '../redis/member.ts'
import { refuseUnknown, wholeNumber } from '../values/option-check.ts'
import type { RedisClient } from '../redis/connection.ts'

/** How instances share what they have made, and hear of what is invalidated. */
export interface RedisOptions {
  /**
   * `new Redis()` or `new Redis.Cluster()` of ioredis 5 or 6. It is never used itself: the cache duplicates it into two
   * connections of its own, with settings of its own. With `lazyConnect: true` it does not even connect.
   */
  readonly client: RedisClient
  /** What the cache's keys begin with, in braces: applications share a Redis by different ones. Default `'cf'`. */
  readonly namespace?: string
  /** How long a command may take before Redis counts as gone. Default `'250ms'`. */
  readonly commandTimeout?: Duration
  /**
   * For how long an instance that does not hear of Redis serves what it holds; behind it a key is rendered at most once in
   * this time. A heartbeat goes out three times as often. Minimum 30 ms. Default `'2s'`.
   */
  readonly maxStaleness?: Duration
  /**
   * How many invalidations Redis remembers. What was stored before all of them and not read since then is made anew.
   * Default 100,000.
   */
  readonly maxLog?: number
  /**
   * For whom `invalidate()`, `touch()` and `put()` wait where they do not say: `'all'` instances, at most `maxStaleness`, or `'redis'` alone.
   * Default `'redis'`.
   */
  readonly wait?: Wait
}

const names: ReadonlySet<string> = new Set([
  'client',
  'namespace',
  'commandTimeout',
  'maxStaleness',
  'maxLog',
  'wait',
])

/** A client alone, or with how it is used. */
export function redisSettings(
  given: RedisClient | RedisOptions | undefined,
): RedisSettings | undefined {
  if (given === undefined) return undefined
  const options: RedisOptions = isClient(given) ? { client: given } : given
  if (typeof options !== 'object' || options === null || !isClient(options.client)) {
    throw fail('ERR_CACHEFLOW_REDIS', given, 'redis')
  }
  refuseUnknown(options, names, 'redis', "Give { client: new Redis(), namespace: 'shop' }.")
  const { commandTimeout = '250ms', maxStaleness = '2s' } = options
  return {
    client: options.client,
    namespace: namespaceOf(options.namespace, 'redis.namespace'),
    commandTimeout: atLeast(1, commandTimeout, 'redis.commandTimeout'),
    maxStaleness: atLeast(30, maxStaleness, 'redis.maxStaleness'),
    maxLog: wholeNumber(options.maxLog, 'redis.maxLog', 100_000),
    waitsForAll: waitsForAll(options.wait, 'redis.wait', false),
  }
}

/**
 * For whom an invalidation waits: until `'all'` instances have confirmed that they serve nothing of it any more, or cannot serve what they hold, or
 * until `'redis'` has confirmed it: connected instances then follow within about a millisecond.
 */
export type Wait = 'all' | 'redis'

/** @throws CacheflowError `ERR_CACHEFLOW_OPTION` */
export function waitsForAll(given: unknown, where: string, byDefault: boolean): boolean {
  if (given === undefined) return byDefault
  if (given === 'all' || given === 'redis') return given === 'all'
  throw fail('ERR_CACHEFLOW_OPTION', given, where, { mend: "Give 'all' or 'redis'." })
}

/** @throws CacheflowError `ERR_CACHEFLOW_OPTION` */
export function namespaceOf(given: unknown = 'cf', where: string): string {
  if (typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given)) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, where, {
    mend: 'Give 1 to 64 letters, digits, dots, colons, hyphens or underscores.',
  })
}

function isClient(given: unknown): given is RedisClient {
  return (
    typeof given === 'object' && given !== null && 'duplicate' in given && 'callBuffer' in given
  )
}

function atLeast(least: number, given: Duration, where: string): number {
  const duration = milliseconds(given, where)
  // Redis counts whole milliseconds.
  if (duration >= least) return Math.ceil(duration)
  throw fail('ERR_CACHEFLOW_DURATION', given, where, { mend: `Give at least ${least} ms.` })
}
