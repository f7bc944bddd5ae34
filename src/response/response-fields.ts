import type { MissReason } from '../events/reasons.ts'
import { parseCacheControl } from '../http/cache-control.ts'
import { type Forward, cacheStatus } from '../http/cache-status.ts'
import { fieldLines, fieldValue } from '../http/header-fields.ts'
import type { Storability } from '../http/storability.ts'
import { speaksBeyond } from '../http/targeted-cache-control.ts'
import type { ExchangeFacts, HeadFields, ResponseHead } from './exchange-facts.ts'
import { isPageInput } from '../fragments/page-input.ts'
import type { Policy } from '../request/policy.ts'
import {
  enumeratedFields,
  everyField,
  everyOtherField,
  varyFields,
} from '../request/request-input.ts'

/** The request fields that Vary names, in lower case. */
function varyNames(fields: readonly string[]): string[] {
  return fieldLines(fields, 'vary')
    .flatMap((line) => line.split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

/**
 * The request fields that a response varies by. Unobserved, Vary is all that is known of them: then also that of outer
 * layers counts, for nobody can tell it from the application's own.
 */
export function variedBy({ observation }: ExchangeFacts, { fields, all }: ResponseHead): string[] {
  return varyNames(observation === undefined ? all : fields)
}

/** Does the response say of itself that a shared cache may give it to everybody? That excuses an enumeration of the headers. */
export function isWideShared({ fields }: Pick<ResponseHead, 'fields'>): boolean {
  const control = parseCacheControl(fieldLines(fields, 'cache-control'))
  return control.public || control.sMaxage !== undefined
}

/** The application says which cookies matter. */
export function namesCookies({ vary }: Policy): boolean {
  return vary.some((name) => name.startsWith('cookie:'))
}

/** All inputs that select between the variants of this response: declared, observed, and known from before. */
export function inputsOf(facts: ExchangeFacts, head: ResponseHead): readonly string[] {
  const { cache, policy, miss: lookup, tracker } = facts
  const named = [
    ...variedBy(facts, head),
    ...policy.vary,
    ...observedInputs(facts, head),
    // The others are in the key of every page.
    ...[...tracker.inputs].filter((name) => !isPageInput(name)),
  ]
  return cache.store.inputsOf(lookup.primaryKey, named)
}

/** What was read, without what the application has said itself: which cookies matter, who shares, or that everybody does. */
function observedInputs(facts: ExchangeFacts, head: ResponseHead): string[] {
  const { policy, observation, asked } = facts
  if (observation === undefined) return []
  const isSettled = asked?.isOpen === false
  const isNamed = namesCookies(policy) || isSettled
  const inputs = [...observation.inputs].filter((name) => name !== 'cookie' || !isNamed)
  const isCoded = observation.isCoded && fieldValue(head.fields, 'content-encoding') !== undefined
  if (isCoded) inputs.push('accept-encoding')
  if (observation.isWide && !isWideShared(head)) {
    inputs.push(isSettled ? everyOtherField : everyField)
  }
  return inputs
}

export function tagsOf(facts: ExchangeFacts): Set<string> {
  return new Set([...facts.policy.tags, ...facts.tracker.tags])
}

/** What CDNs are told of: tags, and the records, lists and fragments inside, by the names that receipts have for them. */
function surrogateTags(facts: ExchangeFacts): string[] {
  const inside = [...facts.tracker.allDependencies].filter((name) => purgeable.test(name))
  return [...tagsOf(facts), ...inside]
}

// A fragment of one record falls with the record.
const purgeable = /^(entity|list|fragment):[^ ]+$/

type Storable = Extract<Storability, { store: true }>

/** What a response that is stored says in addition, to this client and to those who get it later. */
export function completed(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Storable,
): HeadFields {
  const { settings } = facts.cache
  const set: (readonly [string, string])[] = []
  const { observation } = facts
  const inputs = [...inputsOf(facts, head), ...(observation?.inputs ?? [])]
  if (observation?.isWide === true) inputs.push(...enumeratedFields(facts.request.headers))
  const vary = completedVary(head.fields, inputs)
  if (vary !== undefined) set.push(['Vary', vary])
  const control = defaultCacheControl(facts, head, cacheability)
  if (control !== undefined) set.push(['Cache-Control', control])
  const tags = settings.surrogates.length === 0 ? [] : surrogateTags(facts)
  for (const surrogate of tags.length === 0 ? [] : settings.surrogates) {
    set.push([surrogate.header, surrogate.encode(tags).value])
  }
  return { set, remove: hiddenFields(facts, head) }
}

/** Fields that speak to this cache alone; Surrogate-Control stays where a surrogate stands before us, or is spoken to. */
function hiddenFields(facts: ExchangeFacts, { all }: ResponseHead): string[] {
  const { targetedFields: targets, surrogates } = facts.cache.settings
  return targets
    .map((name) => name.toLowerCase())
    .filter(
      (name) =>
        name === 'cacheflow-cache-control' ||
        (name === 'surrogate-control' &&
          surrogates.length === 0 &&
          !speaksBeyond(fieldValue(all, name) ?? '')),
    )
}

function completedVary(fields: readonly string[], inputs: readonly string[]): string | undefined {
  const present = new Set(varyNames(fields))
  const missing = varyFields(inputs).filter((name) => !present.has(name.toLowerCase()))
  if (missing.length === 0) return undefined
  return [...fieldLines(fields, 'vary'), ...missing].join(', ')
}

// Without it a browser could keep a page that no invalidation reaches.
function defaultCacheControl(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Storable,
): string | undefined {
  const { source } = cacheability.lifetime
  if (source !== 'option' && source !== 'draft') return undefined
  const isStated =
    fieldValue(head.all, 'cache-control') !== undefined ||
    fieldValue(head.all, 'expires') !== undefined
  if (isStated) return undefined
  // A cache downstream could hand on a cookie with the page (RFC 9111 §7.3).
  const setsCookie = fieldValue(head.all, 'set-cookie') !== undefined
  if (facts.miss.group !== undefined || setsCookie) return 'private, no-cache'
  const { cacheControl } = facts.cache.settings
  return cacheControl === false ? undefined : cacheControl
}

const forwardOf: Record<MissReason, Forward> = {
  'uri-miss': 'uri-miss',
  invalidated: 'uri-miss',
  evicted: 'uri-miss',
  disconnected: 'stale',
  verify: 'bypass',
  warm: 'bypass',
  'hit-for-miss': 'uri-miss',
  'vary-miss': 'vary-miss',
  expired: 'stale',
  'no-cache': 'stale',
  request: 'request',
}

/**
 * The changes for a response that the application made.
 *
 * @param isCertain the body is known, too, so that nothing in it will keep it from being stored
 */
export function forwardFields(
  facts: ExchangeFacts,
  head: ResponseHead,
  cacheability: Storability,
  isCertain: boolean,
): HeadFields {
  const { miss: lookup } = facts
  // HEAD says what GET would, but nothing of it was to be stored.
  const isHead = facts.request.method === 'HEAD'
  const own: HeadFields = cacheability.store
    ? completed(facts, head, cacheability)
    : { set: [], remove: hiddenFields(facts, head) }
  const fwd = lookup.bypass === undefined ? forwardOf[lookup.reason ?? 'uri-miss'] : 'bypass'
  const why = `${lookup.bypass === undefined ? 'miss' : 'bypass'}: ${lookup.bypass ?? lookup.reason ?? 'uri-miss'}`
  // A body that is still to come may have what was in the way the last time.
  const doubt = cacheability.store && !isCertain && !isHead ? lookup.passed : undefined
  const lately = doubt === undefined ? '' : `; lately not stored: ${doubt}`
  const refused =
    !cacheability.store && !isHead
      ? `; not stored: ${cacheability.reason} ${cacheability.detail ?? ''}`
      : ''
  const stored = cacheability.store && !isHead && doubt === undefined
  const status = reportFields(facts, head, { fwd, stored }, why + refused + lately)
  return { set: [...own.set, ...status], remove: own.remove }
}

/** A head that went out in UTF-8: its bytes, read as Latin-1, which is how stored heads go out. */
export function asSent(head: ResponseHead): ResponseHead {
  const sent = (text: string): string => Buffer.from(text).toString('latin1')
  const { fields, all, statusMessage } = head
  return {
    ...head,
    fields: fields.map(sent),
    all: all.map(sent),
    statusMessage: statusMessage === undefined ? undefined : sent(statusMessage),
  }
}

/** The changes for a response of a request that passed by. */
export function bypassFields(facts: ExchangeFacts, head: ResponseHead): HeadFields {
  const bypass = facts.policy.off ? 'off' : facts.miss.bypass
  const fwd = bypass === 'method' ? 'method' : 'bypass'
  return {
    set: reportFields(facts, head, { fwd, stored: false }, `bypass: ${bypass ?? ''}`),
    remove: hiddenFields(facts, head),
  }
}

function reportFields(
  facts: ExchangeFacts,
  head: ResponseHead,
  report: { readonly fwd: Forward; readonly stored: boolean },
  why: string,
): [string, string][] {
  const { cacheStatus: shown, debug: explains } = facts.cache.settings
  const set: [string, string][] = []
  if (shown !== false) {
    const key = shown === 'debug' ? { key: facts.miss.primaryKey } : {}
    const upstream = fieldValue(head.all, 'cache-status')
    const { fwd, stored } = report
    const member = { name: 'cacheflow', fwd, ...(stored ? { stored } : {}), ...key }
    set.push(['Cache-Status', cacheStatus(member, upstream)])
  }
  if (explains) {
    set.push(['cacheflow-debug', printable(why)])
    const timing = fieldValue(head.all, 'server-timing')
    const own = serverTiming(printable(why))
    set.push(['Server-Timing', timing === undefined ? own : `${timing}, ${own}`])
  }
  return set
}

/** What browsers show of it in their network panel. */
export function serverTiming(why: string): string {
  return `cacheflow;desc="${why.replaceAll(/["\\]/g, '')}"`
}

/** A reason may hold names that came from outside: only visible ASCII goes into a field. */
export function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007E]/g, '?').trim()
}
