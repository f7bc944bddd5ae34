import type { UncacheableReason } from '../events/reasons.ts'
import { type CacheControl, parseCacheControl } from './cache-control.ts'
import {
  type Lifetime,
  type LifetimePolicy,
  heuristicLifetime,
  statedLifetime,
} from './freshness.ts'
import { type HeaderFields, fieldLines, fieldValue } from './header-fields.ts'
import { targetedCacheControl } from './targeted-cache-control.ts'

/** What must be known of a response, and of its request, to say whether a shared cache may keep it. */
export interface ResponseFacts {
  readonly status: number
  readonly fields: HeaderFields
  /** The request carried Authorization or another credential header. */
  readonly authorized: boolean
  /** The request said no-store. */
  readonly requestNoStore: boolean
  /** The application named who shares the response: session(). */
  readonly hasGroup: boolean
  /** draft.maxAge(), milliseconds. */
  readonly contextMaxAge: number | undefined
}

export type Storability =
  | {
      readonly store: true
      readonly control: CacheControl
      readonly lifetime: Lifetime
      /** Stale windows are allowed: nothing in the response forbids serving it stale (RFC 9111 §4.2.4). */
      readonly mayServeStale: boolean
      /** Validate before every use (RFC 9111 §5.2.2.4). */
      readonly noCache: boolean
      /** May answer requests that carry Authorization (RFC 9111 §3.5). */
      readonly servesAuthorized: boolean
    }
  | { readonly store: false; readonly reason: UncacheableReason; readonly detail?: string }

/** Statuses that get the option's lifetime when the response states none. */
const ownLifetimeStatuses = new Set([200, 203, 301, 308, 404, 410])
/** Error statuses that are answers rather than failures: the only ones kept unless headers alone decide. */
const storedErrors = new Set([404, 410])
/** The final statuses whose caching rules we know, for must-understand (RFC 9111 §5.2.2.3). */
const understood = new Set([
  200, 201, 202, 203, 204, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 451, 500,
  501, 502, 503, 504,
])

/** Answers to conditions, ranges and expectations of one request, which no key holds. */
const answersOneClient = new Set([304, 412, 416, 417])

/** May a shared cache keep this response to a GET, and for how long (RFC 9111 §3)? */
export function checkStorability(
  facts: ResponseFacts,
  policy: LifetimePolicy,
  targets: readonly string[],
  now: number,
): Storability {
  const { status, fields } = facts
  const targetedControl = targetedCacheControl(fields, targets)
  const control = targetedControl ?? parseCacheControl(fieldLines(fields, 'cache-control'))
  const isTargeted = (targetedControl?.sMaxage ?? targetedControl?.maxAge) !== undefined
  const refusal =
    byDirectives(facts, control) ?? byFields(fields) ?? byStatus(status, control, policy.mode)
  if (refusal) return refusal

  const lifetime = lifetimeOf(facts, control, isTargeted, policy, now)
  if (lifetime === undefined) return { store: false, reason: 'no-lifetime' }
  const hasValidator =
    fieldValue(fields, 'etag') !== undefined || fieldValue(fields, 'last-modified') !== undefined
  const isByDefault = lifetime.source === 'option' || lifetime.source === 'heuristic'
  const noCache = control.noCache || (isByDefault && saysPragma(fields))
  if (noCache && !hasValidator) return { store: false, reason: 'no-validator' }

  const sharedExplicitly = control.public || control.sMaxage !== undefined || control.mustRevalidate
  return {
    store: true,
    control,
    lifetime: noCache ? { ...lifetime, milliseconds: 0 } : lifetime,
    // s-maxage carries the meaning of proxy-revalidate (RFC 9111 §5.2.2.10).
    mayServeStale: !(
      control.mustRevalidate ||
      control.proxyRevalidate ||
      noCache ||
      control.sMaxage !== undefined
    ),
    noCache,
    servesAuthorized: sharedExplicitly,
  }
}

