import type { ServerResponse } from 'node:http'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { ResponseCache } from '../response/response-cache.ts'
import type { Policy } from '../request/policy.ts'
import { invalidatedBy, isJudged, isUnsafe, noteJudged } from '../response/invalidate-on-write.ts'

type WriteHead = (status: number, ...rest: unknown[]) => ServerResponse

/**
 * Follows the response to an unsafe method that may never reach the cache's place: a success fells what it speaks of when its head
 * is written, and so before the client can know of it (RFC 9111 §4.4). What a cache has in hand it follows by itself.
 */
export function followUnsafe(
  cache: ResponseCache,
  request: IncomingRequest | undefined,
  response: ServerResponse,
): void {
  if (request === undefined || !isUnsafe(request.method)) return
  if (response.headersSent) {
    invalidateBy(cache, request, response, response.statusCode)
    return
  }
  const writeHead = response.writeHead.bind(response) as WriteHead
  response.writeHead = (status: number, ...rest: unknown[]) => {
    const result = writeHead(status, ...rest)
    invalidateBy(cache, request, response, status)
    return result
  }
}

/**
 * For a framework that sends no head to a client who has left: what the application has carried out counts all the same. To be called
 * when it has ended without an error.
 */
export function concludeUnsafe(
  cache: ResponseCache,
  request: IncomingRequest | undefined,
  response: ServerResponse,
  policy?: Policy,
): void {
  if (request === undefined || !isUnsafe(request.method) || response.headersSent) return
  invalidateBy(cache, request, response, response.statusCode, policy)
}

function invalidateBy(
  cache: ResponseCache,
  request: IncomingRequest,
  response: ServerResponse,
  status: number,
  policy: Policy = cache.settings.policy,
): void {
  if (isJudged(request)) return
  try {
    noteJudged(request)
    const { origin, target } = request
    const fields = fieldsOf(response)
    const dependencies = invalidatedBy({ origin, target, status, fields, policy })
    if (dependencies.length > 0) cache.invalidateUnawaited(dependencies)
  } catch (error) {
    cache.fault(error, 'following an unsafe method')
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
