import type { UncacheableReason } from '../events/reasons.ts'
import { parseCacheControl } from '../http/cache-control.ts'
import { namesCredential } from '../http/credential-name.ts'
import { withoutCookies } from '../http/set-cookie.ts'
import { type HeaderFields, fieldLines, fieldValue, withoutFields } from '../http/header-fields.ts'
import { isOperational } from '../http/operational.ts'
import { type Storability, checkStorability } from '../http/storability.ts'
import { credentialIn } from '../request/bypass.ts'
import { presentAmong } from '../privacy/groups.ts'
import { groupOf, keyedTarget } from '../request/cache-key.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import { isWideShared, namesCookies, variedBy } from './response-fields.ts'
import { headerValue } from '../request/incoming-request.ts'

/** May a response be stored, and what follows from that? */
export type Cacheability = Storability
export type Refusal = Extract<Cacheability, { store: false }>

export function refuse(reason: UncacheableReason, detail?: string): Refusal {
  return detail === undefined ? { store: false, reason } : { store: false, reason, detail }
}

/** Reasons that tell of one request or one moment, not of the key: they do not make it hit-for-miss. */
const transient: ReadonlySet<UncacheableReason> = new Set([
  'authorization',
  'crowded',
  'context',
  'error',
  'incomplete',
  'invalidated',
  'off',
  'partial',
  'query-seen',
  'request-no-store',
  'unobserved',
])

export function isTransient(reason: UncacheableReason, status: number | undefined): boolean {
  // A 304 answers one client's condition, and a failure passes: neither says what the next answer will be.
  return transient.has(reason) || status === 304 || (status !== undefined && status >= 500)
}

/** May the response be stored, as far as its head and what was read so far can tell? */
export function checkHead(facts: ExchangeFacts, given: ResponseHead): Cacheability {
  const head = withoutIgnoredCookies(facts, given)
  const { cache, request, policy, miss: lookup, tracker } = facts
  if (policy.off || cache.isClosed) return refuse('off')
  if (tracker.refusal) return refuse(tracker.refusal.reason, tracker.refusal.detail)
  // What earlier middleware read of it is unknown, and might be anything.
  if (facts.observation && !request.observedFromStart) return refuse('unobserved')
  if (head.method !== request.method) return refuse('method-changed', head.method)
  if (mayBePart(facts)) return refuse('partial', 'Range was read')
  if (wasSeenWhole(facts)) return refuse('query-seen', 'parameters that the key leaves out')
  if (facts.observation?.isBeyondBounds === true) return refuse('vary-any', 'too many headers read')
  const cacheability = checkFields(facts, head, head.fields)
  if (!cacheability.store) return cacheability
  if (isByDefault(facts, cacheability) && isOperational(pathOf(request.target), head.fields)) {
    return refuse('operational', pathOf(request.target))
  }
  const refusal = forbiddenOutside(facts, head)
  if (refusal) return refusal
  for (const group of tracker.groups) {
    if (group !== lookup.group) return refuse('session-read', `a fragment for ${group}`)
  }
  const byVisitor =
    lookup.group === undefined
      ? privateBy(facts, head, cacheability.control.public)
      : movedBy(facts, lookup.group)
  return byVisitor ?? tooLarge(facts, head) ?? cacheability
}

/** What the application has said not to be part of the response keeps nothing from the store. */
function withoutIgnoredCookies({ policy }: ExchangeFacts, head: ResponseHead): ResponseHead {
  const fields = withoutCookies(head.fields, policy.ignoreSetCookie)
  if (head.all === head.fields)
    return fields === head.fields ? head : { ...head, fields, all: fields }
  const all = withoutCookies(head.all, policy.ignoreSetCookie)
  return fields === head.fields && all === head.all ? head : { ...head, fields, all }
}

/** A body that says how long it will be need not come to be known as too large. */
function tooLarge({ cache }: ExchangeFacts, { fields }: ResponseHead): Refusal | undefined {
  const { maxEntrySize } = cache.store
  const isLarger = Number(fieldValue(fields, 'content-length')) > maxEntrySize
  return isLarger ? refuse('too-large', `over ${maxEntrySize} bytes`) : undefined
}

/** Does its lifetime come from the options of the whole cache alone? */
export function isByDefault(
  { policy }: Pick<ExchangeFacts, 'policy'>,
  cacheability: Extract<Cacheability, { store: true }>,
): boolean {
  return cacheability.lifetime.source === 'option' && !policy.namesLifetime
}

export function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? ''
}

/** Has anybody seen parameters that the key leaves out, before they were taken from the request? */
function wasSeenWhole({ request, policy }: ExchangeFacts): boolean {
  const { target, arrivedAt, tracker, observedFromStart } = request
  const isFirst = arrivedAt === undefined && tracker === undefined && observedFromStart
  return policy.query !== undefined && !isFirst && keyedTarget(target, policy.query) !== target
}

/** Not every application says 206 and Content-Range when it answers with a part. */
function mayBePart({ request, observation }: ExchangeFacts): boolean {
  return request.headers['range'] !== undefined && observation?.hasReadRange !== false
}

/**
 * A visitor who logs in or out meanwhile belongs to another audience; so does everybody where session() was asked before
 * the middleware that knows the visitor has run.
 */
function movedBy(facts: ExchangeFacts, group: string): Refusal | undefined {
  const { cache, request, policy, observation, asked } = facts
  const quietly = <Result>(ask: () => Result): Result =>
    observation === undefined ? ask() : observation.quietly(ask)
  const absent = asked?.absent ?? []
  const late = quietly(() => presentAmong(request.native, absent))
  if (policy.session && late.length > 0 && asked?.isOpen === true) {
    cache.groups.cameLate(policy.session, late)
    return refuse('session-early', `${late.join(', ')} came after it was asked for`)
  }
  const now = quietly(() => groupOf(request, policy))
  if (now !== group) return refuse('session-read', 'session() answers otherwise by now')
  return asked?.isOpen === true ? openedBy(facts, absent) : undefined
}

