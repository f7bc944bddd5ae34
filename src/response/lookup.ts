import type { BypassReason, HitReason, MissReason } from '../events/reasons.ts'
import { type CacheControl, requestCacheControl } from '../http/cache-control.ts'
import { type StoredResponse, acceptedBy, judge } from '../http/stored-response.ts'
import { bypassReason, credentialIn } from '../request/bypass.ts'
import { cacheKey } from '../request/cache-key.ts'
import { Exchange } from './exchange.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { Policy } from '../request/policy.ts'
import type { Making } from './collapsing.ts'
import type { ResponseCache } from './response-cache.ts'
import { standing } from './current.ts'
import { type Turn, afterFetch, afterMaking, arriving, mayFetch } from './attempt.ts'

/** What is to be done with a request. */
export type Answer =
  /** Send this stored response; when `refresh` is set, make a new one in the background. */
  | {
      readonly act: 'serve'
      readonly stored: StoredResponse
      readonly reason: HitReason
      readonly refresh: Making | undefined
    }
  /** Another request is making the response, or Redis may have it: ask again when this has resolved; it never rejects. */
  | { readonly act: 'wait'; readonly until: Promise<Turn> }
  /** Run the application and hand what it makes to the exchange. */
  | { readonly act: 'forward'; readonly exchange: Exchange }
  /** only-if-cached, and nothing is: 504 (RFC 9111 §5.2.1.7). */
  | { readonly act: 'unsatisfiable' }

/** The exchange of a background refresh: it looks up what it refreshes, and neither serves nor waits. */
export function refreshExchange(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  making: Making,
): Exchange {
  try {
    const primaryKey = cacheKey(request, policy, undefined, cache.settings.keyedBuild)
    const { stored, key } = cache.store.find(primaryKey, (name) => cache.read(request, name))
    const { audited } = making
    making.isMet = key === making.key
    const lookup = {
      primaryKey,
      key,
      audience: undefined,
      // What is audited must not be confirmed by what it is compared with.
      stored: audited ? undefined : stored,
      audited,
      bypass: undefined,
    } as const
    return new Exchange(cache, request, policy, { ...lookup, reason: 'expired' }, making)
  } catch (error) {
    cache.fault(error, 'refreshing a stale response')
    return passingExchange(cache, request, policy, 'fault')
  }
}

/** Judges a request. Synchronous, and without a promise, when the answer is in memory. */
export function answer(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  turn: Turn,
): Answer {
  try {
    cache.noteVersion(request)
    if (turn === arriving && request.arrivedAt === undefined) cache.greet(request)
    const bypass = cache.isClosed ? 'off' : bypassReason(request, policy, cache.settings)
    if (bypass !== undefined) return pass(cache, request, policy, bypass)
    const audience = cache.audiences.of(request, policy)
    if (audience === null) return pass(cache, request, policy, 'session')
    return look(cache, request, policy, audience, turn)
  } catch (error) {
    cache.fault(error, 'answering from the cache')
    return pass(cache, request, policy, 'fault')
  }
}

/** Must a request on its way be judged anew under the policy of its route? Only where that looks under another key. */
export function asksAgain(exchange: Exchange, policy: Policy): boolean {
  const before = exchange.policy
  const { bypass } = exchange.lookup
  const namesCookies = policy.vary.some((name) => name.startsWith('cookie:'))
  return (
    policy.key !== before.key ||
    policy.session !== before.session ||
    policy.query !== before.query ||
    (bypass === 'cookie' && namesCookies)
  )
}

/** Would this request, as it has just arrived, be answered from memory? Asks nothing of the application's functions. */
export function foresees(cache: ResponseCache, request: IncomingRequest): boolean {
  const { policy, clock } = cache.settings
  const asks = policy.key !== undefined || policy.session !== undefined
  if (asks || cache.settings.requestDirectives) return false
  try {
    const key = cacheKey(request, policy, undefined, cache.settings.keyedBuild)
    const { stored } = cache.store.find(key, (name) => cache.read(request, name))
    if (stored === undefined || !cache.trusts(stored)) return false
    cache.soften(stored)
    const judgement = judge(stored, clock())
    return (
      judgement === 'fresh' ||
      (judgement === 'refresh' && request.isRepeatable && !stored.madeAuthorized)
    )
  } catch (error) {
    cache.fault(error, 'looking ahead')
    return false
  }
}

