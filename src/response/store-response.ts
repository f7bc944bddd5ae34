import { keyDependency } from '../invalidation/dependency.ts'
import { parseCacheControl } from '../http/cache-control.ts'
import { initialAge, softened, timelineOf } from '../http/freshness.ts'
import { endToEnd, fieldLines, fieldValue, overlaid, withoutFields } from '../http/header-fields.ts'
import { formatHttpDate } from '../http/http-date.ts'
import { acceptsCoding } from '../http/normalisation.ts'
import { mayBeOperational } from '../http/operational.ts'
import type { BodyForm, StoredResponse } from '../http/stored-response.ts'
import { freshenFields, generateEtag, mayFreshen, validatorsOf } from '../http/validation.ts'
import { dependenciesOf } from './dependencies.ts'
import { credentialIn } from '../request/bypass.ts'
import type { BodySource, ExchangeFacts, ResponseHead } from './exchange-facts.ts'
import { completed, inputsOf, tagsOf } from './response-fields.ts'
import { headerValue } from '../request/incoming-request.ts'
import { MAX_INPUTS } from '../request/read-tracker.ts'
import { secretIn } from '../privacy/page-secret.ts'
import { cookieShownIn, shownIn } from '../privacy/unkeyed.ts'
import {
  type Refusal,
  type Cacheability,
  isByDefault,
  checkHead,
  pathOf,
  refuse,
} from './cacheability.ts'

export type RenderedResponse = { readonly store: true; readonly response: StoredResponse } | Refusal

/** The stored response of an exchange whose body is complete. */
export function buildStoredResponse(
  facts: ExchangeFacts,
  head: ResponseHead,
  body: Buffer,
  form: BodyForm,
  isFinal: boolean,
  isSearched: boolean,
): RenderedResponse {
  const declared = fieldValue(head.fields, 'content-length')
  if (declared !== undefined && declared !== String(body.byteLength)) {
    return refuse('incomplete', `${body.byteLength} of ${declared} bytes`)
  }
  const cacheability = checkHead(facts, head)
  if (!cacheability.store) return cacheability
  const refusal = isSearched ? undefined : checkBody(facts, head, body)
  if (refusal) return refusal
  if (isByDefault(facts, cacheability) && mayBeOperational(pathOf(facts.request.target))) {
    facts.cache.doubt(facts.request)
  }
  return stored(facts, head, cacheability, { body, form, isFinal }, undefined)
}

/** May the response be stored, as far as is known before its first byte goes out: by its head, and by a body that is whole by then? */
export function checkStorable(
  facts: ExchangeFacts,
  head: ResponseHead,
  source: BodySource | undefined,
): { readonly verdict: Cacheability; readonly isSearched: boolean } {
  const cacheability = checkHead(facts, head)
  if (!cacheability.store || facts.request.method === 'HEAD')
    return { verdict: cacheability, isSearched: false }
  if (isNeverUsed(facts, head, cacheability)) {
    return { verdict: refuse('no-validator', 'conditions are not answered'), isSearched: false }
  }
  const size = source?.size()
  if (source === undefined || size === undefined)
    return { verdict: cacheability, isSearched: false }
  const { maxEntrySize } = facts.cache.store
  const refusal =
    size > maxEntrySize
      ? refuse('too-large', `over ${maxEntrySize} bytes`)
      : checkBody(facts, head, source.bytes())
  return { verdict: refusal ?? cacheability, isSearched: true }
}

/**
 * Must the response be confirmed on each use, by an application that has just shown that it confirms none? It was offered the
 * conditions of the stored response, and made the same one again. Servers of files in Koa do so where nothing answers conditions.
 */
function isNeverUsed(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Extract<Cacheability, { store: true }>,
): boolean {
  const { miss: lookup, policy, request } = facts
  const offered = lookup.stored?.confirmable
  const isKnown = lookup.passed === 'no-validator'
  if (!isKnown && (offered === undefined || head.status !== 200)) return false
  // Frameworks answer no conditions of those who ask for no cached response.
  const { noCache } = parseCacheControl(headerValue(request.headers, 'cache-control'))
  if (noCache) return false
  const { staleWhileRevalidate, staleIfError } = windowsOf(cacheability, policy)
  const lasts =
    cacheability.lifetime.milliseconds > 0 || staleWhileRevalidate > 0 || staleIfError > 0
  if (lasts && !cacheability.noCache) return false
  if (offered === undefined) return isKnown
  const [before, now] = [validatorsOf(offered), validatorsOf(head.fields)]
  return before.etag === now.etag && before.lastModified === now.lastModified
}

