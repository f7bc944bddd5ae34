import { type RedisConnection, script } from './connection.ts'
import type { RedisKeys } from './keys.ts'
import { bytesIn, listIn, numberIn, textIn } from './reply.ts'
import { read } from './scripts/read.ts'
import { release } from './scripts/release.ts'
import { write } from './scripts/write.ts'

const readScript = script(read)
const writeScript = script(write)
const releaseScript = script(release)

/** What is wished beside the value of a key. */
export type ReadRequest =
  /** Nothing. */
  | ''
  /** Where it is missing, the fragments that it enclosed. */
  | 'fragments'
  /** These, and to be the one that makes it. */
  | 'lease'

/** Where a lease was asked for: who makes what is missing. */
export type Lease =
  | { readonly kind: 'none' }
  /** Whoever asked. */
  | { readonly kind: 'lead' }
  /** Another instance; its lease ends after so many milliseconds. */
  | { readonly kind: 'wait'; readonly milliseconds: number }
  /** Nobody need wait: it could not be shared lately. */
  | { readonly kind: 'pass' }

/** A value as it rests in Redis. */
export interface RedisValue {
  readonly kind: 'value'
  /** It is valid as of this number. */
  readonly number: number
  /** The number at which its making began. */
  readonly startedAt: number
  readonly soft: boolean
  /**
   * Stale from then on, milliseconds since 1970, up to one later than it is: sooner than its content says where a soft invalidation is spread
   * over a time.
   */
  readonly staleAt: number
  readonly dependencies: string
  readonly data: Buffer
  readonly lease: Lease
}

export type ReadResult =
  | RedisValue
  /** The key has variants by these inputs. */
  | { readonly kind: 'variants'; readonly inputs: readonly string[] }
  | { readonly kind: 'absent'; readonly lease: Lease }

/** A value on its way to Redis. */
export interface RedisWrite {
  readonly key: string
  /** The number at which its making started. */
  readonly number: number
  /** Milliseconds that it is kept. */
  readonly ttl: number
  /** Milliseconds since 1970: when that is over, when it is stale, and when it was made. */
  readonly expires: number
  readonly staleAt: number
  readonly renderedAt: number
  readonly dependencies: Buffer | string
  readonly data: Buffer
  /** Its key before variants, where it is one. */
  readonly primaryKey: string | undefined
  readonly inputs: readonly string[]
  /** The key whose lease it ends. */
  readonly lease: string | undefined
}

export type WriteResult =
  | { readonly kind: 'stored' }
  /** A newer one stands there. */
  | { readonly kind: 'older' }
  | { readonly kind: 'felled'; readonly by: string }
  /** The key has variants by more inputs than the writer knew. */
  | { readonly kind: 'inputs'; readonly inputs: readonly string[] }
  /** Another epoch has begun. */
  | { readonly kind: 'void' }

/** How many keys one script reads or writes at most: others have their turn in between. */
const MAX_BATCH = 500
/** How many bytes one script writes at most, as far as one value is not larger. */
const MAX_BATCH_BYTES = 1024 * 1024
/** How many times the work of a byte of data one of a closure is: each name in it is an edge of the graph. */
const dependencyWeight = 16
/** How long an edge of the graph lives at least: 24 hours. */
const edgeLife = 86_400_000

export interface RedisStoreOptions {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly channel: string
  readonly id: string
  /** How long a lease lasts if it is not renewed, milliseconds. */
  readonly leaseTime: number
  readonly clock: () => number
  /** The epoch that this instance knows of. */
  readonly epoch: () => string | undefined
  /** Redis answered out of another epoch. */
  readonly onEpoch: () => void
}

/** What rests in Redis: read and written in batches, each by one script that holds what it does against the versions. */
export class RedisStore {
  readonly #options: RedisStoreOptions

  constructor(options: RedisStoreOptions) {
    this.#options = options
  }

  /** May something be read or written, as far as is known? */
  get isOpen(): boolean {
    const { connection, epoch } = this.#options
    return connection.isReady && connection.breaker === 'closed' && epoch() !== undefined
  }

  /**
   * Reads keys in one round trip.
   *
   * @returns an answer for each, and those for the fragments that missing ones enclosed, there or not
   */
  async read(
    wishes: readonly (readonly [key: string, wish: ReadRequest])[],
  ): Promise<{ answers: ReadResult[]; extra: [key: string, answer: ReadResult][] }> {
    const { connection, keys, id, leaseTime, epoch, onEpoch, clock } = this.#options
    const known = epoch() ?? ''
    const answers: ReadResult[] = []
    const extra: [string, ReadResult][] = []
    for (let at = 0; at < wishes.length; at += MAX_BATCH) {
      const part = wishes.slice(at, at + MAX_BATCH)
      const reply = listIn(
        await connection.run(readScript, keys.versions, [
          keys.prefix,
          known,
          id,
          leaseTime,
          clock(),
          ...part.flatMap(([key, wish]) => [key, requestCodes[wish]]),
        ]),
      )
      if (textIn(reply[0]) !== known) onEpoch()
      const found = listIn(reply[2])
      for (let i = 0; i < part.length; i++) answers.push(readResultIn(found[i]))
      for (const line of listIn(reply[3])) {
        const [key, answer] = listIn(line)
        extra.push([textIn(key), readResultIn(answer)])
      }
    }
    return { answers, extra }
  }

