import type { InvalidationReceipt } from '../invalidation/target.ts'
import type { Many } from './dependents.ts'
import type { Stored } from './entry-store.ts'

/** What fell, as receipts and events tell it. */
export interface Removed {
  /** The key it rests under. */
  readonly key: string
  /** As people know it: that of a response before variants. */
  readonly shown: string
  readonly isFragment: boolean
}

export function removedOf(stored: Stored): Removed {
  return { key: stored.key, shown: shownKey(stored), isFragment: stored.kind === 'fragment' }
}

/** Where nothing but the key is known. */
function removedAt(key: string): Removed {
  return { key, shown: key.split(' vary ', 1)[0] ?? key, isFragment: key.startsWith('fragment:') }
}

/** Of a great number so many are named, here and in Redis. */
export const MAX_NAMED = 1_000

/** How many entries are taken out, or made stale, within the call that fells them. */
const MAX_BATCH = 1_000

/** All that one invalidation felled here: of a great number the first are named, and the others counted. */
export class RemovedCount {
  readonly #named = new Map<string, Removed>()
  readonly #many: Many[] = []

  add(found: Removed[]): Removed[] {
    for (const each of found) this.#named.set(each.key, each)
    return found
  }

  /** @returns the first of them */
  addMany(dependents: Many): Removed[] {
    this.#many.push(dependents)
    return firstOf(dependents)
  }

  /** How many more may be taken out, or made stale, within the call that fells them. */
  get room(): number {
    return MAX_BATCH - this.#named.size
  }

  get isEmpty(): boolean {
    return this.#named.size === 0 && this.#many.every(({ size }) => size === 0)
  }

  /** Where something depended on several that fell, it is among each of them. */
  get many(): readonly Many[] {
    return this.#many
  }

  /** Those that are not among many. */
  get few(): Removed[] {
    return [...this.#named.values()]
  }

  /** All keys. */
  *keys(): Generator<string> {
    yield* this.#named.keys()
    for (const { keys } of this.#many) yield* keys
  }

  has(key: string): boolean {
    return this.#named.has(key) || this.#many.some(({ keys }) => keys.has(key))
  }
}

/** @param others keys that fell in Redis, each as it rests there */
export function receiptOf(
  sequence: number,
  here: RemovedCount,
  others: readonly string[],
  confirmedBy: readonly string[],
): InvalidationReceipt {
  const removed = [...here.few, ...others.filter((key) => !here.has(key)).map(removedAt)]
  let fragments = removed.filter(({ isFragment }) => isFragment).length
  let responses = removed.length - fragments
  for (const each of here.many) {
    fragments += each.fragments
    responses += each.size - each.fragments
  }
  return {
    sequence,
    responses,
    fragments,
    keys: shownKeys([...removed, ...firstOfAll(here.many)]).slice(0, MAX_NAMED),
    instances: confirmedBy.length,
    confirmedBy,
  }
}

function firstOfAll(many: readonly Many[]): Removed[] {
  const first: Removed[] = []
  for (const each of many) {
    if (first.length >= MAX_NAMED) break
    first.push(...firstOf(each))
  }
  return first
}

function firstOf({ keys }: Many): Removed[] {
  const first: Removed[] = []
  for (const key of keys) {
    if (first.length === MAX_NAMED) break
    first.push(removedAt(key))
  }
  return first
}

export function shownKeys(removed: readonly Removed[]): string[] {
  return [...new Set(removed.map(({ shown }) => shown))]
}

/** As people know it: a response by its key before variants. */
export function shownKey(stored: Stored): string {
  return stored.kind === 'response' ? stored.primaryKey : stored.key
}

export function keysOf(found: Iterable<Stored>): string[] {
  return [...new Set(Array.from(found, shownKey))]
}