/** Does the body itself forbid storing, by what belongs to one visitor, or by what one client has sent? */
function checkBody(facts: ExchangeFacts, head: ResponseHead, body: Buffer): Refusal | undefined {
  const secret = facts.policy.detectSecrets ? secretIn(head.all, body) : undefined
  if (secret) return refuse(secret.reason, secret.detail)
  const shown = shownIn(facts.request, unkeyedIn(facts), head.all, body)
  if (shown !== undefined) return refuse('request-shown', shown)
  const cookie = cookieShownIn(facts.policy.ignoreSetCookie, head.all, body)
  return cookie === undefined ? undefined : refuse('set-cookie', `${cookie}, which the page shows`)
}

/** What was read, and is not in the key or stands there for its class alone. */
function unkeyedIn({ observation }: ExchangeFacts): Iterable<string> {
  if (observation === undefined) return []
  const { unkeyed, inputs, isWide } = observation
  return isWide || inputs.has('user-agent') ? [...unkeyed, 'user-agent'] : unkeyed
}

/** The stored response with the fields of a 304 that confirmed it (RFC 9111 §3.2, §4.3.4). */
export function freshened(
  facts: ExchangeFacts,
  head: ResponseHead,
  old: StoredResponse,
): RenderedResponse {
  if (!mayFreshen(old.validators, validatorsOf(head.fields))) return refuse('no-validator')
  // The age of the stored response ends here; that of the confirmation counts.
  const confirmed = withoutFields(old.confirmable ?? old.fields, new Set(['date']))
  const fields = freshenFields(confirmed, head.fields)
  // A handler that confirms stops before it has named everything that the page was made from.
  for (const tag of old.tags) facts.tracker.tags.add(tag)
  const { status, statusMessage } = old
  const all = overlaid(head.all, fields)
  const added = [
    ...head.added,
    ...old.added.filter((name) => fieldValue(head.fields, name) === undefined),
  ]
  const renewed = { ...head, status, statusMessage, fields, all, added }
  const cacheability = checkHead(facts, renewed)
  if (!cacheability.store) return cacheability
  const { body, form } = old
  // A tag of our own is made again: it is one of the same bytes.
  const isFinal = fieldValue(old.fields, 'etag') !== undefined
  return stored(facts, renewed, cacheability, { body, form, isFinal }, old)
}

interface RenderedBody {
  readonly body: Buffer
  readonly form: BodyForm
  /** Nobody outside of the cache can change it, so that a tag of its bytes is the tag of what clients get. */
  readonly isFinal: boolean
}

