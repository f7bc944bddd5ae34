import {
  type CacheHandle,
  type CacheflowEvents,
  type Duration,
  type EventName,
  type Wait,
  createCacheflow,
} from 'cacheflow'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { onTestFinished } from 'vitest'
import type { RedisServer } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'

export interface InstanceOptions {
  /** Where time is not the subject it plays no part: 30 s by default. */
  readonly maxStaleness?: Duration
  readonly commandTimeout?: Duration
  readonly namespace?: string
  readonly maxLog?: number
  readonly wait?: Wait
  readonly clock?: () => number
  /** The major of ioredis. */
  readonly major?: 5 | 6
  /** False: it need not find Redis at its start. */
  readonly joins?: boolean
}

export interface ShowOptions {
  /** What it is tagged with; its own name by default. */
  readonly tags?: readonly string[]
  readonly maxAge?: Duration
  readonly staleWhileRevalidate?: Duration
  /** The body has read, and goes on when this resolves. */
  readonly hold?: Promise<void>
  /** What it encloses. */
  readonly inside?: () => Promise<string>
}

type Status = NonNullable<ReturnType<CacheHandle['status']>>

/** One cache among several that share a Redis, with a proxy between them that decides what arrives when. */
export class Instance {
  readonly cache: CacheHandle
  readonly proxy: TcpProxy
  readonly database: Database
  readonly #seen: { readonly name: EventName; readonly event: unknown }[] = []

  private constructor(cache: CacheHandle, proxy: TcpProxy, database: Database) {
    this.cache = cache
    this.proxy = proxy
    this.database = database
    for (const name of [
      'redis',
      'unconfirmed',
      'reset',
      'error',
      'invalidate',
      'fragment',
    ] as const) {
      cache.on(name, (event) => this.#seen.push({ name, event }))
    }
  }

  /** Resolves when it is connected, until the test is over. */
  static async start(
    server: Pick<RedisServer, 'port'>,
    database: Database,
    options: InstanceOptions = {},
  ): Promise<Instance> {
    const proxy = await TcpProxy.start(server.port)
    onTestFinished(() => proxy.stop())
    const { port } = proxy
    const settings = { port, host: '127.0.0.1', lazyConnect: true }
    const client = options.major === 5 ? new Redis5(settings) : new Redis(settings)
    const {
      maxStaleness = '30s',
      commandTimeout = '15s',
      namespace = 'cf',
      maxLog = 1000,
      wait = 'redis',
    } = options
    const cache = createCacheflow({
      redis: { client, maxStaleness, commandTimeout, namespace, maxLog, wait },
      ...(options.clock && { clock: options.clock }),
    })
    const instance = new Instance(cache, proxy, database)
    onTestFinished(() => {
      proxy.unblock()
      return cache.close()
    })
    if (options.joins ?? true) await instance.isConnected()
    return instance
  }

  get status(): Status {
    const status = this.cache.status()
    if (status === undefined) throw new Error('it has no Redis')
    return status
  }

  /** The events of one name so far. */
  seen<Name extends EventName>(name: Name): CacheflowEvents[Name][] {
    return this.#seen
      .filter((each) => each.name === name)
      .map(({ event }) => event as CacheflowEvents[Name])
  }

  async isConnected(): Promise<void> {
    await until('the instance is connected', () => this.status.connected)
  }

  /** Resolves when it has applied the invalidation of this number, and all before it. */
  async applied(number: number): Promise<void> {
    await until(`invalidation ${number} has arrived`, () => this.status.applied >= number)
  }

  /** A fragment as an application would show it: its text tells which version of the record was read. */
  show(name: string, options: ShowOptions = {}): Promise<string> {
    const { tags = [name], hold, inside, ...lifetimes } = options
    return this.cache.fragment(name, { tags, ...lifetimes }, async () => {
      const text = this.database.read(name)
      await hold
      const inner = await inside?.()
      return inner === undefined ? text : `${text}(${inner})`
    })
  }

  /** Changes a record and tells of it. */
  async change(name: string): Promise<number> {
    this.database.write(name)
    const { sequence } = await this.cache.invalidate({ tag: name })
    return sequence
  }
}
