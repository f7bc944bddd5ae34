import type { BypassReason, HitReason, MissReason } from '../events/reasons.ts'
import { type CacheControl, requestCacheControl } from '../http/cache-control.ts'
import { type StoredResponse, acceptedBy, freshnessOf } from '../http/stored-response.ts'
import { bypassReason, credentialIn } from '../request/bypass.ts'
import { cacheKey } from '../request/cache-key.ts'
import { Exchange } from './exchange.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { Policy } from '../request/policy.ts'
import type { InFlightRender } from './collapsing.ts'
import type { ResponseCache } from './response-cache.ts'
import { currentResponse } from './current.ts'
import { type Attempt, afterFetch, afterInFlight, arriving, mayFetch } from './attempt.ts'

/** What is to be done with a request. */
export type LookupResult =
  /** Send this stored response; when `refresh` is set, make a new one in the background. */
  | {
      readonly act: 'serve'
      readonly stored: StoredResponse
      readonly reason: HitReason
      readonly refresh: InFlightRender | undefined
    }
  /** Another request is making the response, or Redis may have it: ask again when this has resolved; it never rejects. */
  | { readonly act: 'wait'; readonly until: Promise<Attempt> }
  /** Run the application and hand what it makes to the exchange. */
  | { readonly act: 'forward'; readonly exchange: Exchange }
  /** only-if-cached, and nothing is: 504 (RFC 9111 §5.2.1.7). */
  | { readonly act: 'unsatisfiable' }

/** The exchange of a background refresh: it looks up what it refreshes, and neither serves nor waits. */
export function refreshExchange(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  render: InFlightRender,
): Exchange {
  try {
    const primaryKey = cacheKey(request, policy, undefined, cache.settings.keyedBuild)
    const { stored, key } = cache.store.find(primaryKey, (name) => cache.read(request, name))
    const { audited } = render
    render.isMet = key === render.key
    const context = {
      primaryKey,
      key,
      group: undefined,
      // What is audited must not be confirmed by what it is compared with.
      stored: audited ? undefined : stored,
      audited,
      bypass: undefined,
    } as const
    return new Exchange(cache, request, policy, { ...context, reason: 'expired' }, render)
  } catch (error) {
    cache.fault(error, 'refreshing a stale response')
    return passingExchange(cache, request, policy, 'error')
  }
}

/** Judges a request. Synchronous, and without a promise, when the answer is in memory. */
export function lookup(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  attempt: Attempt,
): LookupResult {
  try {
    cache.noteVersion(request)
    if (attempt === arriving && request.arrivedAt === undefined) cache.greet(request)
    const bypass = cache.isClosed ? 'off' : bypassReason(request, policy, cache.settings)
    if (bypass !== undefined) return bypassResult(cache, request, policy, bypass)
    const group = cache.groups.of(request, policy)
    if (group === null) return bypassResult(cache, request, policy, 'session')
    return look(cache, request, policy, group, attempt)
  } catch (error) {
    cache.fault(error, 'answering from the cache')
    return bypassResult(cache, request, policy, 'error')
  }
}

