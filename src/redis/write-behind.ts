import type { SharedSequence } from './shared-sequence.ts'
import type { BodyCoding } from '../store/compression.ts'
import { encodeDependencies } from '../codec/dependency-text.ts'
import { encodeEntry } from '../codec/entry-codec.ts'
import type { Stored } from '../store/entry-store.ts'
import { RedisUnavailable } from './connection.ts'
import type { RedisStore, RedisWrite, WriteResult } from './redis-store.ts'

export interface WriteBehindOptions {
  readonly redis: RedisStore
  readonly shared: SharedSequence
  readonly clock: () => number
  /** What Redis made of each. */
  readonly onResult: (stored: Stored, answer: WriteResult) => void
  /** A key that others wait for does not come to rest. */
  readonly onLost: (lease: string) => void
  readonly onFault: (error: unknown, during: string) => void
}

/** What does not end by itself is kept this long: 24 hours. */
const MAX_LIFETIME = 86_400_000
/** How long a value waits for others to be written with it, milliseconds. */
const BATCH_DELAY = 5
/** How many bytes may wait to be written; beyond that they are not written at all. */
const MAX_WAITING = 32 * 1024 * 1024

interface Waiting {
  readonly stored: Stored
  /** What its number belongs to. */
  readonly epoch: string | undefined
  readonly write: RedisWrite
}

/** Writes to Redis what was stored in this process, behind the visitor's back: what is stored at about one time in one round trip. */
export class WriteBehind {
  readonly #options: WriteBehindOptions
  #waiting: Waiting[] = []
  #bytes = 0
  readonly #encoding = new Set<Promise<void>>()
  readonly #writing = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(options: WriteBehindOptions) {
    this.#options = options
  }

  /**
   * @param lease the key for which others wait: it is written at once
   * @param coding in which its body rests
   * @returns false when it will not be written
   */
  add(stored: Stored, lease: string | undefined, coding: BodyCoding): boolean {
    const { redis, shared, clock, onFault, onLost } = this.#options
    if (!redis.isOpen || this.#bytes > MAX_WAITING) return false
    const { epoch } = shared
    const number = shared.numberOf(stored.startSequence)
    const now = clock()
    const encoded = encodeEntry(stored, coding)
    const add = (data: Buffer): void => {
      this.#bytes += data.length
      const write = { ...writeOf(stored, now), number, data, lease }
      this.#waiting.push({ stored, epoch, write })
      this.#schedule(lease !== undefined)
    }
    if (Buffer.isBuffer(encoded)) add(encoded)
    else {
      const adding = encoded
        .then(add)
        .catch((error: unknown) => {
          onFault(error, 'writing to Redis')
          if (lease !== undefined) onLost(lease)
        })
        .finally(() => this.#encoding.delete(adding))
      this.#encoding.add(adding)
    }
    return true
  }

  /** Writes what waits; resolves when that is done. */
  async flush(): Promise<void> {
    await Promise.all(this.#encoding)
    if (this.#waiting.length > 0) void this.#write()
    await Promise.all(this.#writing)
  }

  #schedule(isUrgent: boolean): void {
    if (this.#immediate !== undefined) return
    if (isUrgent) this.#immediate = setImmediate(() => void this.#write())
    else {
      this.#timer ??= setTimeout(() => void this.#write(), BATCH_DELAY)
      this.#timer.unref()
    }
  }

  #write(): Promise<void> {
    const writing = this.#writeAll().finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
    return writing
  }

  async #writeAll(): Promise<void> {
    const { redis, shared, onResult: onAnswer, onFault } = this.#options
    const waiting = this.#waiting
    // Numbers of another epoch say nothing, and it may have begun while they waited.
    const writing = waiting.filter(({ epoch }) => epoch === shared.epoch)
    if (writing.length < waiting.length) {
      this.#lose(waiting.filter(({ epoch }) => epoch !== shared.epoch))
    }
    this.#waiting = []
    this.#bytes = 0
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    if (writing.length === 0) return
    try {
      const answers = await redis.write(writing.map(({ write }) => write))
      for (const [i, { stored }] of writing.entries()) {
        const answer = answers[i]
        if (answer) onAnswer(stored, answer)
      }
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) onFault(error, 'writing to Redis')
      this.#lose(writing)
    }
  }

  #lose(lost: readonly Waiting[]): void {
    for (const { write } of lost) {
      if (write.lease !== undefined) this.#options.onLost(write.lease)
    }
  }
}

function writeOf(stored: Stored, now: number): Omit<RedisWrite, 'number' | 'data' | 'lease'> {
  const { timeline, key } = stored
  const ttl = Math.min(MAX_LIFETIME, timeline.deleteAt - now)
  const isResponse = stored.kind === 'response'
  return {
    key,
    ttl,
    expires: now + ttl,
    staleAt: isResponse && stored.noCache ? 0 : timeline.staleAt,
    renderedAt: timeline.cachedAt,
    dependencies: encodeDependencies(stored.dependencies),
    primaryKey: isResponse && stored.inputs.length > 0 ? stored.primaryKey : undefined,
    inputs: isResponse ? stored.inputs : [],
  }
}