  /** Writes values in one round trip, as far as they are not too many for one. */
  async write(writes: readonly RedisWrite[]): Promise<WriteResult[]> {
    const { connection, keys, id, channel, epoch, onEpoch } = this.#options
    const known = epoch() ?? ''
    const answers: WriteResult[] = []
    for (const part of partsOf(writes)) {
      const reply = listIn(
        await connection.run(writeScript, keys.versions, [
          keys.prefix,
          known,
          id,
          channel,
          connection.isCluster ? 'SPUBLISH' : 'PUBLISH',
          edgeLife,
          ...part.flatMap((each) => [
            each.key,
            each.number,
            Math.max(1, Math.ceil(each.ttl)),
            moment(each.expires),
            moment(each.staleAt),
            moment(each.renderedAt),
            each.dependencies,
            each.data,
            each.primaryKey ?? '',
            each.inputs.join('\n'),
            each.lease ?? '',
          ]),
        ]),
      )
      if (textIn(reply[0]) !== known) onEpoch()
      const found = listIn(reply[2])
      for (let i = 0; i < part.length; i++) answers.push(writeResultIn(textIn(found[i])))
    }
    return answers
  }

  /** Ends leases whose makings gave nothing to share. */
  async release(leases: readonly (readonly [key: string, pass: number])[]): Promise<void> {
    const { connection, keys, id, channel } = this.#options
    await connection.run(releaseScript, keys.versions, [
      keys.prefix,
      id,
      channel,
      connection.isCluster ? 'SPUBLISH' : 'PUBLISH',
      ...leases.flatMap(([key, pass]) => [key, Math.ceil(pass)]),
    ])
  }
}

/** Bytes of the head that scripts read: see the script's own description. */
const headLength = 87

/** Whole milliseconds that fit into a place of the head; what never ends is as far away as that. */
function moment(time: number): number {
  return Math.max(0, Math.min(9_999_999_999_999, Math.floor(time)))
}

const requestCodes: Readonly<Record<ReadRequest, string>> = { '': '', fragments: 'f', lease: 'l' }

function partsOf(writes: readonly RedisWrite[]): RedisWrite[][] {
  const parts: RedisWrite[][] = []
  let bytes = Infinity
  for (const each of writes) {
    const own = each.data.length + each.dependencies.length * dependencyWeight
    const part = parts.at(-1)
    if (part === undefined || part.length === MAX_BATCH || bytes + own > MAX_BATCH_BYTES) {
      parts.push([each])
      bytes = own
    } else {
      part.push(each)
      bytes += own
    }
  }
  return parts
}

function readResultIn(reply: unknown): ReadResult {
  const [kind, ...rest] = listIn(reply)
  switch (textIn(kind)) {
    case 'v': {
      const [number, soft, stale, value, lease] = rest
      const bytes = bytesIn(value)
      if (bytes === undefined || bytes.length < headLength) break
      const end = headLength + Number(bytes.toString('latin1', headLength - 8, headLength))
      return {
        kind: 'value',
        number: numberIn(number),
        soft: textIn(soft) !== '',
        staleAt: Number(textIn(stale)) + 1,
        startedAt: Number(bytes.toString('latin1', headLength - 24, headLength - 8)),
        dependencies: bytes.toString('utf8', headLength, end),
        data: bytes.subarray(end),
        lease: leaseIn(listIn(lease)),
      }
    }
    case 'i':
      return { kind: 'variants', inputs: textIn(rest[0]).split('\n') }
  }
  return { kind: 'absent', lease: leaseIn(listIn(reply)) }
}

function leaseIn([kind, milliseconds]: readonly unknown[]): Lease {
  switch (textIn(kind)) {
    case 'l':
      return { kind: 'lead' }
    case 'p':
      return { kind: 'pass' }
    case 'w':
      return { kind: 'wait', milliseconds: Math.max(1, numberIn(milliseconds)) }
    default:
      return { kind: 'none' }
  }
}

function writeResultIn(text: string): WriteResult {
  if (text === 'stored' || text === 'older') return { kind: text }
  if (text.startsWith('!')) return { kind: 'felled', by: text.slice(1) }
  if (text.startsWith('inputs\n')) {
    return { kind: 'inputs', inputs: text.slice('inputs\n'.length).split('\n') }
  }
  return { kind: 'void' }
}
