import type { SharedSequence } from './shared-sequence.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import type { Sequence, Start } from '../invalidation/sequence.ts'
import { softened } from '../http/freshness.ts'
import type { BodyCoding } from '../store/compression.ts'
import { decodeDependencies } from '../codec/dependency-text.ts'
import { decodeEntry } from '../codec/entry-codec.ts'
import type { Stored } from '../store/entry-store.ts'
import { RedisUnavailable } from './connection.ts'
import type {
  Lease,
  ReadResult,
  RedisStore,
  RedisValue,
  WriteResult,
  ReadRequest,
} from './redis-store.ts'
import type { ResponseStore } from '../store/response-store.ts'
import { Fillings, type Watch } from './fillings.ts'
import { WriteBehind } from './write-behind.ts'

export interface L2StoreOptions {
  readonly redis: RedisStore
  readonly shared: SharedSequence
  readonly sequence: Sequence
  /** L1. */
  readonly store: ResponseStore
  readonly clock: () => number
  readonly compress: BodyCoding
  /** Has this process invalidated something of it, and Redis does not know? */
  readonly pendingOf: (dependencies: readonly Dependency[]) => 'hard' | 'soft' | undefined
  /** Redis refused what this process had stored: something that it depends on has been invalidated. */
  readonly onRefused: (stored: Stored, by: string) => void
  readonly onFault: (error: unknown, during: string) => void
}

/** A lease, and where another instance has it the watch for what that makes. */
export type L2Lease =
  | Exclude<Lease, { kind: 'wait' }>
  | (Extract<Lease, { kind: 'wait' }> & { readonly watch: Watch })

const none: L2Lease = { kind: 'none' }
/** For how long an absent fragment counts as absent, milliseconds: about what a page takes to make. */
const absence = 500
/** Of how many fragments it is known at most. */
const MAX_ABSENT = 10_000

/**
 * L2 as one instance uses it. What is asked for within a turn of the event loop is read in one round trip and then stands in memory, as if it had been
 * made here at that moment; what is made is written behind the visitor's back.
 */
export class L2Store {
  readonly #options: L2StoreOptions
  #asked = new Map<
    string,
    { readonly key: string; readonly wish: ReadRequest; readonly answer: Deferred<L2Lease> }
  >()
  readonly #reading = new Map<string, Promise<L2Lease>>()
  readonly #writes: WriteBehind
  /** Keys that this instance is to make for all, and those that it makes. */
  readonly #granted = new Set<string>()
  readonly #leases = new Set<string>()
  #released: [key: string, pass: number][] = []
  readonly #fillings = new Fillings()
  /** Fragments that were not there when what enclosed them was asked for, and when that was: its maker need not ask again. */
  readonly #absent = new Map<string, number>()

