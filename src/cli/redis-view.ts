import { fractionOf } from '../invalidation/soft.ts'
import { type RedisKeys, redisKeys } from '../redis/keys.ts'
import type { RedisClient } from '../redis/connection.ts'
import { listIn, textIn } from '../redis/reply.ts'
import { decodeDependencies, encodeDependency } from '../codec/dependency-text.ts'
import { decodeEntry } from '../codec/entry-codec.ts'
import type { EntryContent } from '../codec/entry-head.ts'
import { fragmentsIn } from './dependency-tree.ts'

/** Where the parts of a value begin, as scripts write them (src/redis/scripts/state.ts). */
const headLength = 87

/** How many fragments of an entry are looked into. */
const MAX_OPENED = 1_000

/** A key says whom to ask in a Cluster, and INFO alone has none. */
const infoScript = "return redis.call('INFO', ARGV[1])"

/** A value as it rests in Redis. */
export interface StoredValue {
  readonly kind: 'value' | 'variants'
  readonly epoch: string
  /** It is valid as of this number. */
  readonly startSequence: number
  /** Milliseconds since 1970. */
  readonly renderedAt: number
  /** Until then it is fresh, as far as those knew who have read it: 0 where it was invalidated softly. */
  readonly staleAt: number
  /** Milliseconds that it will be kept. */
  readonly ttl: number
  readonly dependencies: readonly string[]
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

  async value(key: string): Promise<StoredValue | undefined> {
    const at = `${this.#keys.prefix}v:${key}`
    const [bytes, ttl] = await Promise.all([
      this.#client.callBuffer('GET', at),
      this.#client.callBuffer('PTTL', at),
    ])
    if (!Buffer.isBuffer(bytes) || bytes.length < headLength) return undefined
    const text = bytes.toString('latin1', 0, headLength)
    const end = headLength + Number(text.slice(79, 87))
    const dependencies = bytes.toString('utf8', headLength, end)
    const isIndex = text.startsWith('i')
    return {
      kind: isIndex ? 'variants' : 'value',
      epoch: text.slice(1, 14),
      startSequence: Number(text.slice(14, 30)),
      renderedAt: Number(text.slice(31, 47)),
      staleAt: text[30] === '1' ? 0 : Number(text.slice(47, 63)),
      ttl: Number(ttl),
      dependencies: isIndex ? [] : (decodeDependencies(dependencies) ?? []),
      inputs: isIndex ? dependencies.split('\n').filter((name) => name !== '') : [],
      data: bytes.subarray(end),
    }
  }

  /** The closures of an entry and of the fragments inside it, as far as they are stored, and not too many. */
  async dependencyMap(
    key: string,
    { dependencies }: StoredValue,
  ): Promise<Map<string, readonly string[]>> {
    const found = new Map([[key, dependencies]])
    for (const inner of fragmentsIn(dependencies).slice(0, MAX_OPENED)) {
      const value = await this.value(inner)
      if (value?.kind === 'value' && inner !== key) found.set(inner, value.dependencies)
    }
    return found
  }

  /** What a value holds; undefined when it is damaged, or of another version. */
  async content(key: string, { data }: StoredValue): Promise<EntryContent | undefined> {
    const content = await decodeEntry(data, key, 2 ** 30)
    return content
  }

  /** Does it hold what instances would ask of it? */
  async validity({
    kind,
    epoch,
    startSequence,
    dependencies,
  }: StoredValue): Promise<{ valid: boolean; reason: string | undefined }> {
    const [current, floor] = await this.state('epoch', 'floor')
    if (epoch !== current) return { valid: false, reason: 'of another epoch' }
    if (kind === 'variants') return { valid: true, reason: undefined }
    if (startSequence < Number(floor ?? 0)) {
      return { valid: false, reason: 'older than what Redis remembers' }
    }
    const numbers = await this.numbersOf(dependencies)
    const by = dependencies.find((_, i) => (numbers[i] ?? 0) > startSequence)
    return by === undefined
      ? { valid: true, reason: undefined }
      : { valid: false, reason: `${by} was invalidated` }
  }

  /** Namespaces that the first 100,000 keys of this server show; none where that may not be asked. */
  async namespaces(): Promise<string[]> {
    const found = new Set<string>()
    let cursor = '0'
    for (let i = 0; i < 100; i++) {
      const reply = await this.#client
        .callBuffer('SCAN', cursor, 'MATCH', '{*}:rd:ver', 'COUNT', 1000)
        .catch(() => [])
      const [next, keys] = listIn(reply)
      for (const key of listIn(keys)) found.add(/^\{(.*)\}:rd:ver$/.exec(textIn(key))?.[1] ?? '')
      cursor = textIn(next)
      if (cursor === '0' || cursor === '') break
    }
    return [...found].filter((name) => name !== '').toSorted()
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
    const { atOnce, spread } = await this.#softenings(dependencies)
    return dependencies.map((_, i) =>
      Math.max(Number(atOnce[i] ?? 0), ...spreadsIn(spread[i]).map(({ number }) => number)),
    )
  }

  /**
   * Until when it is fresh, milliseconds since 1970, 0 where it is not. Soft invalidations since it was read last are not written into it: who reads it next
   * finds them (store/scripts/read.ts).
   */
  async freshUntil(
    key: string,
    { startSequence, staleAt, dependencies }: StoredValue,
  ): Promise<number> {
    const [floor] = await this.state('softFloor')
    const { atOnce, spread } = await this.#softenings(['all', ...dependencies])
    const isLater = (number: string | undefined): boolean => Number(number ?? 0) > startSequence
    if (isLater(floor) || atOnce.some(isLater)) return 0
    const share = fractionOf(key, dependencies)
    const moments = spread
      .flatMap(spreadsIn)
      .filter(({ number }) => number > startSequence)
      .map(({ at, over }) => Math.floor(at + over * share))
    return Math.min(staleAt, ...moments)
  }

  async #softenings(
    dependencies: readonly string[],
  ): Promise<Record<'atOnce' | 'spread', (string | undefined)[]>> {
    const names = dependencies.map(encodeDependency)
    const atOnce = await this.state(...names.map((name) => `~${name}`))
    return { atOnce, spread: await this.state(...names.map((name) => `^${name}`)) }
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

/** What a dependency remembers of spreads that are under way, as scripts write it (src/redis/scripts/invalidate.ts). */
function spreadsIn(text = ''): { number: number; at: number; over: number }[] {
  return [...text.matchAll(/(\d+) (\d+) (\d+);/g)].map(([, number, at, over]) => ({
    number: Number(number),
    at: Number(at),
    over: Number(over),
  }))
}
