import { randomBytes } from 'node:crypto'
import { decodeDependency, encodeDependency } from '../codec/dependency-text.ts'
import { type RedisConnection, script } from './connection.ts'
import type { RedisKeys } from './keys.ts'
import { listIn, numberIn, textIn } from './reply.ts'
import { invalidate } from './scripts/invalidate.ts'
import { sync } from './scripts/sync.ts'
import type { ResetReason } from '../events/reasons.ts'
import type { Confirmation } from './confirmation.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import { Heartbeat } from './heartbeat.ts'
import { type Message, softnessIn } from './channel.ts'
import { Roster, instancesIn } from './instances.ts'
import type { Sequence } from '../invalidation/sequence.ts'
import type { Softness } from '../invalidation/soft.ts'
import { Strictness } from './strictness.ts'

const invalidateScript = script(invalidate)
const syncScript = script(sync)

/** How many missed invalidations are taken over one by one; behind more of them it is cheaper to begin anew. */
const MAX_MISSED = 5_000
/** How much work a script does at once, awaited and behind: a unit is 5 to 10 microseconds of Redis' time. */
const work = 1_000

export interface SharedSequenceOptions {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly channel: string
  readonly sequence: Sequence
  /** The name of this instance. */
  readonly id: string
  /** Milliseconds. */
  readonly maxStaleness: number
  readonly maxLog: number
  /** Invalidations of this instance wait for all instances where they do not say otherwise. */
  readonly waitsForAll: boolean
  readonly clock: () => number
  /** The keys that this instance is making for all. */
  readonly leases: () => readonly string[]
  /** An invalidation came, from here or from another instance. */
  readonly onInvalidation: (
    number: number,
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    /** It is of this process, which has applied it already. */
    isOwn: boolean,
  ) => void
  /** What this process holds can no longer be judged: it is void. */
  readonly onRenewal: (reason: ResetReason) => void
  readonly onConnection: (isConnected: boolean, error: unknown) => void
  /** Redis has answered a heartbeat. */
  readonly onBeat: () => void
}

/**
 * This instance's part in the order of invalidations that all instances share: it hears of each by message, learns of what it missed by its
 * heartbeat, and begins anew where it cannot know what it missed. Versions decide; messages only make it fast.
 */
export class SharedSequence {
  readonly #options: SharedSequenceOptions
  readonly #sequence: Sequence
  #epoch: string | undefined
  /** The local number of what Redis numbers 0: other epochs count from other beginnings, and local numbers only rise. */
  #base = 0
  /** The highest number of Redis in this epoch that was seen. */
  #seen = 0
  /** Numbers that came before others. */
  readonly #ahead = new Set<number>()
  readonly #roster = new Roster()
  readonly #strictness: Strictness
  readonly #heartbeat: Heartbeat
  #join: () => void = () => undefined
  /** Resolves when Redis was heard of for the first time. */
  readonly joined: Promise<void> = new Promise((resolve) => {
    this.#join = resolve
  })