  constructor(options: L2StoreOptions) {
    this.#options = options
    this.#writes = new WriteBehind({
      ...options,
      onResult: (stored, answer) => this.#written(stored, answer),
      onLost: (lease) => this.release(lease, 0),
    })
  }

  get isOpen(): boolean {
    return this.#options.redis.isOpen
  }

  /** The keys that this instance makes for all. */
  get leases(): readonly string[] {
    return [...this.#leases]
  }

  /**
   * Brings what Redis has of a key into memory, with the fragments that it enclosed where it is missing.
   *
   * @returns who makes what is missing or stale, where a lease was wished for; it never rejects
   */
  fetch(key: string, wish: ReadRequest): Promise<L2Lease> {
    const name = `${wish} ${key}`
    const reading = this.#reading.get(name)
    if (reading) return reading
    if (this.#isAbsent(key)) return Promise.resolve(none)
    const answer = deferred<L2Lease>()
    if (this.#asked.size === 0) setImmediate(() => void this.#read())
    this.#asked.set(name, { key, wish, answer })
    this.#reading.set(name, answer.promise)
    return answer.promise
  }

  /** Takes a lease that was granted: until it is stored or released, this instance makes the key for all. */
  take(key: string): boolean {
    if (!this.#granted.delete(key)) return false
    this.#leases.add(key)
    return true
  }

  /** Nothing that could be shared has come of a making; nobody need wait for the next ones for so many milliseconds. */
  release(key: string, pass: number): void {
    this.#granted.delete(key)
    this.#leases.delete(key)
    if (this.#released.length === 0) setImmediate(() => void this.#release())
    this.#released.push([key, pass])
  }

  /** Writes what is still to be written. */
  flush(): Promise<void> {
    return this.#writes.flush()
  }

  /** Others have made these keys, or given them up. */
  filled(keys: readonly string[]): void {
    this.#fillings.filled(keys)
  }

  /**
   * Writes what was stored in this process, together with what else is stored about now.
   *
   * @param lease the key for which others wait
   * @param coding in which its body rests
   */
  offer(stored: Stored, lease?: string, coding: BodyCoding = this.#options.compress): void {
    if (lease !== undefined) this.#leases.delete(lease)
    if (!this.#writes.add(stored, lease, coding) && lease !== undefined) this.release(lease, 0)
  }

  async #read(): Promise<void> {
    const { redis, sequence, shared, onFault } = this.#options
    const asked = [...this.#asked.values()]
    this.#asked = new Map()
    const sentAt: Start = { startSequence: Math.floor(sequence.applied), verifiedAt: sequence.now }
    const { epoch } = shared
    const leases = new Map<string, Lease>()
    const watches = new Map<string, Watch>()
    for (const { key, wish } of asked) {
      if (wish === 'lease') watches.set(key, this.#fillings.watch(key))
    }
    try {
      const { answers, extra } = await redis.read(asked.map(({ key, wish }) => [key, wish]))
      const placing: Promise<void>[] = []
      const take = (key: string, answer: ReadResult): void => {
        const placed = answer.kind === 'value' ? this.#place(key, answer, sentAt, epoch) : undefined
        if (placed) placing.push(placed)
        if (answer.kind === 'variants') this.#options.store.adoptVariants(key, answer.inputs)
      }
      for (const [key, answer] of extra) {
        take(key, answer)
        if (answer.kind === 'absent') this.#missed(key, sentAt.verifiedAt)
      }
      for (const [i, answer] of answers.entries()) {
        const { key } = asked[i] ?? { key: '' }
        take(key, answer)
        if (answer.kind !== 'variants') leases.set(key, answer.lease)
      }
      if (placing.length > 0) await Promise.all(placing)
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) onFault(error, 'reading from Redis')
    }
    for (const { key, wish, answer } of asked) {
      this.#reading.delete(`${wish} ${key}`)
      const lease = (wish === 'lease' && leases.get(key)) || none
      if (lease.kind === 'lead') this.#grant(key)
      const watch = wish === 'lease' ? watches.get(key) : undefined
      if (lease.kind === 'wait' && watch) {
        watch.limit(lease.milliseconds)
        answer.resolve({ ...lease, watch })
      } else {
        watch?.end()
        answer.resolve(lease.kind === 'wait' ? none : lease)
      }
    }
  }

  #missed(key: string, at: number): void {
    if (this.#absent.size >= MAX_ABSENT) this.#absent.clear()
    this.#absent.set(key, at)
  }

  /** It is told once: by the next time another instance may have made it. */
  #isAbsent(key: string): boolean {
    const at = this.#absent.get(key)
    this.#absent.delete(key)
    return at !== undefined && this.#options.sequence.now - at < absence
  }

  /** A lease that nobody takes at once is given back: whoever asked has gone, or found the answer elsewhere. */
  #grant(key: string): void {
    if (this.#leases.has(key)) return
    this.#granted.add(key)
    setImmediate(() => {
      if (this.#granted.has(key)) this.release(key, 0)
    })
  }

  /** Puts a value into memory, unless something that it depends on has fallen meanwhile. */
  #place(
    key: string,
    { number, startedAt, soft, staleAt, dependencies: names, data }: RedisValue,
    sentAt: Start,
    epoch: string | undefined,
  ): Promise<void> | undefined {
    const { store, shared, sequence, clock, compress, pendingOf } = this.#options
    const { verifiedAt } = sentAt
    const dependencies = decodeDependencies(names)
    if (dependencies === undefined) return undefined
    const put = (content: Awaited<ReturnType<typeof decodeEntry>>): void => {
      // Numbers of another epoch say nothing.
      if (content === undefined || shared.epoch !== epoch) return
      // Redis may be ahead of what is known here; what is invalidated here meanwhile has a lower number, and fells it all the same.
      const startSequence = Math.min(shared.sequenceOf(number), sentAt.startSequence)
      if (sequence.invalidatedBy(startSequence, dependencies) !== undefined) return
      const pending = pendingOf(dependencies)
      if (pending === 'hard') return
      const existing = store.peek(key)
      const now = clock()
      const timestamp =
        soft || pending === 'soft'
          ? 0
          : Math.min(sequence.softInvalidationAt(startSequence, dependencies, key), staleAt)
      const timeline = softened(content.timeline, Math.max(now, timestamp))
      const isOlder = existing !== undefined && existing.timeline.cachedAt > timeline.cachedAt
      // Clocks differ: what is stale gives way to what is fresh, whatever they say.
      const isBetter = existing && now >= existing.timeline.staleAt && now < timeline.staleAt
      if (isOlder && !isBetter && sequence.isTrusted(existing.verifiedAt)) return
      if (content.kind === 'response' && compress === 'identity') content.coded = undefined
      // A copy of the head costs more than what is added to it.
      const beside = { timeline, startSequence, verifiedAt, dependencies }
      if (content.kind === 'fragment') store.putFragment(Object.assign(content, beside))
      else {
        const response = { ...beside, startedAt: shared.sequenceOf(startedAt) }
        store.put(content.primaryKey, Object.assign(content, response))
      }
    }
    const content = decodeEntry(data, key, store.maxEntrySize)
    if (content instanceof Promise) return content.then(put)
    put(content)
    return undefined
  }

  #written(stored: Stored, answer: WriteResult): void {
    const { store, onRefused } = this.#options
    if (answer.kind === 'felled') onRefused(stored, answer.by)
    if (answer.kind === 'inputs' && stored.kind === 'response') {
      store.adoptVariants(stored.primaryKey, answer.inputs)
    }
  }

  async #release(): Promise<void> {
    const released = this.#released
    this.#released = []
    if (!this.isOpen) return
    try {
      await this.#options.redis.release(released)
    } catch (error) {
      // The lease ends by itself.
      if (!(error instanceof RedisUnavailable)) this.#options.onFault(error, 'releasing a lease')
    }
  }
}

interface Deferred<Value> {
  readonly promise: Promise<Value>
  resolve(value: Value): void
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined
  const promise = new Promise<Value>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
