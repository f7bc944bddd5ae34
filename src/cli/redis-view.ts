import { type RedisKeys, redisKeys } from '../store/redis-keys.ts'
import type { RedisClient } from '../store/redis-connection.ts'
import { listIn, textIn } from '../store/redis-reply.ts'
import { decodeClosure, encodeDependency } from '../store/closure-text.ts'
import { decodeEntry } from '../store/entry-codec.ts'
import type { EntryContent } from '../store/entry-head.ts'

/** Where the parts of a value begin, as scripts write them (src/store/scripts/state.ts). */
const headLength = 71

/** A key says whom to ask in a Cluster, and INFO alone has none. */
const infoScript = "return redis.call('INFO', ARGV[1])"

/** A value as it rests in Redis. */
export interface RestingValue {
  readonly kind: 'value' | 'variants'
  readonly epoch: string
  /** It is valid as of this number. */
  readonly stamp: number
  /** Milliseconds since 1970. */
  readonly madeAt: number
  readonly staleAt: number
  /** Milliseconds that it will be kept. */
  readonly ttl: number
  readonly closure: readonly string[]
  /** The inputs that select between its variants. */
  readonly inputs: readonly string[]
  readonly data: Buffer
}

/** What the data of one namespace looks like, read without changing it, with no more rights than the cache itself has. */
export class RedisView {
  readonly #client: RedisClient
  readonly #keys: RedisKeys

  constructor(client: RedisClient, namespace: string) {
    this.#client = client
    this.#keys = redisKeys(namespace)
  }

  async value(key: string): Promise<RestingValue | undefined> {
    const at = `${this.#keys.prefix}v:${key}`
    const [bytes, ttl] = await Promise.all([
      this.#client.callBuffer('GET', at),
      this.#client.callBuffer('PTTL', at),
    ])
    if (!Buffer.isBuffer(bytes) || bytes.length < headLength) return undefined
    const text = bytes.toString('latin1', 0, headLength)
    const end = headLength + Number(text.slice(63, 71))
    const closure = bytes.toString('utf8', headLength, end)
    const isIndex = text.startsWith('i')
    return {
      kind: isIndex ? 'variants' : 'value',
      epoch: text.slice(1, 14),
      stamp: Number(text.slice(14, 30)),
      madeAt: Number(text.slice(31, 47)),
      staleAt: Number(text.slice(47, 63)),
      ttl: Number(ttl),
      closure: isIndex ? [] : (decodeClosure(closure) ?? []),
      inputs: isIndex ? closure.split('\n').filter((name) => name !== '') : [],
      data: bytes.subarray(end),
    }
  }

  /** What a value holds; undefined when it is damaged, or of another version. */
  async content(key: string, { data }: RestingValue): Promise<EntryContent | undefined> {
    const content = await decodeEntry(data, key, 2 ** 30)
    return content
  }

  /** Fields of the hash that everything hangs by. */
  async state(...names: readonly string[]): Promise<(string | undefined)[]> {
    const found = listIn(await this.#client.callBuffer('HMGET', this.#keys.versions, ...names))
    return names.map((_, i) =>
      found[i] === null || found[i] === undefined ? undefined : textIn(found[i]),
    )
  }

  /** The number of the last invalidation of each dependency; 0 where none is known. */
  async numbersOf(dependencies: readonly string[]): Promise<number[]> {
    if (dependencies.length === 0) return []
    const found = await this.state(...dependencies.map(encodeDependency))
    return found.map((number) => Number(number ?? 0))
  }

  /** The same of soft invalidations, at once or spread over a time. */
  async softNumbersOf(dependencies: readonly string[]): Promise<number[]> {
    if (dependencies.length === 0) return []
    const names = dependencies.map(encodeDependency)
    const found = await this.state(...names.flatMap((name) => [`~${name}`, `^${name}`]))
    return names.map((_, i) => {
      const last = /(\d+) \d+ \d+;$/.exec(found[2 * i + 1] ?? '')?.[1]
      return Math.max(Number(found[2 * i] ?? 0), Number(last ?? 0))
    })
  }

  /** Stored keys, the one that expires first comes first. */
  async *keys(): AsyncGenerator<string, void, undefined> {
    const step = 500
    for (let from = 0; ; from += step) {
      const part = listIn(
        await this.#client.callBuffer(
          'ZRANGEBYSCORE',
          `${this.#keys.prefix}exp`,
          ...['-inf', '+inf', 'LIMIT', from, step],
        ),
      )
      for (const key of part) yield textIn(key)
      if (part.length < step) return
    }
  }

  async count(): Promise<number> {
    return Number(await this.#client.callBuffer('ZCARD', `${this.#keys.prefix}exp`))
  }

  /** A section of INFO, as pairs: that of the server which has the namespace. */
  async info(section: string): Promise<ReadonlyMap<string, string>> {
    const { versions } = this.#keys
    const text = textIn(await this.#client.callBuffer('EVAL', infoScript, 1, versions, section))
    return new Map(
      [...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]),
    )
  }

  /** Milliseconds of one round trip: the shortest of several, for this process may be busy in between. */
  async distance(): Promise<number> {
    let shortest = Infinity
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      await this.#client.callBuffer('EXISTS', this.#keys.versions)
      shortest = Math.min(shortest, performance.now() - start)
    }
    return shortest
  }
}
