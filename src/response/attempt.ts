import type { ReadRequest } from '../redis/redis-store.ts'
import type { CacheState } from './cache-state.ts'
import type { InFlightRender } from './collapsing.ts'
import type { L2Lease, L2Store } from '../redis/l2-store.ts'

/** What a request has behind it when it is judged. */
export interface Attempt {
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
    | { readonly key: string; readonly lease: L2Lease; readonly count: number }
    | undefined
}

export const arriving: Attempt = {
  waited: false,
  isLast: false,
  since: undefined,
  fetched: undefined,
}

/** Names of inputs may be learned on the way, and with them another key. */
const MAX_FETCHES = 3

export function mayFetch({ fetched }: Attempt): boolean {
  return (fetched?.count ?? 0) < MAX_FETCHES
}

/** What comes behind the wait for a making. */
export async function afterInFlight(
  cache: CacheState,
  render: InFlightRender,
  timeout: number,
  { isLast, since }: Attempt,
): Promise<Attempt> {
  const end = await render.wait(timeout)
  // Those who lost their answer to an invalidation wait for one of them, and not all run at one time.
  const waitsAgain =
    !isLast && end === 'settled' && (render.isHandedOver || render.isSuperseded(cache.sequence))
  return waitsAgain
    ? { waited: false, isLast: true, since, fetched: undefined }
    : { waited: true, isLast, since, fetched: undefined }
}

/** What comes behind a question to Redis. */
export async function afterFetch(
  shared: L2Store,
  key: string,
  wish: ReadRequest,
  attempt: Attempt,
): Promise<Attempt> {
  const lease = await shared.fetch(key, wish)
  return { ...attempt, fetched: { key, lease, count: (attempt.fetched?.count ?? 0) + 1 } }
}
