import type { StoredResponse } from '../http/stored-response.ts'
import {
  type Validators,
  conditionsOf,
  isNotModified,
  validatorsOf,
  weakMatch,
} from '../http/validation.ts'
import { type IncomingRequest, headerValue } from './incoming-request.ts'

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

/**
 * What an entity tag of a version belongs to, so that two responses of one record never share a tag: the build, the
 * variant, the language, and, where one visitor's credentials shape the response, these.
 */
export function versionScopeOf<Native>(
  request: IncomingRequest<Native>,
  build: string,
  key: string,
  isPrivate: boolean,
): string {
  const { headers } = request
  const visitor = isPrivate
    ? [headerValue(headers, 'cookie'), headerValue(headers, 'authorization')]
    : null
  return JSON.stringify([build, key, headerValue(headers, 'accept-language'), visitor])
}

/** Who has what the application would make from a version: the store, the client, or nobody. */
export function holderOf<Native>(
  version: Validators,
  request: IncomingRequest<Native>,
  stored: StoredResponse | undefined,
): 'store' | 'client' | undefined {
  const etag = stored?.validators.etag
  if (etag !== undefined && version.etag !== undefined && weakMatch(etag, version.etag)) {
    return 'store'
  }
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  return isRead && isNotModified(request.headers, version) ? 'client' : undefined
}
