import type { ExchangeFacts } from './exchange-facts.ts'
import { FragmentAudit } from './fragment-audit.ts'
import { type Scope, type Visitor, within } from './scope.ts'

/** The scope of the response itself. */
export function scopeOf<Native>(facts: ExchangeFacts<Native>): Scope {
  const { cache, request, recording, observation, lookup } = facts
  const visitor: Visitor = {
    read: (name) => cache.read(request, name),
    origin: request.origin,
    page: lookup.primaryKey,
    isObserved: observation !== undefined,
  }
  const fragments =
    lookup.audited || cache.settings.verify
      ? new FragmentAudit(cache, cache.fragments)
      : cache.fragments
  return { fragments, recording, root: recording, visitor, fragment: undefined }
}

/** Runs the application: what it makes, and all fragments inside, belong to this exchange. */
export function withinExchange<Native, Result>(
  facts: ExchangeFacts<Native>,
  run: () => Result,
): Result {
  return within(scopeOf(facts), run)
}
