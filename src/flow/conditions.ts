import type { StoredResponse } from '../http/stored-response.ts'
import { conditionsOf, validatorsOf } from '../http/validation.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** Header fields that an application sees changed, or, where undefined, not at all. */
export type Overrides = Readonly<Record<string, string | undefined>>

/**
 * A client's conditions are answered from what is made or stored, so the application does not see them; a stale response
 * that it can validate is offered to it instead (RFC 9111 §4.3.1).
 */
export function overridesFor<Native>(
  request: IncomingRequest<Native>,
  stored: StoredResponse | undefined,
): Overrides | undefined {
  if (request.method !== 'GET') return undefined
  const { headers } = request
  const isConditional =
    headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
  const offered = stored?.confirmable
  if (!isConditional && offered === undefined) return undefined
  return {
    'if-none-match': undefined,
    'if-modified-since': undefined,
    // By the application's own validators: an entity tag of ours would hide its Last-Modified (RFC 9110 §13.2.2).
    ...(offered ? conditionsOf(validatorsOf(offered)) : {}),
  }
}
