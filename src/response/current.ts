import { softened } from '../http/freshness.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { ownDependencies } from './dependencies.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { Policy } from '../request/policy.ts'
import type { ResponseCache } from './response-cache.ts'
import { isShared } from '../request/url-memory.ts'

/**
 * The stored response, unless something of this request was invalidated since its making began: where
 * several URLs share one key, its closure names only the URL, the routes and the tags of the one that
 * it was made for. What began before this instance can tell counts as invalidated.
 */
export function currentResponse(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  stored: StoredResponse,
): StoredResponse | undefined {
  const { sequence, settings, store } = cache
  const { startedAt, dependencies } = stored
  if (startedAt === sequence.highest || !isShared(policy)) return stored
  const known = ownDependencies(request, policy)
  if (known.every((dependency) => dependencies.includes(dependency))) return stored
  const own = [...known, ...cache.urls.recall(request)]
  const by = sequence.invalidatedBy(startedAt, own)
  if (by === undefined) {
    const softenedAt = sequence.softInvalidationAt(startedAt, own, stored.key)
    if (softenedAt < Infinity) {
      stored.timeline = softened(stored.timeline, Math.max(settings.clock(), softenedAt))
    }
    return stored
  }
  store.invalidate(stored.key, by)
  return undefined
}
