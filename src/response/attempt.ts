import type { Wish } from '../redis/redis-store.ts'
import type { CacheState } from './cache-state.ts'
import type { Making } from './collapsing.ts'
import type { SharedLease, SharedStore } from '../redis/l2-store.ts'

/** What a request has behind it when it is judged. */
export interface Turn {
  /**
   * It has waited: if what it waited for could not be shared, all who waited go on side by side instead of queueing one
   * behind the other (M-49).
   */
  readonly waited: boolean
  /** It has lost what it waited for to an invalidation, or a maker to its end: it waits once more, and then not again. */
  readonly isLast: boolean
  /**
   * It came at this moment, while nothing was believed that had begun before: what is made later is as good as made for it.
   */
  readonly since: number | undefined
  /** Redis was asked for this key: what it has stands in memory, and of what it has not the lease tells who makes it. */
  readonly fetched:
    | { readonly key: string; readonly lease: SharedLease; readonly count: number }
    | undefined
}

export const arriving: Turn = {
  waited: false,
  isLast: false,
  since: undefined,
  fetched: undefined,
}

/** Names of inputs may be learned on the way, and with them another key. */
const mostFetches = 3

export function mayFetch({ fetched }: Turn): boolean {
  return (fetched?.count ?? 0) < mostFetches
}

/** What comes behind the wait for a making. */
export async function afterMaking(
  cache: CacheState,
  making: Making,
  timeout: number,
  { isLast, since }: Turn,
): Promise<Turn> {
  const end = await making.wait(timeout)
  // Those who lost their answer to an invalidation wait for one of them, and not all run at one time.
  const waitsAgain =
    !isLast && end === 'settled' && (making.isHandedOver || making.isOvertaken(cache.sequence))
  return waitsAgain
    ? { waited: false, isLast: true, since, fetched: undefined }
    : { waited: true, isLast, since, fetched: undefined }
}

/** What comes behind a question to Redis. */
export async function afterFetch(
  shared: SharedStore,
  key: string,
  wish: Wish,
  turn: Turn,
): Promise<Turn> {
  const lease = await shared.fetch(key, wish)
  return { ...turn, fetched: { key, lease, count: (turn.fetched?.count ?? 0) + 1 } }
}
