import type { InvalidationReceipt } from '../graph/invalidation.ts'
import type { Stored } from '../store/entry-store.ts'

/** What fell, as receipts and events tell it. */
export interface Fallen {
  /** The key it rests under. */
  readonly key: string
  /** As people know it: that of a response before variants. */
  readonly shown: string
  readonly isFragment: boolean
}

export function fallenOf(stored: Stored): Fallen {
  return { key: stored.key, shown: shownKey(stored), isFragment: stored.kind === 'fragment' }
}

/** Where nothing but the key is known. */
export function fallenAt(key: string): Fallen {
  return { key, shown: key.split(' vary ', 1)[0] ?? key, isFragment: key.startsWith('fragment:') }
}

/** @param others keys that fell in Redis, each as it rests there */
export function receiptOf(
  sequence: number,
  here: readonly Fallen[],
  others: readonly string[],
  confirmedBy: readonly string[],
): InvalidationReceipt {
  const known = new Set(here.map(({ key }) => key))
  const fallen = [...here, ...others.filter((key) => !known.has(key)).map(fallenAt)]
  const fragments = fallen.filter(({ isFragment }) => isFragment).length
  const responses = fallen.length - fragments
  return {
    sequence,
    responses,
    fragments,
    keys: shownKeys(fallen),
    instances: confirmedBy.length,
    confirmedBy,
  }
}

export function shownKeys(fallen: readonly Fallen[]): string[] {
  return [...new Set(fallen.map(({ shown }) => shown))]
}

/** As people know it: a response by its key before variants. */
export function shownKey(stored: Stored): string {
  return stored.kind === 'response' ? stored.primaryKey : stored.key
}

export function keysOf(found: Iterable<Stored>): string[] {
  return [...new Set(Array.from(found, shownKey))]
}