function look(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  audience: string | undefined,
  turn: Turn,
): Answer {
  const { waited, fetched, since } = turn
  const { settings, store } = cache
  const primaryKey = cacheKey(request, policy, audience, settings.keyedBuild)
  const now = settings.clock()
  const visit = cache.visitOf(request)
  if (visit) visit.isMet = true
  const single = store.single(primaryKey)
  const found = single
    ? { stored: single, key: primaryKey, otherVariants: false }
    : store.find(primaryKey, (name) => cache.read(request, name))
  const { key } = found
  const isUnheard = found.stored !== undefined && !cache.trusts(found.stored, since)
  let stored =
    found.stored && !isUnheard ? standing(cache, request, policy, found.stored) : undefined
  const credential =
    audience === undefined ? credentialIn(request, settings.credentials) : undefined
  if (credential !== undefined && stored?.servesAuthorized !== true) stored = undefined

  const wish = settings.requestDirectives ? requestCacheControl(request.headers) : undefined
  let reason: MissReason = isUnheard
    ? 'unheard'
    : (store.fallOf(key)?.reason ?? (found.otherVariants ? 'vary' : 'absent'))
  if (stored) {
    const judged = usable(cache, request, stored, wish, now)
    const use = waited ? judged : (visit?.use(judged, stored.timeline.staleAt - now) ?? judged)
    if (settings.verify && (use === 'fresh' || use === 'stale-while-revalidate')) {
      const lookup = { primaryKey, key, audience, stored: undefined, audited: stored } as const
      const exchange = new Exchange(cache, request, policy, {
        ...lookup,
        reason: 'verify',
        bypass: undefined,
      })
      return { act: 'forward', exchange }
    }
    if (use === 'fresh' || use === 'max-stale') {
      return serve(cache, request, stored, waited ? 'collapsed' : use, undefined, turn)
    }
    if (use === 'stale-while-revalidate') {
      return serve(cache, request, stored, use, cache.leadRefresh(stored), turn)
    }
    reason = use
    if (judge(stored, now) === 'dead') {
      store.delete(key)
      stored = undefined
    }
    // What is made anew in any case need not be confirmed.
    if (use === 'warm') stored = undefined
  }
  const passed = cache.passReason(key, now)
  const timeout = settings.collapseTimeout
  const isOnlyCached = wish?.onlyIfCached === true
  const isShared =
    timeout !== false &&
    !waited &&
    !isOnlyCached &&
    passed === undefined &&
    request.method === 'GET' &&
    credential === undefined &&
    request.headers['range'] === undefined
  if (isShared) {
    const making = cache.collapsing.inTime(key, timeout)
    // A making that an invalidation overtook must not answer those who came after it.
    if (making && !making.isOvertaken(cache.sequence, since)) {
      return { act: 'wait', until: afterMaking(cache, making, timeout, turn) }
    }
    // All who come meanwhile wait for its end, and then for one making that begins behind them.
    if (making && since === undefined && making.isUnheard(cache.sequence)) {
      const later = { ...turn, since: cache.sequence.now }
      return { act: 'wait', until: afterMaking(cache, making, timeout, later) }
    }
  }
  // What a request forbids to store is of no use to those who would wait for it.
  const leads = isShared && !requestCacheControl(request.headers).noStore
  const lease = fetched?.key === key ? fetched.lease : undefined
  const shared = cache.membership?.store
  if (shared?.isOpen === true && lease === undefined && passed === undefined && mayFetch(turn)) {
    return { act: 'wait', until: afterFetch(shared, key, leads ? 'lease' : 'fragments', turn) }
  }
  if (isOnlyCached) return { act: 'unsatisfiable' }
  if (isShared && shared && lease?.kind === 'wait') {
    const making = cache.followOther(shared, key, lease)
    return { act: 'wait', until: afterMaking(cache, making, timeout, turn) }
  }
  const exchange = new Exchange(cache, request, policy, {
    primaryKey,
    key,
    audience,
    stored,
    reason: passed === undefined ? reason : 'hit-for-miss',
    passed,
    felledBy: reason === 'invalidated' ? store.fallOf(key)?.by : undefined,
    bypass: credential === undefined ? undefined : 'credentials',
    bypassDetail: credential,
  })
  if (leads && lease?.kind !== 'pass') exchange.lead()
  return { act: 'forward', exchange }
}

/** How a stored response may be used now, or why it may not. */
function usable(
  cache: ResponseCache,
  request: IncomingRequest,
  stored: StoredResponse,
  wish: CacheControl | undefined,
  now: number,
): Extract<HitReason, 'fresh' | 'stale-while-revalidate' | 'max-stale'> | MissReason {
  cache.soften(stored)
  const judgement = judge(stored, now)
  if (wish && (wish.noCache || !acceptedBy(wish, stored, now))) {
    // An unwished-for stale response is only that when it would have been used otherwise.
    return judgement === 'fresh' || judgement === 'refresh' ? 'request' : 'expired'
  }
  if (judgement === 'fresh') return 'fresh'
  // A refresh runs without credentials, so it could not make what was made with them, or what one audience shares, and from the server on, so
  // that it passes whatever stands around the application.
  const isRefreshed = stored.audience === undefined && !stored.madeAuthorized
  if (judgement === 'refresh' && isRefreshed && request.isRepeatable) {
    return 'stale-while-revalidate'
  }
  if (wish?.maxStale !== undefined && judgement !== 'dead') return 'max-stale'
  return stored.noCache ? 'no-cache' : 'expired'
}

function serve(
  cache: ResponseCache,
  request: IncomingRequest,
  stored: StoredResponse,
  reason: HitReason,
  refresh: Making | undefined,
  { fetched }: Turn,
): Answer {
  cache.hit(request, stored, reason, fetched === undefined ? 'memory' : 'redis')
  const audit = reason === 'fresh' ? cache.auditOf(stored, request) : undefined
  return { act: 'serve', stored, reason, refresh: refresh ?? audit }
}

function pass(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  reason: BypassReason,
): Answer {
  return { act: 'forward', exchange: passingExchange(cache, request, policy, reason) }
}

/** The exchange of a request that passes by: the application answers, and nothing is stored. */
export function passingExchange(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  bypass: BypassReason,
): Exchange {
  const key = request.origin + request.target
  const lookup = { primaryKey: key, key, audience: undefined, stored: undefined, reason: undefined }
  return new Exchange(cache, request, policy, { ...lookup, bypass })
}
