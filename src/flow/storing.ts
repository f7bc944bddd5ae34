import type { RefuseReason } from '../reasons.ts'
import { parseCacheControl } from '../http/cache-control.ts'
import { initialAge, softened, timelineOf } from '../http/freshness.ts'
import { endToEnd, fieldLines, fieldValue, withoutFields } from '../http/header-fields.ts'
import { formatHttpDate } from '../http/http-date.ts'
import { acceptsCoding } from '../http/normalisation.ts'
import { type Storability, judgeStorability } from '../http/storability.ts'
import type { BodyForm, StoredResponse } from '../http/stored-response.ts'
import { freshenFields, generateEtag, mayFreshen, validatorsOf } from '../http/validation.ts'
import { credentialIn } from './bypass.ts'
import { audienceOf } from './cache-key.ts'
import { closureOf } from './closure.ts'
import type { ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import { completed, inputsOf, tagsOf, varyNames } from './head-fields.ts'
import { headerValue } from './incoming-request.ts'
import { secretIn } from './page-secret.ts'

export type Verdict = Storability
type Refusal = Extract<Verdict, { store: false }>
type Made = { readonly store: true; readonly response: StoredResponse } | Refusal

function refuse(reason: RefuseReason, detail?: string): Refusal {
  return detail === undefined ? { store: false, reason } : { store: false, reason, detail }
}

/** Reasons that tell of one request or one moment, not of the key: they do not make it hit-for-miss. */
const transient: ReadonlySet<RefuseReason> = new Set([
  'authorization',
  'fault',
  'incomplete',
  'invalidated',
  'off',
  'partial',
  'request-no-store',
  'unobserved',
])

export function isTransient(reason: RefuseReason, status: number | undefined): boolean {
  // A 304 answers one client's condition, and a failure passes: neither says what the next answer will be.
  return transient.has(reason) || status === 304 || (status !== undefined && status >= 500)
}

/** May the response be stored, as far as its head and what was read so far can tell? */
export function judgeHead<Native>(facts: ExchangeFacts<Native>, head: ResponseHead): Verdict {
  const { cache, request, policy, lookup, recording } = facts
  if (policy.off || cache.isClosed) return refuse('off')
  if (recording.refusal) return refuse(recording.refusal.reason, recording.refusal.detail)
  // What earlier middleware read of it is unknown, and might be anything.
  if (facts.observation && !request.observedFromStart) return refuse('unobserved')
  if (head.method !== request.method) return refuse('method-changed', head.method)
  if (mayBePart(facts)) return refuse('partial', 'Range was read')
  const verdict = judgeStorability(
    {
      status: head.status,
      fields: head.fields,
      authorized: credentialIn(request, cache.settings.credentials) !== undefined,
      requestNoStore: parseCacheControl(headerValue(request.headers, 'cache-control')).noStore,
      audienceNamed: lookup.audience !== undefined,
      draftMaxAge: recording.maxAge,
    },
    policy,
    cache.settings.targets,
    facts.receivedAt,
  )
  if (!verdict.store) return verdict
  for (const audience of recording.audiences) {
    if (audience !== lookup.audience) return refuse('session-read', `a fragment for ${audience}`)
  }
  if (lookup.audience !== undefined) return movedBy(facts, lookup.audience) ?? verdict
  return privateBy(facts, head, verdict.control.public) ?? verdict
}

/** Not every application says 206 and Content-Range when it answers with a part. */
function mayBePart<Native>({ request, observation }: ExchangeFacts<Native>): boolean {
  return request.headers['range'] !== undefined && observation?.hasReadRange !== false
}

/**
 * A visitor who logs in or out meanwhile belongs to another audience; so does everybody where session() was asked before
 * the middleware that knows the visitor has run.
 */
function movedBy<Native>(facts: ExchangeFacts<Native>, audience: string): Refusal | undefined {
  const { request, policy, observation } = facts
  const ask = (): string | null | undefined => audienceOf(request, policy)
  const now = observation === undefined ? ask() : observation.quietly(ask)
  return now === audience ? undefined : refuse('session-read', 'session() answers otherwise by now')
}

/** What forbids sharing whoever says it. Lifetimes are the application's, so outer layers' words on them do not count. */
const forbidding = new Set<RefuseReason>(['set-cookie', 'private', 'no-store', 'vary-any'])

/**
 * Does the head that really went out, outer layers' fields included, forbid what the application's own allowed?
 *
 * @param ownControl the Cache-Control that this cache added itself: it speaks to others
 */
export function forbiddenBy<Native>(
  facts: ExchangeFacts<Native>,
  head: ResponseHead,
  finalFields: readonly string[],
  ownControl: string | undefined,
): Refusal | undefined {
  const isOurs = ownControl !== undefined && fieldValue(finalFields, 'cache-control') === ownControl
  const fields = isOurs ? withoutFields(finalFields, new Set(['cache-control'])) : finalFields
  const verdict = judgeHead(facts, { ...head, fields })
  return !verdict.store && forbidding.has(verdict.reason) ? verdict : undefined
}

/** What one visitor's credentials or cookies shaped is not shared, unless the application said so (INV8). */
function privateBy<Native>(
  facts: ExchangeFacts<Native>,
  head: ResponseHead,
  isPublic: boolean,
): Refusal | undefined {
  const { cache, request, policy, observation } = facts
  const namesCookies = policy.vary.some((name) => name.startsWith('cookie:'))
  for (const { reason, detail } of observation?.privateReads ?? []) {
    const isExcused =
      (reason === 'cookie-read' && namesCookies) || (reason === 'credentials-read' && isPublic)
    if (!isExcused) return refuse(reason, detail)
  }
  for (const name of [...varyNames(head.fields), ...policy.vary]) {
    if (request.headers[name] === undefined) continue
    if (name === 'cookie') return refuse('cookie-read', 'Vary: Cookie')
    if (cache.settings.credentials.has(name)) return refuse('credentials-read', `Vary: ${name}`)
  }
  return undefined
}

/** The stored response of an exchange whose body is complete. */
export function madeFrom<Native>(
  facts: ExchangeFacts<Native>,
  head: ResponseHead,
  body: Buffer,
  form: BodyForm,
  isFinal: boolean,
): Made {
  const declared = fieldValue(head.fields, 'content-length')
  if (declared !== undefined && declared !== String(body.byteLength)) {
    return refuse('incomplete', `${body.byteLength} of ${declared} bytes`)
  }
  const verdict = judgeHead(facts, head)
  if (!verdict.store) return verdict
  const secret = facts.policy.guard ? secretIn(head.fields, body) : undefined
  if (secret) return refuse(secret.reason, secret.detail)
  return stored(facts, head, verdict, { body, form, isFinal }, undefined)
}

/** The stored response with the fields of a 304 that confirmed it (RFC 9111 §3.2, §4.3.4). */
export function freshened<Native>(
  facts: ExchangeFacts<Native>,
  head: ResponseHead,
  old: StoredResponse,
): Made {
  if (!mayFreshen(old.validators, validatorsOf(head.fields))) return refuse('no-validator')
  // The age of the stored response ends here; that of the confirmation counts.
  const confirmed = withoutFields(old.confirmable ?? old.fields, new Set(['date']))
  const fields = freshenFields(confirmed, head.fields)
  // A handler that confirms stops before it has named everything that the page was made from.
  for (const tag of old.tags) facts.recording.tags.add(tag)
  const renewed = { ...head, status: old.status, statusMessage: old.statusMessage, fields }
  const verdict = judgeHead(facts, renewed)
  if (!verdict.store) return verdict
  const { body, form } = old
  // A tag of our own is made again: it is one of the same bytes.
  const isFinal = fieldValue(old.fields, 'etag') !== undefined
  return stored(facts, renewed, verdict, { body, form, isFinal }, old)
}

interface MadeBody {
  readonly body: Buffer
  readonly form: BodyForm
  /** Nobody outside of the cache can change it, so that a tag of its bytes is the tag of what clients get. */
  readonly isFinal: boolean
}

function stored<Native>(
  facts: ExchangeFacts<Native>,
  head: ResponseHead,
  verdict: Extract<Verdict, { store: true }>,
  { body, form, isFinal }: MadeBody,
  old: StoredResponse | undefined,
): Made {
  const { cache, request, policy, lookup, recording, receivedAt } = facts
  const { sequence, store, settings } = cache
  // A handler that confirms may stop before it has read everything that the page was made from.
  const inputs = [...new Set([...inputsOf(facts, head), ...(old?.inputs ?? [])])].toSorted()
  const coding = fieldValue(head.fields, 'content-encoding')
  if (
    inputs.includes('accept-encoding') &&
    !acceptsCoding(headerValue(request.headers, 'accept-encoding'), coding)
  ) {
    return refuse('encoding', coding ?? 'identity')
  }
  const key = store.keyOf(lookup.primaryKey, inputs, (name) => cache.read(request, name))
  const closure = [...new Set([...closureOf(facts, head), ...(old?.closure ?? [])])]
  const { stamp } = recording
  const felledBy = sequence.felledBy(stamp, closure)
  if (felledBy !== undefined) return refuse('invalidated', felledBy)
  const standing = store.response(key)
  // The most recent response is the one to use, not the one whose body took longest (RFC 9111 §4).
  if (standing && (standing.stamp > stamp || standing.timeline.cachedAt > receivedAt)) {
    return refuse('invalidated', 'a newer response is stored')
  }

  const age = initialAge(head.fields, facts.requestedAt, receivedAt)
  const windows = windowsOf(verdict, policy)
  // Nothing outlives what it encloses.
  const lifetime = Math.min(verdict.lifetime.milliseconds, recording.freshUntil - receivedAt + age)
  const timeline = timelineOf(lifetime, age, receivedAt, windows)
  const own = validatorsOf(head.fields)
  const isConfirmable = own.etag !== undefined || own.lastModified !== undefined
  const isUsable =
    Math.max(timeline.staleAt, timeline.revalidateUntil, timeline.errorUntil) > receivedAt
  if (!isUsable && !isConfirmable) return refuse('stale-on-arrival', verdict.lifetime.source)

  const isSoft = sequence.isSoftened(stamp, closure)
  const fields = restingFields(facts, head, verdict, isFinal ? body : undefined)
  return {
    store: true,
    response: {
      kind: 'response',
      primaryKey: lookup.primaryKey,
      key,
      status: head.status,
      statusMessage: head.statusMessage,
      removed: head.removed,
      fields,
      body,
      form,
      validators: validatorsOf(fields),
      confirmable: isConfirmable ? withoutFields(endToEnd(head.fields), madeAnew) : undefined,
      timeline: isSoft ? softened(timeline, settings.clock()) : timeline,
      mayServeStale: verdict.mayServeStale,
      noCache: verdict.noCache,
      servesAuthorized: verdict.servesAuthorized,
      audience: lookup.audience,
      stamp,
      closure,
      tags: [...tagsOf(facts)],
      route: request.route()?.pattern ?? old?.route,
      inputs,
    },
  }
}

/** The windows of the response (RFC 5861), else those of the options; none where stale is forbidden. */
function windowsOf<Native>(
  verdict: Extract<Verdict, { store: true }>,
  policy: ExchangeFacts<Native>['policy'],
): { staleWhileRevalidate: number; staleIfError: number } {
  if (!verdict.mayServeStale) return { staleWhileRevalidate: 0, staleIfError: 0 }
  const { staleWhileRevalidate: refresh, staleIfError: error } = verdict.control
  return {
    staleWhileRevalidate: refresh === undefined ? policy.staleWhileRevalidate : refresh * 1000,
    staleIfError: error === undefined ? policy.staleIfError : error * 1000,
  }
}

const madeAnew = new Set(['age', 'content-length', 'set-cookie'])

/** The fields as they rest: end-to-end only, completed, with Date and an entity tag. */
function restingFields<Native>(
  facts: ExchangeFacts<Native>,
  head: ResponseHead,
  verdict: Extract<Verdict, { store: true }>,
  tagged: Buffer | undefined,
): string[] {
  const { set, remove } = completed(facts, head, verdict)
  const dropped = new Set([...madeAnew, ...remove, ...set.map(([name]) => name.toLowerCase())])
  const fields = withoutFields(endToEnd(head.fields), dropped)
  for (const [name, value] of set) fields.push(name, value)
  if (fieldLines(fields, 'date').length === 0) fields.push('Date', formatHttpDate(facts.receivedAt))
  if (tagged && head.status === 200 && fieldValue(fields, 'etag') === undefined) {
    fields.push('ETag', generateEtag(tagged))
  }
  return fields
}
