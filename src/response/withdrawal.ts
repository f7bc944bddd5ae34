import type { UncacheableReason } from '../events/reasons.ts'
import { type Dependency, keyDependency } from '../invalidation/dependency.ts'
import type { HeaderFields } from '../http/header-fields.ts'
import { checkStorability } from '../http/storability.ts'
import { type StoredResponse, differs } from '../http/stored-response.ts'
import { credentialIn } from '../request/bypass.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import { variedBy } from './response-fields.ts'
import type { InFlightRender } from './collapsing.ts'
import type { Refusal, Cacheability } from './cacheability.ts'

/** Reasons that tell of one request, of this cache or of a failure: the answer itself may have been like the stored one. */
const silent: ReadonlySet<UncacheableReason> = new Set([
  'authorization',
  'encoding',
  'error',
  'incomplete',
  'invalidated',
  'method-changed',
  'off',
  'partial',
  'request-no-store',
  'unobserved',
])

/** Statuses that answer the way in which one client asked, or ask it to come back later: none of them speaks of the page. */
const aboutTheRequest = new Set([
  304, 408, 411, 412, 413, 414, 416, 417, 421, 425, 426, 428, 429, 431,
])
/** Statuses that refuse credentials, which a request without them does not have. */
const aboutCredentials = new Set([401, 403, 407])
/** An application that answers GET alone says so: nothing of the page. */
const aboutHead = new Set([405])

/** What a 304 may say without taking back what it confirms. */
const confirming: ReadonlySet<UncacheableReason> = new Set([
  'no-lifetime',
  'no-validator',
  'set-cookie',
  'stale-on-arrival',
  'status',
])

/**
 * The dependency whose invalidation removes what an answer was to replace, where it may not be stored itself: the application's
 * word counts, and not only where it can be kept (HTTP.md M-52). Only an answer to a request for which the stored response
 * would have been used speaks of it.
 *
 * @param cacheability `store: true` for a HEAD, which is never stored and speaks of the representation all the same
 * @param own the making of the same exchange
 * @returns undefined where nothing is to be removed
 */
export function withdrawnBy(
  facts: ExchangeFacts & { readonly isRefresh: boolean },
  head: ResponseHead,
  cacheability: Cacheability,
  own: InFlightRender | undefined,
): Dependency | undefined {
  const { cache, miss: lookup } = facts
  if (cache.isClosed || (facts.isRefresh && lookup.audited)) return undefined
  const existing = cache.store.response(lookup.key)
  if (existing === undefined) {
    // A making that is under way read before this answer was given, and may store what was taken down.
    const isTakenDown = head.status >= 300 && lookup.bypass === undefined
    if (!isTakenDown || !cache.collapsing.isRenderedBeside(lookup.key, own)) return undefined
  } else if (!isMeant(facts, existing, head.status) || isOlder(facts, existing)) return undefined
  if (!speaksAgainst(facts, head, cacheability, existing)) return undefined
  return keyDependency(isForAll(facts, head) ? lookup.primaryKey : lookup.key)
}

/** Does a 304 that may not freshen what it confirms take it back? */
export function takesBack({ reason }: Refusal): boolean {
  return !silent.has(reason) && !confirming.has(reason)
}

/** Would the request have got the stored response, had it been fresh? What was made with credentials may be refused, or led to a login, without. */
function isMeant(
  { miss: lookup }: ExchangeFacts,
  existing: StoredResponse,
  status: number,
): boolean {
  if (lookup.bypass === undefined) return !existing.wasAuthorized || status < 300
  return (
    lookup.bypass === 'credentials' && existing.servesAuthorized && !aboutCredentials.has(status)
  )
}

/** The most recent answer counts, not the one that took longest. */
function isOlder(
  { miss: lookup, tracker, receivedAt }: ExchangeFacts,
  existing: StoredResponse,
): boolean {
  return (
    existing !== lookup.stored &&
    (existing.startSequence > tracker.startSequence || existing.timeline.cachedAt > receivedAt)
  )
}

function speaksAgainst(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Cacheability,
  existing: StoredResponse | undefined,
): boolean {
  const { status, fields } = head
  if (status >= 500 || status < 200 || aboutTheRequest.has(status)) return false
  if (facts.request.method === 'HEAD') {
    if (aboutHead.has(status)) return false
    if (existing && status !== existing.status) return true
    if (existing && status === 200 && differs(existing, fields)) return true
  }
  if (cacheability.store) return false
  if (cacheability.reason === 'draft' && facts.tracker.refusal?.isFailure === true) return false
  // The route itself is kept out of the cache by now.
  if (facts.policy.off) return true
  if (cacheability.reason === 'method-changed') return false
  return !silent.has(cacheability.reason) || forbids(facts, status, fields)
}

/** Do status and fields keep the answer out, whoever asks and however? */
function forbids(
  { cache, policy, miss: lookup, tracker, receivedAt }: ExchangeFacts,
  status: number,
  fields: HeaderFields,
): boolean {
  const answer = {
    status,
    fields,
    authorized: false,
    requestNoStore: false,
    hasGroup: lookup.group !== undefined,
    contextMaxAge: tracker.maxAge,
  }
  const word = checkStorability(answer, policy, cache.settings.targetedFields, receivedAt)
  return !word.store && !silent.has(word.reason)
}

/** Was nothing read of the request that tells one variant from another? Then the answer is that of all of them. */
function isForAll(facts: ExchangeFacts, head: ResponseHead): boolean {
  const { cache, request, observation, policy, tracker } = facts
  return (
    observation !== undefined &&
    request.observedFromStart &&
    observation.privateRead === undefined &&
    observation.inputs.size === 0 &&
    tracker.inputs.size === 0 &&
    tracker.groups.size === 0 &&
    policy.vary.length === 0 &&
    variedBy(facts, head).length === 0 &&
    credentialIn(request, cache.settings.credentials) === undefined
  )
}
