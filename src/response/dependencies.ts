import {
  type Dependency,
  keyDependency,
  pathDependency,
  routeDependencies,
  tagDependency,
  urlDependency,
} from '../invalidation/dependency.ts'
import { keyedTarget } from '../request/cache-key.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { Policy } from '../request/policy.ts'
import { groupsOf } from './invalidate-on-write.ts'

/** Everything whose invalidation fells this response. */
export function dependenciesOf(facts: ExchangeFacts, head: ResponseHead): Dependency[] {
  return [...knownDependencies(facts), ...groupsOf(facts.request.origin, head.fields)]
}

/** What a response is known to depend on while it is made. */
export function knownDependencies(facts: ExchangeFacts): Dependency[] {
  const { request, policy, miss: lookup, tracker } = facts
  return [
    keyDependency(lookup.primaryKey),
    ...(lookup.key === lookup.primaryKey ? [] : [keyDependency(lookup.key)]),
    ...ownDependencies(request, policy),
    ...tracker.allDependencies,
  ]
}

/** What a response depends on by its request alone, whatever its handler does. */
export function ownDependencies(request: IncomingRequest, { query, tags }: Policy): Dependency[] {
  // The URL as it was asked for, and what the key has of it.
  const targets = new Set([request.target, keyedTarget(request.target, query)])
  return [
    ...[...targets].flatMap((target) => [
      urlDependency(request.origin, target),
      pathDependency(target),
    ]),
    ...request
      .routes()
      .flatMap(({ pattern, others, params }) =>
        [pattern, ...others].flatMap((each) => routeDependencies(each, params)),
      ),
    ...tags.map(tagDependency),
  ]
}
