import { fail } from '../events/errors.ts'
import type { Events } from '../events/events.ts'
import type { FragmentReason, FragmentUncacheableReason } from '../events/reasons.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import type { Sequence, Start } from '../invalidation/sequence.ts'
import type { ResponseStore } from '../store/response-store.ts'
import { type Body, type FragmentCall, fragmentKey, fragmentVersion } from './fragment-call.ts'
import type { Stored } from '../store/entry-store.ts'
import type { FragmentFault } from './fragment-render.ts'
import type { Membership } from '../redis/member.ts'
import { hasUnknownOthers } from './bystanders.ts'
import type { Shown } from './dependency-tracker.ts'
import { noteShown, pageOf } from './fragment-repeat.ts'
import type { Scope } from './scope.ts'

/** The settings of the cache that concern its fragments. */
export interface FragmentSettings {
  readonly build: string
  readonly clock: () => number
  readonly collapseTimeout: number | false
  readonly enabled: boolean
  readonly observe: boolean
  readonly strict: boolean
  readonly annotate: boolean
}

/** What fragments need of the cache that they live in. */
export interface FragmentHost {
  readonly settings: FragmentSettings
  readonly events: Events
  readonly store: ResponseStore
  readonly sequence: Sequence
  readonly isClosed: boolean
  readonly membership: Membership | undefined
  isTrusted(stored: Stored): boolean
  /** Has it stale from when on it is so by what was invalidated. */
  applySoftInvalidation(stored: Stored): void
  /** Keeps what was stored for other instances too. */
  replicate(stored: Stored): void
  /** Lets go of what depends on these, here and elsewhere. */
  invalidateUnawaited(dependencies: readonly Dependency[]): void
  /** Tells of what keeps something from being stored, and is mostly an oversight. */
  warn(
    reason: FragmentUncacheableReason,
    told: { readonly route: string; readonly message: string },
  ): void
  /** Fells what stands under a key, in every instance. @returns the start of what takes its place */
  restart(key: string): Promise<Start>
}

/** Why a body ran, or did not. */
export interface LookupOutcome {
  readonly reason: FragmentReason
  /** What felled the fragment that was stored. */
  readonly by?: string | undefined
  /** Why it runs without the cache, where that is not what the call says. */
  readonly fault?: FragmentFault
}

/** One look-up. */
export interface Asked {
  readonly call: FragmentCall
  readonly body: Body<unknown>
  readonly scope: Scope
  readonly key: string
  readonly version: string
  /** False in a template that cannot await. */
  readonly mayWait: boolean
  /** The page has asked for this key before, there. */
  readonly earlier: Shown | undefined
}

/**
 * One look-up, with the key and the version that it asks for.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_FRAGMENT_INCLUDE` where the digest is known not to have all that its template includes
 */
export function asking(
  call: FragmentCall,
  body: Body<unknown>,
  scope: Scope,
  { build, strict }: Pick<FragmentSettings, 'build' | 'strict'>,
  mayWait: boolean,
): Asked {
  const { digest, visitor } = scope
  if (strict && digest?.endsWith('?') === true) {
    const where = `an include beside ${call.where}`
    throw fail('ERR_CACHEFLOW_FRAGMENT_INCLUDE', 'a computed name', where)
  }
  const key = fragmentKey(call, (name) => visitor?.read(name), build, digest)
  const page = pageOf(scope)
  const earlier = page.shown?.get(key)
  // A page of hits alone notes nothing: what it shows was compared when it was made.
  const isNoted = strict || page.shown !== undefined
  if (isNoted && !earlier) noteShown(page, key, { tracker: scope.tracker, body })
  return { call, body, scope, key, version: fragmentVersion(call), mayWait, earlier }
}

/** As a page whose reads nobody observes: what a visitor carries may shape it, unless the call says how. */
function unknownIn(
  { call, scope }: Asked,
  { observe }: Pick<FragmentSettings, 'observe'>,
): string | undefined {
  const { visitor } = scope
  if (observe || visitor === undefined || typeof call.policy.session === 'string') return undefined
  const { carries } = visitor
  const namesCookies = call.policy.vary.some((name) => name.startsWith('cookie:'))
  const isKnown = carries === 'nothing' || (carries === 'cookies' && namesCookies)
  return isKnown ? undefined : carries
}

/** Why a body runs without the cache; undefined where it need not. */
export function aside(
  asked: Asked,
  { isClosed, settings }: FragmentHost,
  distrusts: boolean,
): LookupOutcome | undefined {
  const { scope, call } = asked
  if (isClosed || !settings.enabled || call.policy.isOff) return { reason: 'off' }
  const unknown = unknownIn(asked, settings)
  if (unknown !== undefined) {
    return { reason: 'off', fault: { reason: 'unobserved', detail: unknown } }
  }
  if (scope.isBound === true || scope.visitor === undefined) return undefined
  if (scope.root.isEnded) {
    return { reason: 'off', fault: { reason: 'context', detail: 'its response has ended' } }
  }
  const { vary, session } = call.policy
  // Where a request is not observed, no read would tell that the context is another visitor's.
  const isTold = vary.length === 0 && typeof session === 'string'
  if (!isTold && (!settings.observe || hasUnknownOthers(scope.visitor))) {
    const detail = 'the async context alone tells whose it is'
    return { reason: 'off', fault: { reason: 'unobserved', detail } }
  }
  if (!distrusts || vary.length === 0) return undefined
  return { reason: 'off', fault: { reason: 'context', detail: vary.join(', ') } }
}

/** A page showed two texts under its key. */
export function clashing({ key }: Asked): LookupOutcome {
  return { reason: 'off', fault: { reason: 'clash', detail: key } }
}

/** What all have in common that may share one making. */
export function renderId({ key, version }: Asked): string {
  return `${version} ${key}`
}

export function fallen(by: string | undefined): FragmentFault | undefined {
  return by === undefined ? undefined : { reason: 'invalidated', detail: by }
}

export function isThenable(made: unknown): made is PromiseLike<unknown> {
  return (
    typeof made === 'object' && made !== null && 'then' in made && typeof made.then === 'function'
  )
}
