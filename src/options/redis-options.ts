import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import type { RedisSettings } from '../redis/member.ts'
import { refuseUnknown, wholeNumber } from '../values/option-check.ts'
import type { RedisClient } from '../redis/connection.ts'

/** How instances share entries and invalidations. */
export interface RedisOptions {
  /**
   * `new Redis()` or `new Redis.Cluster()` of ioredis 5 or 6. cacheflow calls `client.duplicate()`
   * twice, with settings of its own; your connection is not used. With `lazyConnect: true` it does
   * not even connect.
   */
  readonly client: RedisClient
  /**
   * The prefix of the cache's keys, in braces; applications that share a Redis need different ones.
   * Default `'cf'`.
   */
  readonly namespace?: string
  /** How long a command may take before Redis counts as unreachable. Default `'250ms'`. */
  readonly commandTimeout?: Duration
  /**
   * For how long an instance that cannot reach Redis serves stored pages; after that each key is
   * rendered at most once in this time. The heartbeat is three times as frequent. Minimum 30 ms.
   * Default `'2s'`.
   */
  readonly maxStaleness?: Duration
  /**
   * How many invalidations Redis remembers. Entries stored before all of them and not read since
   * are rendered again. Default 100,000.
   */
  readonly maxLog?: number
  /**
   * What `invalidate()`, `touch()` and `put()` wait for without an option of their own: `'all'`
   * instances, for at most `maxStaleness`, or `'redis'` alone. Default `'redis'`.
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

/** Accepts a client alone, or a client with settings. */
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
 * Until when an invalidation waits: until `'all'` instances have confirmed that they no longer
 * serve its entries, or no longer trust their memory; or until `'redis'` has confirmed it, and
 * connected instances follow within about a millisecond.
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
