import type { ExchangeFacts } from './exchange-facts.ts'
import { FragmentAudit } from './fragment-audit.ts'
import { RequestVisitor } from './fragment-visitor.ts'
import { type Scope, currentScope, within } from '../fragments/scope.ts'

/** The scope of the response itself. */
function scopeOf(facts: ExchangeFacts): Scope {
  const { cache, tracker, miss: lookup } = facts
  const visitor = new RequestVisitor(facts)
  const fragments =
    lookup.audited || cache.settings.verify
      ? new FragmentAudit(cache, cache.fragments)
      : cache.fragments
  return { fragments, tracker, root: tracker, visitor, fragment: undefined }
}

/** Runs the application: what it makes, and all fragments inside, belong to this exchange. */
export function withinExchange<Result>(facts: ExchangeFacts, run: () => Result): Result {
  const { observation, tracker, request } = facts
  if (observation) observation.served = { owner: request.native, tracker }
  return within(scopeOf(facts), run)
}

/** The scope of a call that names its response itself: where that is made now, or the response as a whole. */
export function boundScope(facts: ExchangeFacts): Scope {
  const current = currentScope()
  return { ...(current?.root === facts.tracker ? current : scopeOf(facts)), isBound: true }
}