/** Must a request on its way be judged anew under the policy of its route? Only where that looks under another key. */
export function asksAgain(exchange: Exchange, policy: Policy): boolean {
  const before = exchange.policy
  const { bypass } = exchange.miss
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
    if (stored === undefined || !cache.isTrusted(stored)) return false
    cache.applySoftInvalidation(stored)
    const judgement = freshnessOf(stored, clock())
    return (
      judgement === 'fresh' ||
      (judgement === 'refresh' && request.isRepeatable && !stored.wasAuthorized)
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
  group: string | undefined,
  attempt: Attempt,
): LookupResult {
  const { waited, fetched, since } = attempt
  const { settings, store } = cache
  const primaryKey = cacheKey(request, policy, group, settings.keyedBuild)
  const now = settings.clock()
  const warmRequest = cache.warmRequestOf(request)
  if (warmRequest) warmRequest.isMet = true
  const single = store.single(primaryKey)
  const found = single
    ? { stored: single, key: primaryKey, otherVariants: false }
    : store.find(primaryKey, (name) => cache.read(request, name))
  const { key } = found
  const isUnheard = found.stored !== undefined && !cache.isTrusted(found.stored, since)
  let stored =
    found.stored && !isUnheard ? currentResponse(cache, request, policy, found.stored) : undefined
  const credential = group === undefined ? credentialIn(request, settings.credentials) : undefined
  if (credential !== undefined && stored?.servesAuthorized !== true) stored = undefined

  const wish = settings.requestDirectives ? requestCacheControl(request.headers) : undefined
  let reason: MissReason = isUnheard
    ? 'disconnected'
    : (store.removalOf(key)?.reason ?? (found.otherVariants ? 'vary-miss' : 'uri-miss'))
  if (stored) {
    const judged = usable(cache, request, stored, wish, now)
    const use = waited
      ? judged
      : (warmRequest?.use(judged, stored.timeline.staleAt - now) ?? judged)
    if (settings.verify && (use === 'fresh' || use === 'stale-while-revalidate')) {
      const context = { primaryKey, key, group, stored: undefined, audited: stored } as const
      const exchange = new Exchange(cache, request, policy, {
        ...context,
        reason: 'verify',
        bypass: undefined,
      })
      return { act: 'forward', exchange }
    }
    if (use === 'fresh' || use === 'max-stale') {
      return serve(cache, request, stored, waited ? 'collapsed' : use, undefined, attempt)
    }
    if (use === 'stale-while-revalidate') {
      return serve(cache, request, stored, use, cache.leadRefresh(stored), attempt)
    }
    reason = use
    if (freshnessOf(stored, now) === 'dead') {
      store.delete(key)
      stored = undefined
    }
    // What is made anew in any case need not be confirmed.
    if (use === 'warm') stored = undefined
  }
  const passed = cache.hitForMissReason(key, now)
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
    const render = cache.collapsing.inTime(key, timeout)
    // A making that an invalidation overtook must not answer those who came after it.
    if (render && !render.isSuperseded(cache.sequence, since)) {
      return { act: 'wait', until: afterInFlight(cache, render, timeout, attempt) }
    }
    // All who come meanwhile wait for its end, and then for one making that begins behind them.
    if (render && since === undefined && render.isDisconnected(cache.sequence)) {
      const later = { ...attempt, since: cache.sequence.now }
      return { act: 'wait', until: afterInFlight(cache, render, timeout, later) }
    }
  }
  // What a request forbids to store is of no use to those who would wait for it.
  const leads = isShared && !requestCacheControl(request.headers).noStore
  const lease = fetched?.key === key ? fetched.lease : undefined
  const shared = cache.membership?.store
  if (shared?.isOpen === true && lease === undefined && passed === undefined && mayFetch(attempt)) {
    return { act: 'wait', until: afterFetch(shared, key, leads ? 'lease' : 'fragments', attempt) }
  }
  if (isOnlyCached) return { act: 'unsatisfiable' }
  if (isShared && shared && lease?.kind === 'wait') {
    const render = cache.followOther(shared, key, lease)
    return { act: 'wait', until: afterInFlight(cache, render, timeout, attempt) }
  }
  const exchange = new Exchange(cache, request, policy, {
    primaryKey,
    key,
    group,
    stored,
    reason: passed === undefined ? reason : 'hit-for-miss',
    passed,
    invalidatedBy: reason === 'invalidated' ? store.removalOf(key)?.by : undefined,
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
  cache.applySoftInvalidation(stored)
  const judgement = freshnessOf(stored, now)
  if (wish && (wish.noCache || !acceptedBy(wish, stored, now))) {
    // An unwished-for stale response is only that when it would have been used otherwise.
    return judgement === 'fresh' || judgement === 'refresh' ? 'request' : 'expired'
  }
  if (judgement === 'fresh') return 'fresh'
  // A refresh runs without credentials, so it could not make what was made with them, or what one audience shares, and from the server on, so
  // that it passes whatever stands around the application.
  const isRefreshed = stored.group === undefined && !stored.wasAuthorized
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
  refresh: InFlightRender | undefined,
  { fetched }: Attempt,
): LookupResult {
  cache.hit(request, stored, reason, fetched === undefined ? 'memory' : 'redis')
  const audit = reason === 'fresh' ? cache.auditOf(stored, request) : undefined
  return { act: 'serve', stored, reason, refresh: refresh ?? audit }
}

function bypassResult(
  cache: ResponseCache,
  request: IncomingRequest,
  policy: Policy,
  reason: BypassReason,
): LookupResult {
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
  const context = { primaryKey: key, key, group: undefined, stored: undefined, reason: undefined }
  return new Exchange(cache, request, policy, { ...context, bypass })
}
