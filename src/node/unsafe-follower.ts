import type { ServerResponse } from 'node:http'
import { keyedTarget } from '../flow/cache-key.ts'
import type { IncomingRequest } from '../flow/incoming-request.ts'
import type { ResponseCache } from '../flow/response-cache.ts'
import { invalidatedBy, isJudged, isUnsafe } from '../flow/unsafe-method.ts'

type WriteHead = (status: number, ...rest: unknown[]) => ServerResponse

/**
 * Follows the response to an unsafe method that may never reach the cache's place: a success fells what it speaks of when its head
 * is written, and so before the client can know of it (RFC 9111 §4.4). What a cache has in hand it follows by itself.
 */
export function followUnsafe<Native>(
  cache: ResponseCache<Native>,
  request: IncomingRequest<Native>,
  response: ServerResponse,
): void {
  if (!isUnsafe(request.method)) return
  const { policy } = cache.settings
  const invalidate = (status: number): void => {
    if (isJudged(request)) return
    try {
      const keyed = (target: string): string => keyedTarget(target, policy.query)
      const { origin, target } = request
      const dependencies = invalidatedBy(origin, target, status, fieldsOf(response), keyed)
      if (dependencies.length > 0 && !cache.isClosed) cache.invalidateUnawaited(dependencies)
    } catch (error) {
      cache.fault(error, 'following an unsafe method')
    }
  }
  if (response.headersSent) {
    invalidate(response.statusCode)
    return
  }
  const writeHead = response.writeHead.bind(response) as WriteHead
  response.writeHead = (status: number, ...rest: unknown[]) => {
    const result = writeHead(status, ...rest)
    invalidate(status)
    return result
  }
}

const named = ['location', 'content-location', 'cache-group-invalidation']

/** The fields that name what falls, as far as they are on the response. */
function fieldsOf(response: ServerResponse): string[] {
  return named.flatMap((name) => {
    const value = response.getHeader(name)
    return value === undefined ? [] : [name, String(value)]
  })
}
