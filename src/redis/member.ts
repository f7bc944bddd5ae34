import { randomBytes } from 'node:crypto'
import type { Events } from '../events/events.ts'
import type { ResetReason } from '../events/reasons.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import type { Softness } from '../invalidation/soft.ts'
import { acknowledgement, channelOf, messageOf, replyChannelOf } from './channel.ts'
import type { Sequence } from '../invalidation/sequence.ts'
import { SharedInvalidation } from './shared-invalidation.ts'
import { SharedSequence } from './shared-sequence.ts'
import type { BodyCoding } from '../store/compression.ts'
import type { Stored } from '../store/entry-store.ts'
import { type RedisClient, RedisConnection } from './connection.ts'
import { redisKeys } from './keys.ts'
import { RedisStore } from './redis-store.ts'
import type { ResponseStore } from '../store/response-store.ts'
import { WarmLease } from './warm-lease.ts'
import { L2Store } from './l2-store.ts'

/** How a cache shares with other instances, resolved. */
export interface RedisSettings {
  readonly client: RedisClient
  readonly namespace: string
  /** Milliseconds. */
  readonly commandTimeout: number
  /** Milliseconds. */
  readonly maxStaleness: number
  /** How many invalidations Redis remembers. */
  readonly maxLog: number
  /** Invalidations wait for all instances where they do not say otherwise. */
  readonly waitsForAll: boolean
}

/** What membership needs of the cache that it belongs to. */
export interface Member {
  readonly settings: { readonly clock: () => number; readonly compress: BodyCoding }
  readonly events: Events
  readonly store: ResponseStore
  readonly sequence: Sequence
  /** Fells what is stored here. */
  applyInvalidation(
    number: number,
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    origin: 'again' | 'elsewhere',
  ): unknown
  /** Everything that is stored here is void. */
  renew(reason: ResetReason): void
  /** Somebody who knows nothing of numbers has changed these keys. */
  evict(keys: readonly string[] | 'all'): void
  /** What was stored here is no longer valid. */
  drop(stored: Stored): void
  fault(error: unknown, during: string): void
}

/** The state of this instance's connection to Redis. */
export interface RedisStatus {
  /** Redis answers, messages arrive, and all invalidations up to `applied` are known. */
  readonly connected: boolean
  /** The name of this instance. */
  readonly instance: string
  /** The epoch of all numbers; a new one begins when Redis has lost its data. */
  readonly epoch: string | undefined
  /** The number of the last invalidation up to which this instance has missed none. */
  readonly applied: number
  /** The number of invalidations known by their number alone. */
  readonly lag: number
  /**
   * Milliseconds since the last heartbeat that was answered completely; Infinity before the first.
   */
  readonly lastHeartbeat: number
  /** `open`: the last command failed, and no request waits for Redis until it answers again. */
  readonly breaker: 'closed' | 'open'
  /** Dependencies whose invalidation Redis has not confirmed; they are retried. */
  readonly unconfirmed: number
  /** Entries in the memory of this instance, and their bytes, overhead counted. */
  readonly entries: number
  readonly bytes: number
}

/** This instance among those that share one Redis and one namespace. */
export class Membership {
  readonly store: L2Store
  readonly sequence: SharedSequence
  readonly invalidation: SharedInvalidation
  readonly warmLease: WarmLease
  readonly #member: Member
  readonly #connection: RedisConnection
  readonly #channel: string
  readonly #id = randomBytes(9).toString('base64url')