  constructor(options: SharedSequenceOptions) {
    this.#options = options
    this.#sequence = options.sequence
    this.#strictness = new Strictness(options.sequence, options.waitsForAll)
    const { maxStaleness, onConnection } = options
    this.#heartbeat = new Heartbeat({
      interval: maxStaleness / 3,
      beat: () => this.#beat(maxStaleness),
      onConnection,
    })
  }

  get epoch(): string | undefined {
    return this.#epoch
  }

  /** The number in Redis up to which none is missing here. */
  get applied(): number {
    return this.numberOf(this.#sequence.applied)
  }

  /** How many numbers are known of which the invalidation is still missing. */
  get lag(): number {
    return Math.floor(this.#sequence.highest) - Math.floor(this.#sequence.applied)
  }

  get isConnected(): boolean {
    return this.#heartbeat.isConnected
  }

  /** A stamp as Redis counts: what was noted behind an unconfirmed invalidation counts as before it. */
  numberOf(startSequence: number): number {
    return Math.floor(startSequence) - this.#base
  }

  /** A number of Redis as this process counts. */
  sequenceOf(number: number): number {
    return number + this.#base
  }

  /** Begins to beat. */
  start(): void {
    this.#heartbeat.start()
  }

  /** Another epoch was seen, or a number is missing: asks Redis now. Resolves when it is known, to false when Redis did not answer. */
  refresh(): Promise<boolean> {
    return this.#heartbeat.now()
  }

  /** Applies an invalidation in order; one that is ahead of others takes effect, and the others are asked for. */
  receive(message: Extract<Message, { kind: 'invalidation' }>): void {
    const { epoch, number, roots, soft, origin } = message
    const isOwn = origin === this.#options.id
    if (epoch !== this.#epoch) {
      // Perhaps a new beginning, perhaps a late message of an old one: what it names falls, and Redis tells which.
      this.#options.onInvalidation(this.#sequence.provisional(roots, soft), roots, soft, isOwn)
      void this.refresh()
      return
    }
    if (number > this.#seen + MAX_MISSED) {
      // Forged, or so far ahead that all between is missed: what it names falls, and Redis tells which.
      this.#options.onInvalidation(this.#sequence.provisional(roots, soft), roots, soft, isOwn)
      void this.refresh()
      return
    }
    this.#take(number, roots, soft, isOwn)
    if (this.lag > 0) void this.refresh()
  }

  /** @throws RedisUnavailable, or what Redis says: it is not known whether it was carried out */
  async confirm(
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    acknowledge: boolean,
  ): Promise<Confirmation> {
    const { connection, keys, id, channel, maxLog, maxStaleness } = this.#options
    const from = this.#epoch
    const reply = listIn(
      await connection.run(invalidateScript, keys.versions, [
        keys.prefix,
        candidate(),
        this.#seen,
        from ?? '',
        id,
        channel,
        connection.isCluster ? 'SPUBLISH' : 'PUBLISH',
        soft === false ? '' : soft === true ? 0 : Math.ceil(soft.over),
        acknowledge ? '1' : '0',
        work,
        maxLog,
        ...(dependencies === 'all' ? [] : dependencies.map(encodeDependency)),
      ]),
    )
    const epoch = textIn(reply[0])
    const number = wholeNumberIn(reply[1])
    if (acknowledge) this.#strictness.heed(true, true)
    const time = numberIn(reply[5])
    if (epoch === this.#epoch) {
      // A spread begins for all when Redis heard of it.
      const shared = typeof soft === 'object' ? { ...soft, at: time } : soft
      this.#take(number, dependencies, shared, true)
      if (this.lag > 0) void this.refresh()
    } else if (from === this.#epoch) this.#renew('epoch', epoch, number)
    const more = numberIn(reply[3])
    if (more > 0) void this.#heartbeat.soon()
    const now = this.#sequence.now
    const others = instancesIn(textIn(reply[4])).filter(({ name }) => name !== id)
    this.#roster.note(others, now)
    return {
      sequence: this.sequenceOf(number),
      invalidated: listIn(reply[2]).map(textIn),
      more,
      others: new Map(others.map((each) => [each.name, this.#roster.endOf(each, now)])),
      unknownUntil: numberIn(reply[6]) < maxStaleness ? now + maxStaleness : -Infinity,
      epoch,
      number,
    }
  }

  /** Leaves the others, so that nobody waits for this instance. */
  async close(): Promise<void> {
    await this.#heartbeat.stop()
    if (this.#options.connection.isReady) await this.#beat(0).catch(() => undefined)
  }

  async #beat(lease: number): Promise<void> {
    const { connection, keys, id, clock, leases } = this.#options
    const sentAt = this.#sequence.now
    const from = this.#epoch
    const isStrict = this.#strictness.isSaid
    const reply = listIn(
      await connection.run(
        syncScript,
        keys.versions,
        [
          keys.prefix,
          candidate(),
          this.#seen,
          from ?? '',
          id,
          lease,
          this.applied,
          MAX_MISSED,
          clock(),
          work,
          isStrict ? ' strict' : '',
          ...leases(),
        ],
        true,
      ),
    )
    // Another answer came in between, and told of another epoch: this one is of the past.
    if (from !== this.#epoch) return
    const epoch = textIn(reply[0])
    const number = wholeNumberIn(reply[1])
    this.#strictness.heed(textIn(reply[6]) !== '', isStrict)
    const others = instancesIn(textIn(reply[7])).filter(({ name }) => name !== id)
    this.#roster.note(others, this.#sequence.now)
    if (epoch !== this.#epoch) this.#renew('epoch', epoch, number)
    else this.#catchUp(number, listIn(reply[2]))
    this.#sequence.heartbeat(sentAt)
    this.#options.onBeat()
    if (textIn(reply[3]) !== '') void this.#heartbeat.soon()
  }

  /** Takes over what was missed, if the log has all of it. */
  #catchUp(number: number, missed: readonly unknown[]): void {
    for (const line of missed) {
      const [at, roots, soft] = listIn(line)
      const next = numberIn(at)
      if (next <= this.applied) continue
      if (next !== this.applied + 1) break
      const names = textIn(roots)
      const dependencies =
        names === '' ? 'all' : names.split('\n').map((name) => decodeDependency(name) ?? name)
      this.#take(next, dependencies, softnessIn(textIn(soft)))
    }
    if (this.applied < number) this.#renew('log-gap', this.#epoch, number)
  }

  #take(number: number, roots: readonly Dependency[] | 'all', soft: Softness, isOwn = false): void {
    const { applied } = this
    if (number <= applied) return
    this.#seen = Math.max(this.#seen, number)
    const local = this.sequenceOf(number)
    if (number === applied + 1) {
      this.#sequence.apply(local, roots, soft)
      // Those that came before it follow.
      while (this.#ahead.delete(this.applied + 1)) {
        this.#sequence.apply(this.sequenceOf(this.applied + 1), [], soft)
      }
    } else {
      this.#sequence.note(local, roots, soft)
      if (this.#ahead.size < MAX_MISSED) this.#ahead.add(number)
    }
    this.#options.onInvalidation(local, roots, soft, isOwn)
  }

  /** What was missed cannot be known: nothing that was made before counts any more. */
  #renew(reason: ResetReason, epoch: string | undefined, number: number): void {
    this.#epoch = epoch
    this.#base = this.#sequence.renew() - number
    this.#seen = number
    this.#ahead.clear()
    this.#options.onRenewal(reason)
    this.#join()
  }
}

/** @throws where it is none: nothing could be counted from it */
function wholeNumberIn(reply: unknown): number {
  const number = numberIn(reply)
  if (Number.isSafeInteger(number)) return number
  throw new Error(`Redis answered ${String(number)} where a number of the sequence stands`)
}

/** Letters first: a number would be taken for one of the sequence. */
function candidate(): string {
  return `e${randomBytes(9).toString('base64url')}`
}