/** What shows who the visitor is, and was looked at only after session() had found nobody: another one may be somebody. */
function openedBy(facts: ExchangeFacts, absent: readonly string[]): Refusal | undefined {
  const { request, observation } = facts
  const names = absent.join(', ')
  if (observation === undefined) return refuse('session-early', `no ${names}, and nothing observed`)
  for (const { reason, detail } of observation.lateReads) {
    const isNobody =
      reason === 'user-read' &&
      observation.quietly(() => presentAmong(request.native, users)).length === 0
    if (!isNobody) return refuse('session-early', `no ${names}, then ${detail} was read`)
  }
  return observation.isWide ? wideBy(facts) : undefined
}

/** Where Express and Koa have the user. */
const users = ['user', 'state.user']

function checkFields(
  { cache, request, policy, miss: lookup, tracker, receivedAt }: ExchangeFacts,
  { status }: ResponseHead,
  fields: HeaderFields,
): Cacheability {
  const { credentials, targetedFields: targets } = cache.settings
  return checkStorability(
    {
      status,
      fields,
      authorized: credentialIn(request, credentials) !== undefined,
      requestNoStore: parseCacheControl(headerValue(request.headers, 'cache-control')).noStore,
      hasGroup: lookup.group !== undefined,
      contextMaxAge: tracker.maxAge,
    },
    policy,
    targets,
    receivedAt,
  )
}

/** What forbids sharing whoever says it. Lifetimes are the application's, so outer layers' words on them do not count. */
const forbidding = new Set<UncacheableReason>([
  'set-cookie',
  'private',
  'no-store',
  'must-understand',
  'vary-any',
  'event-stream',
])

const cookies: ReadonlySet<string> = new Set(['set-cookie'])

/**
 * Do the words of outer layers forbid what the application's own allow? A response may say the same as they do, and none
 * can tell then whose word it is. Their cookies are not part of what is stored: they are set anew on each hit.
 */
function forbiddenOutside(facts: ExchangeFacts, head: ResponseHead): Refusal | undefined {
  if (head.all === head.fields) return undefined
  const cacheability = checkFields(facts, head, withoutFields(head.all, cookies))
  return !cacheability.store && forbidding.has(cacheability.reason) ? cacheability : undefined
}

/**
 * Does the head that really went out, outer layers' late fields included, forbid what the one known before allowed?
 *
 * @param ownControl the Cache-Control that this cache added itself: it speaks to others
 */
export function forbiddenBy(
  facts: ExchangeFacts,
  head: ResponseHead,
  { fields, all }: Pick<ResponseHead, 'fields' | 'all'>,
  ownControl: string | undefined,
): Refusal | undefined {
  const isOurs = ownControl !== undefined && fieldValue(all, 'cache-control') === ownControl
  const spoken = (late: HeaderFields, early: HeaderFields): HeaderFields => [
    ...(isOurs ? withoutFields(late, new Set(['cache-control'])) : late),
    ...hiddenIn(facts, early, all),
  ]
  const cacheability = checkHead(facts, {
    ...head,
    fields: spoken(fields, head.fields),
    all: spoken(all, head.all),
  })
  return !cacheability.store && forbidding.has(cacheability.reason) ? cacheability : undefined
}

/** Targeted fields that spoke to this cache alone, and were taken away before the head went out. */
function hiddenIn({ cache }: ExchangeFacts, early: HeaderFields, late: HeaderFields): string[] {
  return cache.settings.targetedFields
    .filter((name) => fieldValue(late, name) === undefined)
    .flatMap((name) => fieldLines(early, name).flatMap((line) => [name, line]))
}

/** All headers were read: by a request without cookies and credentials it is a variant by all of them, and else this visitor's. */
function wideBy({ cache, request }: ExchangeFacts): Refusal | undefined {
  const { headers } = request
  const { credentials, harmless } = cache.settings
  const personal =
    credentialIn(request, credentials) ??
    Object.keys(headers).find(
      (name) => name === 'cookie' || (namesCredential(name) && !harmless.has(name)),
    )
  return personal === undefined
    ? undefined
    : refuse('headers-read', `all request headers, ${personal} among them`)
}

/** What one visitor's credentials or cookies shaped is not shared, unless the application said so (S-14). */
function privateBy(
  facts: ExchangeFacts,
  head: ResponseHead,
  isPublic: boolean,
): Refusal | undefined {
  const { cache, request, policy, observation } = facts
  const isShared = isPublic || isWideShared(head)
  for (const { reason, detail } of observation?.privateReads ?? []) {
    const isExcused =
      (reason === 'cookie-read' && namesCookies(policy)) ||
      (reason === 'credentials-read' && isPublic) ||
      (reason === 'headers-read' && isShared)
    if (!isExcused) return refuse(reason, detail)
  }
  for (const name of isPublic ? [] : (observation?.inputs ?? [])) {
    if (!namesCredential(name) || cache.settings.harmless.has(name) || policy.vary.includes(name))
      continue
    if (cache.read(request, name) !== undefined) return refuse('credentials-read', name)
  }
  const refusal = observation?.isWide === true && !isShared ? wideBy(facts) : undefined
  if (refusal) return refusal
  for (const name of [...variedBy(facts, head), ...policy.vary]) {
    if (request.headers[name] === undefined) continue
    if (name === 'cookie') return refuse('cookie-read', 'Vary: Cookie')
    if (cache.settings.credentials.has(name)) return refuse('credentials-read', `Vary: ${name}`)
  }
  return undefined
}
