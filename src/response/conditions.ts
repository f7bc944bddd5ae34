import { parseCacheControl } from '../http/cache-control.ts'
import { conditionsOf, isNotModified, validatorsOf } from '../http/validation.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import { headerValue } from '../request/incoming-request.ts'
import type { Cacheability } from './cacheability.ts'

/** Header fields that an application sees changed, or, where undefined, not at all. */
export type Overrides = Readonly<Record<string, string | undefined>>

/**
 * A client's conditions are answered from what is made or stored, so the application does not see them; a stale response
 * that it can validate is offered to it instead (RFC 9111 §4.3.1). What was too large to be stored lately would be made as
 * a whole for nobody: there the application judges them itself.
 */
export function overridesFor(facts: ExchangeFacts): Overrides | undefined {
  const { miss: lookup, request } = facts
  if (request.method !== 'GET') return undefined
  const { headers } = request
  const isConditional =
    headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
  const offered = lookup.stored?.confirmable
  if (!isConditional && offered === undefined) return undefined
  if (lookup.passed === 'too-large' && offered === undefined) return undefined
  return {
    'if-none-match': undefined,
    'if-modified-since': undefined,
    // By the application's own validators: an entity tag of ours would hide its Last-Modified (RFC 9110 §13.2.2).
    ...(offered ? conditionsOf(validatorsOf(offered)) : {}),
  }
}

/** Is a client whose conditions the application did not see to get a 304 in place of this response? */
export function isAnsweredByCondition(
  facts: ExchangeFacts,
  { status, fields }: ResponseHead,
  cacheability: Cacheability,
): boolean {
  if (status !== 200 || overridesFor(facts) === undefined) return false
  // Who asks for no cached response gets the whole one of frameworks; to take it from him nothing is gained but a store.
  const { noCache } = parseCacheControl(headerValue(facts.request.headers, 'cache-control'))
  if (noCache && !cacheability.store) return false
  return isNotModified(facts.request.headers, validatorsOf(fields))
}