  constructor(member: Member, settings: RedisSettings) {
    const { client, namespace, commandTimeout, maxStaleness, maxLog } = settings
    const { events, store, sequence } = member
    const { clock, compress } = member.settings
    const id = this.#id
    this.#member = member
    this.#channel = channelOf(namespace, client.isCluster)
    const channel = this.#channel
    const keys = redisKeys(namespace)
    this.#connection = new RedisConnection(client, {
      commandTimeout,
      channels: [channel, replyChannelOf(channel, id)],
      onReady: () => void this.sequence.refresh(),
      onMessage: (text, from) => this.#receive(text, from),
    })
    const connection = this.#connection
    this.sequence = new SharedSequence({
      connection,
      keys,
      channel,
      sequence,
      id,
      maxStaleness,
      maxLog,
      waitsForAll: settings.waitsForAll,
      clock,
      leases: () => this.store.leases,
      onInvalidation: (number, dependencies, soft, isOwn) =>
        member.applyInvalidation(number, dependencies, soft, isOwn ? 'again' : 'elsewhere'),
      onRenewal: (reason) => member.renew(reason),
      onConnection: (connected, failure) => {
        const error = connected ? undefined : (connection.fault ?? failure)
        if (events.wants('redis')) events.emit('redis', { connected, error })
      },
      onBeat: () => this.invalidation.retry(),
    })
    this.warmLease = new WarmLease(connection, keys, id, maxStaleness)
    this.invalidation = new SharedInvalidation({
      shared: this.sequence,
      keep: (run) => connection.keep(run),
      timeout: commandTimeout,
      onUnconfirmed: (dependencies, confirmed, error) => {
        if (!events.wants('unconfirmed')) return
        const names = dependencies === 'all' ? ['all'] : dependencies
        events.emit('unconfirmed', { dependencies: names, confirmed, error })
      },
    })
    this.store = new L2Store({
      redis: new RedisStore({
        connection,
        keys,
        channel,
        id,
        leaseTime: maxStaleness,
        clock,
        epoch: () => this.sequence.epoch,
        onEpoch: () => void this.sequence.refresh(),
      }),
      shared: this.sequence,
      sequence,
      store,
      clock,
      compress,
      pendingOf: (dependencies) => this.invalidation.pendingOf(dependencies),
      onRefused: (stored) => {
        member.drop(stored)
        // It is known to Redis, and not yet here.
        void this.sequence.refresh()
      },
      onFault: (error, during) => member.fault(error, during),
    })
    connection.connect()
    this.sequence.start()
  }

  status(): RedisStatus {
    const { sequence, invalidation } = this
    const { lastHeartbeat: heardAt, now } = this.#member.sequence
    return {
      connected: sequence.isConnected && this.#connection.isSubscribed,
      instance: this.#id,
      epoch: sequence.epoch,
      applied: sequence.epoch === undefined ? 0 : sequence.applied,
      lag: sequence.lag,
      lastHeartbeat: now - heardAt,
      breaker: this.#connection.breaker,
      unconfirmed: invalidation.unconfirmed,
      entries: this.#member.store.entries,
      bytes: this.#member.store.bytes,
    }
  }

  async close(): Promise<void> {
    await this.store.flush()
    await this.sequence.close()
    await this.#connection.close()
  }

  #receive(text: string, from: string): void {
    const given = messageOf(text)
    // Confirmations come on the channel of this instance alone, and all else on that of all.
    const isHere = (given?.kind === 'acknowledgement') === (from !== this.#channel)
    const message = isHere ? given : undefined
    switch (message?.kind) {
      case undefined:
        this.#member.fault(new Error(`not understood: ${text.slice(0, 200)}`), 'reading a message')
        return
      case 'filled':
        this.store.filled(message.keys)
        return
      case 'foreign':
        this.#member.evict(message.keys)
        return
      case 'acknowledgement':
        this.invalidation.acknowledged(message)
        return
      case 'invalidation': {
        this.sequence.receive(message)
        const { acknowledge, origin, epoch, number } = message
        if (!acknowledge || origin === this.#id) return
        const reply = acknowledgement(epoch, number, this.#id)
        this.#connection.publish(replyChannelOf(this.#channel, origin), reply).catch(() => {
          // Whoever waits for it waits for maxStaleness, and then need not.
        })
      }
    }
  }
}
