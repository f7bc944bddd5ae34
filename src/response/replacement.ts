import { type StoredResponse, mayReplaceError } from '../http/stored-response.ts'
import type { ResponseCache } from './response-cache.ts'

/** May it stand in for a failed application? What fell while the application ran and failed is served to nobody any more. */
export function mayStandIn(cache: ResponseCache, stored: StoredResponse): boolean {
  const { stamp, closure } = stored
  return (
    mayReplaceError(stored, cache.settings.clock()) &&
    cache.trusts(stored) &&
    cache.sequence.felledBy(stamp, closure) === undefined
  )
}
