import { fail } from '../events/errors.ts'
import { shortName } from '../values/short-name.ts'
import { withParameters } from '../http/query.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { Policy, QueryPolicy } from './policy.ts'

/** A key longer than this is a mistake, and could fill the store by itself. */
const MAX_KEY_LENGTH = 4_096

/**
 * The cache key of a request before variants (RFC 9111 §2): scheme, authority, path and query as received.
 *
 *   https://shop.example/posts/1?x=2
 *   ^ origin             ^ target
 *
 * `key()` replaces the target; `session()` adds who shares; where a trusted proxy names the host and Host itself is
 * another one, both count. The parts are joined by spaces, which neither a request target nor a plain origin contains, and
 * what is free text carries its length: no request can write another's key.
 *
 *   https://shop.example via inner:3000/posts/1
 *   https://shop.example key 7:posts 1 session 5:alice
 *   https://shop.example/posts/1 build 3:4f2
 *
 * A long one ends in a hash: a URL of 16 KiB would stand in memory and in Redis in many places.
 *
 * @param build the name of the build, where pages outlive the process that made them
 */
export function cacheKey(
  request: IncomingRequest,
  policy: Policy,
  group: string | undefined,
  build = '',
): string {
  const origin = request.origin + viaOf(request)
  const made = build === '' ? '' : ` build ${build.length}:${build}`
  if (policy.key === undefined && group === undefined && policy.query === undefined) {
    return shortName(origin + request.target + made)
  }
  const { key: nameOf } = policy
  const own =
    nameOf === undefined ? undefined : ownKey(unobserved(request, () => nameOf(request.native)))
  const name =
    own === undefined ? keyedTarget(request.target, policy.query) : ` key ${own.length}:${own}`
  const key = origin + name
  return shortName((group === undefined ? key : `${key} session ${group.length}:${group}`) + made)
}

/** An application behind a trusted proxy can still read Host, which anybody can send beside any forwarded host (S-2). */
function viaOf({ headers, origin, hasHostInput }: IncomingRequest): string {
  const { host } = headers
  if (typeof host !== 'string' || hasHostInput === true) return ''
  const isSame = origin.endsWith(host) && origin.charAt(origin.length - host.length - 1) === '/'
  return isSame ? '' : ` via ${host}`
}

/** The target with the parameters that the policy makes part of the key. */
export function keyedTarget(target: string, query: QueryPolicy | undefined): string {
  if (query === undefined) return target
  if ('only' in query) {
    const only = new Set(query.only)
    return withParameters(target, (name) => only.has(name))
  }
  const ignored = new Set(query.ignore)
  return withParameters(target, (name) => !ignored.has(name))
}

function ownKey(key: unknown): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH) return key
  settle(key)
  throw fail('ERR_CACHEFLOW_KEY', key, 'key()')
}

/** What the application's own functions see of a request. */
type Sight = Pick<IncomingRequest, 'native' | 'observation'>

/** Who shares: a name, or null for nobody. Undefined and false count as nobody too: forgetting is not sharing. */
export function groupOf(request: Sight, policy: Policy): string | null | undefined {
  const { session } = policy
  if (session === undefined) return undefined
  const group: unknown = unobserved(request, () => session(request.native))
  if (group === null || group === undefined) return null
  if (typeof group === 'string' && group.length > 0) return group
  settle(group)
  throw fail('ERR_CACHEFLOW_SESSION', group, 'session()')
}

/** A promise is no answer; where it is rejected, nobody else would hear of it, and the process would end. */
function settle(given: unknown): void {
  if (given instanceof Promise) given.catch(() => undefined)
}

/** What key() and session() read is in the key by what they return: read by itself it would be there twice. */
function unobserved<Result>(request: Sight, ask: () => Result): Result {
  return request.observation === undefined ? ask() : request.observation.quietly(ask)
}
