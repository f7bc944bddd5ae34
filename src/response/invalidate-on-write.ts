import { type Dependency, groupDependency, urlDependency } from '../invalidation/dependency.ts'
import { type HeaderFields, fieldValue } from '../http/header-fields.ts'
import { parseStringList } from '../http/structured-field.ts'
import { keyedTarget } from '../request/cache-key.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import type { Policy } from '../request/policy.ts'

/** Methods that only read (RFC 9110 §9.2.1 and the method registry): all others invalidate what they target. */
const safeMethods = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'QUERY',
  'PROPFIND',
  'REPORT',
  'SEARCH',
])

export function isUnsafe(method: string): boolean {
  return !safeMethods.has(method.toUpperCase())
}

/** What is known of a response to an unsafe method, and which of it counts. */
export interface UnsafeResponse {
  readonly origin: string
  readonly target: string
  readonly status: number
  readonly fields: HeaderFields
  readonly policy: Pick<Policy, 'query' | 'off' | 'invalidateRedirect'>
}

/**
 * What a successful response to an unsafe method invalidates: its target, what Content-Location and the Location of a 201 name on the
 * same origin (RFC 9111 §4.4), and the cache groups it lists (RFC 9875 §3). The Location of a redirection says where to go next, and
 * not what has changed: it counts where the policy says so. What `route(false)` keeps out of the cache speaks for its own target alone.
 */
export function invalidatedBy(answer: UnsafeResponse): Dependency[] {
  const { origin, target, status, fields, policy } = answer
  if (status < 200 || status >= 400) return []
  const dependencies = [urlDependency(origin, keyedTarget(target, policy.query))]
  if (policy.off) return dependencies
  const speaks = status === 201 || (status >= 300 && policy.invalidateRedirect)
  for (const name of speaks ? ['location', 'content-location'] : ['content-location']) {
    const reference = fieldValue(fields, name)
    const named = reference === undefined ? undefined : onOrigin(reference, origin, target)
    if (named !== undefined) {
      dependencies.push(urlDependency(origin, keyedTarget(named, policy.query)))
    }
  }
  const groups = parseStringList(fieldValue(fields, 'cache-group-invalidation') ?? '') ?? []
  for (const group of groups) dependencies.push(groupDependency(origin, group))
  return dependencies
}

/** The cache groups a response belongs to (RFC 9875 §2). */
export function groupsOf(origin: string, fields: HeaderFields): Dependency[] {
  const groups = parseStringList(fieldValue(fields, 'cache-groups') ?? '') ?? []
  return groups.map((group) => groupDependency(origin, group))
}

// A response may only speak for its own origin: anything else would let one site empty another's cache.
function onOrigin(reference: string, origin: string, target: string): string | undefined {
  try {
    const url = new URL(reference, origin + target)
    return url.origin === new URL(origin).origin ? url.pathname + url.search : undefined
  } catch {
    return undefined
  }
}

/** Requests whose response has been looked at. */
const judged = new WeakSet<object>()

export function noteJudged(request: object): void {
  judged.add(request)
}

export function isJudged(request: object): boolean {
  return judged.has(request)
}

/** A successful response to an unsafe method fells what it speaks of, before the client can know of it. */
export function invalidateTarget(facts: ExchangeFacts, head: ResponseHead): void {
  const { cache, request, policy } = facts
  if (!isUnsafe(request.method) && !isUnsafe(head.method)) return
  noteJudged(request)
  const { origin, target } = request
  const { status, fields } = head
  const dependencies = invalidatedBy({ origin, target, status, fields, policy })
  if (dependencies.length > 0) cache.invalidateUnawaited(dependencies)
}