/** `Pragma: no-cache` has no meaning in a response (RFC 9111 §5.4), and yet says what its author wanted. */
function saysPragma(fields: HeaderFields): boolean {
  return fieldLines(fields, 'pragma').some((line) => parseCacheControl(line).noCache)
}

function byDirectives(facts: ResponseFacts, control: CacheControl): Refusal | undefined {
  if (facts.requestNoStore) return refuse('request-no-store')
  if (control.mustUnderstand && !understood.has(facts.status)) {
    return refuse('must-understand', String(facts.status))
  }
  // must-understand with an understood status overrides no-store (RFC 9111 §5.2.2.3).
  if (control.noStore && !control.mustUnderstand) return refuse('no-store')
  if (control.private) return refuse('private', control.privateFields.join(', ') || undefined)
  const shared = control.public || control.sMaxage !== undefined || control.mustRevalidate
  if (facts.authorized && !facts.hasGroup && !shared) return refuse('authorization')
  return undefined
}

/** More than any application varies by; each name of it would be read of each request. */
const MAX_VARY_LENGTH = 4_096

function byFields(fields: HeaderFields): Refusal | undefined {
  const cookie = fieldLines(fields, 'set-cookie')[0]
  if (cookie !== undefined) return refuse('set-cookie', cookie.split('=', 1)[0])
  const vary = fieldLines(fields, 'vary')
  if (vary.some((line) => line.length > MAX_VARY_LENGTH)) return refuse('vary-any', 'a long Vary')
  if (vary.some((line) => line.split(',').some((f) => f.trim() === '*'))) return refuse('vary-any')
  if (fieldValue(fields, 'content-range') !== undefined) return refuse('partial')
  const type = fieldValue(fields, 'content-type')?.toLowerCase() ?? ''
  if (type.startsWith('text/event-stream') || type.startsWith('multipart/x-mixed-replace')) {
    return refuse('event-stream', type)
  }
  if (fieldValue(fields, 'trailer') !== undefined) return refuse('trailers')
  return undefined
}

function byStatus(
  status: number,
  control: CacheControl,
  mode: LifetimePolicy['mode'],
): Refusal | undefined {
  if (status === 206) return refuse('partial')
  if (status < 200 || answersOneClient.has(status)) return refuse('status', String(status))
  if (mode === 'http') return undefined
  // A framework-wide "max-age" must not turn an error page into everybody's page.
  const isAnswer = status < 400 || storedErrors.has(status)
  return isAnswer || (control.mustUnderstand && status < 500)
    ? undefined
    : refuse('status', String(status))
}

function lifetimeOf(
  facts: ResponseFacts,
  control: CacheControl,
  targeted: boolean,
  policy: LifetimePolicy,
  now: number,
): Lifetime | undefined {
  if (facts.contextMaxAge !== undefined) {
    return { milliseconds: facts.contextMaxAge, source: 'draft' }
  }
  const stated = statedLifetime(control, targeted, facts.fields, now)
  if (stated) return stated
  if (policy.mode === 'own' && policy.maxAge !== false && ownLifetimeStatuses.has(facts.status)) {
    return bounded({ milliseconds: policy.maxAge, source: 'option' }, control)
  }
  const heuristic = policy.heuristic
    ? heuristicLifetime(facts.status, control, facts.fields, now)
    : undefined
  if (heuristic) return bounded(heuristic, control)
  // Nothing but validation can use it, which its own validator allows.
  return control.noCache ? { milliseconds: 0, source: 'option' } : undefined
}

/** A lifetime that could not be read grants nothing, and none by default is longer. */
function bounded(lifetime: Lifetime, { ceiling = Infinity }: CacheControl): Lifetime {
  return { ...lifetime, milliseconds: Math.min(lifetime.milliseconds, ceiling * 1000) }
}

type Refusal = Extract<Storability, { store: false }>

function refuse(reason: UncacheableReason, detail?: string): Refusal {
  return detail === undefined ? { store: false, reason } : { store: false, reason, detail }
}
