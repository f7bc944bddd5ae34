import { decodeDependency } from '../codec/dependency-text.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import type { Softness } from '../invalidation/soft.ts'

/** A message on the channel of invalidations. */
export type Message =
  /** An invalidation with its number in the shared order. */
  | {
      readonly kind: 'invalidation'
      readonly epoch: string
      readonly number: number
      readonly roots: readonly Dependency[] | 'all'
      readonly soft: Softness
      readonly origin: string
      /** Whoever invalidates waits for receivers to confirm. */
      readonly acknowledge: boolean
    }
  /** Somebody who knows nothing of numbers has changed these keys. */
  | { readonly kind: 'foreign'; readonly keys: readonly string[] | 'all' }
  /** A key that others waited for has been made, or will not be. */
  | { readonly kind: 'filled'; readonly keys: readonly string[] }
  /** An instance has applied an invalidation. */
  | {
      readonly kind: 'acknowledgement'
      readonly epoch: string
      readonly number: number
      readonly origin: string
    }

/** The longest message that is read, characters. */
const MAX_MESSAGE_LENGTH = 4 * 1024 * 1024
/** Of more names than this everything falls: it is cheaper, and an order remembers about as many. */
const MAX_NAMES = 50_000
/** Names of instances and epochs are ours: nothing else is answered, or kept. */
const ownName = /^[\w-]{1,32}$/

/**
 * The channel of a namespace. In a Cluster its name has the hash tag of the namespace's keys, so that scripts may publish on it.
 *
 *   cacheflow:invalidation          the namespace cf
 *   cacheflow:invalidation:shop     another one
 *   cacheflow:invalidation:{cf}     in a Cluster
 */
export function channelOf(namespace: string, isCluster: boolean): string {
  if (isCluster) return `cacheflow:invalidation:{${namespace}}`
  return namespace === 'cf' ? 'cacheflow:invalidation' : `cacheflow:invalidation:${namespace}`
}

/** The channel on which one instance hears that others have confirmed. */
export function replyChannelOf(channel: string, instance: string): string {
  return `${channel}:${instance}`
}

export function acknowledgement(epoch: string, number: number, origin: string): string {
  return JSON.stringify({ type: 'ACK', epoch, seq: number, origin })
}

/** Reads a message; undefined when it is none. */
export function messageOf(text: string): Message | undefined {
  if (text.length > MAX_MESSAGE_LENGTH) return undefined
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof given !== 'object' || given === null) return undefined
  const { type, keys, roots, seq, epoch, origin, soft, ack }: Record<string, unknown> = { ...given }
  switch (type) {
    case 'FILLED': {
      const known = textsOf(keys)
      return known && { kind: 'filled', keys: known }
    }
    case 'ACK':
      return isNumber(seq) && isOwnName(epoch) && isOwnName(origin)
        ? { kind: 'acknowledgement', epoch, number: seq, origin }
        : undefined
    case 'EVICT': {
      if (seq === undefined) {
        const known = textsOf(keys)
        return known && { kind: 'foreign', keys: known.length > MAX_NAMES ? 'all' : known }
      }
      const known = textsOf(roots)
      if (!known || !isNumber(seq) || !isOwnName(epoch)) return undefined
      const isAll = known.length === 0 || known.length > MAX_NAMES
      return {
        kind: 'invalidation',
        epoch,
        number: seq,
        roots: isAll ? 'all' : known.map((each) => decodeDependency(each) ?? each),
        soft: softnessOf(soft),
        origin: isOwnName(origin) ? origin : '',
        acknowledge: ack === true && isOwnName(origin),
      }
    }
    default:
      return undefined
  }
}

/** As scripts write it: true, or when a spread begins and how long it lasts. */
function softnessOf(given: unknown): Softness {
  return typeof given === 'string' ? softnessIn(given) : given === true
}

/** A softness as the log has it: `0` hard, `1` at once, `1764025000000+60000` spread over a minute from then on. */
export function softnessIn(text: string): Softness {
  const [, at, over] = /^(\d{1,15})\+(\d{1,15})$/.exec(text) ?? []
  return at === undefined || over === undefined
    ? text === '1'
    : { at: Number(at), over: Number(over) }
}

function isNumber(given: unknown): given is number {
  return typeof given === 'number' && Number.isSafeInteger(given) && given > 0
}

function isOwnName(given: unknown): given is string {
  return typeof given === 'string' && ownName.test(given)
}

/** Lua knows one kind of table: an empty list comes as an empty object. */
function textsOf(given: unknown): readonly string[] | undefined {
  if (Array.isArray(given)) {
    const list: readonly unknown[] = given
    const texts = list.filter((each): each is string => typeof each === 'string')
    return texts.length === list.length ? texts : undefined
  }
  const isEmpty = typeof given === 'object' && given !== null && Object.keys(given).length === 0
  return isEmpty ? [] : undefined
}