function stored(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Extract<Cacheability, { store: true }>,
  { body, form, isFinal }: RenderedBody,
  old: StoredResponse | undefined,
): RenderedResponse {
  const { cache, request, policy, miss: lookup, tracker, receivedAt } = facts
  const { sequence, store, settings } = cache
  // A handler that confirms may stop before it has read everything that the page was made from.
  const inputs = [...new Set([...inputsOf(facts, head), ...(old?.inputs ?? [])])].toSorted()
  // Names that other requests read of the same key add up.
  if (inputs.length > MAX_INPUTS) return refuse('vary-any', `${inputs.length} headers and cookies`)
  const coding = fieldValue(head.fields, 'content-encoding')
  if (
    inputs.includes('accept-encoding') &&
    !acceptsCoding(headerValue(request.headers, 'accept-encoding'), coding)
  ) {
    return refuse('encoding', coding ?? 'identity')
  }
  const key = store.keyOf(lookup.primaryKey, inputs, (name) => cache.read(request, name))
  // By its own key a variant can be removed without the others.
  const own = key === lookup.primaryKey ? [] : [keyDependency(key)]
  const dependencies = [
    ...new Set([...dependenciesOf(facts, head), ...own, ...(old?.dependencies ?? [])]),
  ]
  const { startSequence } = tracker
  const felledBy = sequence.invalidatedBy(startSequence, dependencies)
  if (felledBy !== undefined) return refuse('invalidated', felledBy)
  const existing = store.response(key)
  // The most recent response is the one to use, not the one whose body took longest (RFC 9111 §4). What stood there when this
  // one began is older, whatever the clock of the instance that made it says.
  const isNewer =
    existing !== undefined &&
    existing !== lookup.stored &&
    (existing.startSequence > startSequence || existing.timeline.cachedAt > receivedAt)
  if (isNewer) {
    return refuse('invalidated', 'a newer response is stored')
  }

  const age = initialAge(head.fields, facts.requestedAt, receivedAt)
  const windows = windowsOf(cacheability, policy)
  // Nothing outlives what it encloses.
  const lifetime = Math.min(
    cacheability.lifetime.milliseconds,
    tracker.freshUntil - receivedAt + age,
  )
  const timeline = timelineOf(lifetime, age, receivedAt, windows)
  const given = validatorsOf(head.fields)
  const isConfirmable = given.etag !== undefined || given.lastModified !== undefined
  const isUsable =
    Math.max(timeline.staleAt, timeline.revalidateUntil, timeline.errorUntil) > receivedAt
  if (!isUsable && !isConfirmable) return refuse('stale-on-arrival', cacheability.lifetime.source)

  cache.urls.remember(request, policy, dependencies)
  const softenedAt = sequence.softInvalidationAt(startSequence, dependencies, key)
  const fields = storedFields(facts, head, cacheability, isFinal ? body : undefined)
  return {
    store: true,
    response: {
      kind: 'response',
      primaryKey: lookup.primaryKey,
      key,
      status: head.status,
      statusMessage: head.statusMessage,
      isControlOurs:
        fieldValue(fields, 'cache-control') !== undefined &&
        fieldValue(head.all, 'cache-control') === undefined,
      added: head.added,
      removed: head.removed,
      fields,
      body,
      form,
      validators: validatorsOf(fields),
      confirmable: isConfirmable ? withoutFields(endToEnd(head.fields), isRefreshed) : undefined,
      timeline: softened(timeline, Math.max(settings.clock(), softenedAt)),
      mayServeStale: cacheability.mayServeStale,
      noCache: cacheability.noCache,
      servesAuthorized: cacheability.servesAuthorized,
      wasAuthorized:
        old?.wasAuthorized === true || credentialIn(request, settings.credentials) !== undefined,
      group: lookup.group,
      startSequence,
      startedAt: startSequence,
      verifiedAt: tracker.verifiedAt,
      dependencies,
      tags: [...tagsOf(facts)],
      route: request.route()?.pattern ?? old?.route,
      inputs,
    },
  }
}

/** The windows of the response (RFC 5861), else those of the options; none where stale is forbidden. */
function windowsOf(
  cacheability: Extract<Cacheability, { store: true }>,
  policy: ExchangeFacts['policy'],
): { staleWhileRevalidate: number; staleIfError: number } {
  if (!cacheability.mayServeStale) return { staleWhileRevalidate: 0, staleIfError: 0 }
  const { staleWhileRevalidate: refresh, staleIfError: error } = cacheability.control
  return {
    staleWhileRevalidate: refresh === undefined ? policy.staleWhileRevalidate : refresh * 1000,
    staleIfError: error === undefined ? policy.staleIfError : error * 1000,
  }
}

const isRefreshed = new Set(['age', 'content-length', 'set-cookie'])

/** The fields as they rest: end-to-end only, completed, with Date and an entity tag. */
function storedFields(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Extract<Cacheability, { store: true }>,
  tagged: Buffer | undefined,
): string[] {
  const { set, remove } = completed(facts, head, cacheability)
  const dropped = new Set([...isRefreshed, ...remove, ...set.map(([name]) => name.toLowerCase())])
  const fields = withoutFields(endToEnd(head.fields), dropped)
  for (const [name, value] of set) fields.push(name, value)
  if (fieldLines(fields, 'date').length === 0) fields.push('Date', formatHttpDate(facts.receivedAt))
  if (tagged && head.status === 200 && fieldValue(fields, 'etag') === undefined) {
    fields.push('ETag', generateEtag(tagged))
  }
  return fields
}
