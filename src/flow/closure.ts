import {
  type Dependency,
  keyDependency,
  pathDependency,
  routeDependencies,
  tagDependency,
  urlDependency,
} from '../graph/dependency.ts'
import { keyedTarget } from './cache-key.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import { groupsOf } from './unsafe-method.ts'

/** Everything whose invalidation fells this response. */
export function closureOf<Native>(facts: ExchangeFacts<Native>, head: ResponseHead): Dependency[] {
  return [...knownClosure(facts), ...groupsOf(facts.request.origin, head.fields)]
}

/** What a response is known to depend on while it is made. */
export function knownClosure<Native>(facts: ExchangeFacts<Native>): Dependency[] {
  const { request, policy, lookup, recording } = facts
  // The URL as it was asked for, and what the key has of it.
  const targets = new Set([request.target, keyedTarget(request.target, policy.query)])
  return [
    keyDependency(lookup.primaryKey),
    ...[...targets].flatMap((target) => [
      urlDependency(request.origin, target),
      pathDependency(target),
    ]),
    ...request
      .routes()
      .flatMap(({ pattern, others, params }) =>
        [pattern, ...others].flatMap((each) => routeDependencies(each, params)),
      ),
    ...policy.tags.map(tagDependency),
    ...recording.closure,
  ]
}
