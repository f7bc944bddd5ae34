import { type StoredResponse, mayReplaceError } from '../http/stored-response.ts'
import type { ResponseCache } from './response-cache.ts'

/** May it stand in for a failed application? What fell while the application ran and failed is served to nobody any more. */
export function mayReplace(cache: ResponseCache, stored: StoredResponse): boolean {
  const { startSequence, dependencies } = stored
  return (
    mayReplaceError(stored, cache.settings.clock()) &&
    cache.isTrusted(stored) &&
    cache.sequence.invalidatedBy(startSequence, dependencies) === undefined
  )
}
