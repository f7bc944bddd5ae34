import type { Events, HitEvent, RefreshEvent, WarningEvent } from '../events/events.ts'
import type { BypassReason, HitReason, MissReason, UncacheableReason } from '../events/reasons.ts'
import { keyDependency } from '../invalidation/dependency.ts'
import { currentAge, timeToLive, unrefreshable } from '../http/freshness.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { Groups } from '../privacy/groups.ts'
import { CacheState } from './cache-state.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import { ReadTracker } from '../request/read-tracker.ts'
import { inputValue } from '../request/request-input.ts'
import type { MissContext } from './miss-context.ts'
import { InFlightRender } from './collapsing.ts'
import { FragmentCache } from '../fragments/fragment-cache.ts'
import type { Settings } from '../request/settings.ts'
import { VersionMemory } from './version-memory.ts'
import type { WarmRequestState } from '../request/warm-request.ts'
import { KeyHash } from '../privacy/key-hash.ts'
import { HitForMiss } from './hit-for-miss.ts'
import { UnsharedVariants } from './unshared-variants.ts'
import { type Told, Warnings, isOversight, nameOf } from './warnings.ts'

/** Hears of the pages that visitors ask for. */
export interface PageListener {
  hit(request: IncomingRequest, stored: StoredResponse): void
  /** @param time what its making took, milliseconds; @param isAsked a visitor asked for it, and no warmer */
  stored(request: IncomingRequest, stored: StoredResponse, time: number, isAsked: boolean): void
}

/** What is stored, what is being made, and the order of invalidations: the state that all requests of one cache share. */
export class ResponseCache extends CacheState {
  readonly fragments: FragmentCache
  readonly groups: Groups = new Groups()
  readonly versions: VersionMemory = new VersionMemory()
  /** Hears of each stored page that is used or made, where warming goes by what visitors ask for. */
  pages: PageListener | undefined
  readonly #veil: KeyHash
  readonly #warnings = new Warnings()
  readonly #unshared = new UnsharedVariants()
  #version: string | undefined
  #mixesVersions: boolean
  hits = 0
  misses = 0
  bypasses = 0
  /** How many runs of warmers are under way: only then a request can be one of theirs. */
  warming = 0
  /** How many requests of visitors have come. */
  visitors = 0
  readonly #hitForMiss = new HitForMiss()

  constructor(settings: Settings, events: Events) {
    super(settings, events)
    this.#veil = new KeyHash(settings.keySecret)
    // What other instances have made may come from clients of any version.
    this.#mixesVersions = settings.redis !== undefined
    this.fragments = new FragmentCache(this)
  }

  /** Begins to note what the application reads of one request. */
  observe({ hasHostInput = false }: Pick<IncomingRequest, 'hasHostInput'>): ReadTracker {
    const { ignoredInputs, credentials } = this.settings
    const observation = new ReadTracker(ignoredInputs, credentials)
    // A warmer speaks one version, and visitors perhaps another.
    observation.heedsVersion = this.#mixesVersions || this.warming > 0
    observation.heedsHost = hasHostInput
    return observation
  }

  /**
   * Clients mostly speak one version of HTTP. When another one comes, what was made until then may depend on the version without
   * anybody having noticed: it falls, once.
   */
  noteVersion(request: IncomingRequest): void {
    const { httpVersion: version } = request
    if (version === this.#version || this.#mixesVersions || this.warmRequestOf(request)) return
    if (this.#version !== undefined) {
      this.#mixesVersions = true
      this.sequence.record('all', false)
      this.store.clear()
    }
    this.#version = version
  }

  /** Counts and tells a hit. */
  hit(
    request: IncomingRequest,
    stored: StoredResponse,
    reason: HitReason,
    from: HitEvent['from'] = 'memory',
  ): void {
    const warmRequest = this.warmRequestOf(request)
    if (warmRequest) {
      warmRequest.hit(reason, stored.body.byteLength)
      return
    }
    this.hits++
    this.#unshared.used(stored)
    this.pages?.hit(request, stored)
    if (!this.events.wants('hit')) return
    const now = this.settings.clock()
    this.events.emit('hit', {
      key: stored.primaryKey,
      method: request.method,
      url: request.target,
      reason,
      from,
      age: currentAge(stored.timeline, now),
      ttl: timeToLive(stored.timeline, now),
      route: stored.route,
    })
  }

  /** One refresh of a response at a time: undefined when one is running that no invalidation has overtaken, and nothing holds up. */
  leadRefresh(stored: StoredResponse): InFlightRender | undefined {
    const { collapsing, sequence, settings } = this
    if (collapsing.holds(stored.key, sequence, settings.collapseTimeout)) return undefined
    return this.lead(stored.key, sequence.start(), () => stored.dependencies, true)
  }

  /** A making beside that compares itself with this hit, when it is drawn by lot; what belongs to an audience cannot be made for nobody. */
  auditOf(stored: StoredResponse, { isRepeatable }: IncomingRequest): InFlightRender | undefined {
    const { auditSample } = this.settings
    if (auditSample === 0 || stored.group !== undefined || stored.wasAuthorized) return undefined
    if (Math.random() >= auditSample || !isRepeatable) return undefined
    const render = new InFlightRender(stored.key, this.sequence.start(), () => stored.dependencies)
    render.audited = stored
    return render
  }

  /** Is a stale response still to be made anew by this instance? Another one may have done so, or be about it. */
  async isToRefresh(stored: StoredResponse, render: InFlightRender): Promise<boolean> {
    const { key } = stored
    const shared = this.membership?.store
    if (shared?.isOpen !== true || render.audited) return true
    const { kind } = await shared.fetch(key, 'lease')
    if (kind === 'wait' || kind === 'pass') return false
    if (kind === 'lead' && shared.take(key)) render.lease = key
    const existing = this.store.response(key)
    // By its own clock: the one who has made it may have another.
    const isFresh = existing !== undefined && this.settings.clock() < existing.timeline.staleAt
    if (!isFresh) return true
    // The same one is no answer: Redis does not know that an address was invalidated which its closure does not name.
    return (
      existing.startedAt === stored.startedAt &&
      existing.timeline.cachedAt === stored.timeline.cachedAt
    )
  }

  /** Counts and tells what led to the application: a miss, or a bypass. */
  forwarded(request: IncomingRequest, isOff: boolean, lookup: MissContext): void {
    const { primaryKey, reason, invalidatedBy: felledBy, bypass, bypassDetail } = lookup
    if (isOff) this.#bypass(request, 'off', undefined)
    else if (bypass !== undefined) this.#bypass(request, bypass, bypassDetail)
    else this.#miss(request, primaryKey, reason ?? 'uri-miss', felledBy)
    const passed = isOff ? 'off' : bypass
    if (passed !== undefined && passed !== 'credentials') {
      const end = { kind: 'refused', reason: passed, detail: bypassDetail } as const
      this.warmRequestOf(request)?.tell(end)
    }
  }

  /** A request has come, wherever in the application the cache stands. */
  greet(request: IncomingRequest): void {
    if (this.warmRequestOf(request) === undefined) this.visitors++
  }

  /** The warmer's visit that a request is, if it is one. */
  warmRequestOf(request: IncomingRequest): WarmRequestState | undefined {
    return this.warming === 0 ? undefined : request.warmRequest
  }

  #miss(request: IncomingRequest, key: string, reason: MissReason, by?: string): void {
    // Hits of warmers are none either: what visitors got would not be seen among them.
    if (this.warmRequestOf(request) === undefined) this.misses++
    if (!this.events.wants('miss')) return
    const { method, target: url } = request
    this.events.emit('miss', { key, method, url, reason, invalidatedBy: by })
  }

  #bypass(request: IncomingRequest, reason: BypassReason, detail: string | undefined): void {
    this.bypasses++
    if (!this.events.wants('bypass')) return
    const { method, target: url } = request
    this.events.emit('bypass', { method, url, reason, detail })
  }

  /** Tells that a response was stored. @param time what its making took, milliseconds */
  stored(request: IncomingRequest, response: StoredResponse, time: number): void {
    const warmRequest = this.warmRequestOf(request)
    this.pages?.stored(request, response, time, warmRequest === undefined)
    warmRequest?.tell({ kind: 'made', bytes: response.body.byteLength })
    const isWasted = warmRequest === undefined && this.#unshared.stored(response)
    if (isWasted) {
      const inputs = this.store.dividingInputs(response)
      this.warn('vary-any', this.#warnings.unsharedOnce(nameOf(request), inputs))
    }
    if (!this.events.wants('store')) return
    const { primaryKey: key, route, status, tags, inputs: vary, timeline, body } = response
    const ttl = Math.floor((timeline.staleAt - timeline.cachedAt) / 1000)
    this.events.emit('store', { key, route, status, bytes: body.byteLength, ttl, tags, vary })
  }

  /** Tags and dependencies that come behind the store would be missed by an invalidation: nothing is stored then. */
  takeBack(request: IncomingRequest, response: StoredResponse): void {
    this.drop(response)
    // Other instances may have it by now.
    if (this.membership) this.invalidateUnawaited([keyDependency(response.primaryKey)])
    const detail = 'tag() or dependsOn() was called after the response had been stored'
    this.refused(request, response.primaryKey, 'draft', detail)
  }

  /**
   * A request in the background did not come as far as the cache: something around the application has answered it, or it leads
   * to another page. Visitors renew the response from now on.
   */
  unreached(stored: StoredResponse): void {
    stored.timeline = unrefreshable(stored.timeline, this.settings.clock())
    this.refreshed(stored.primaryKey, stored, 'kept')
  }

  /** Tells what became of a background refresh. */
  refreshed(
    key: string,
    stored: StoredResponse | undefined,
    outcome: RefreshEvent['outcome'],
  ): void {
    if (!this.events.wants('refresh')) return
    const isSoft =
      stored &&
      this.sequence.softInvalidationAt(stored.startSequence, stored.dependencies, stored.key) <=
        this.settings.clock()
    const reason = isSoft === true ? 'soft' : 'stale-while-revalidate'
    this.events.emit('refresh', { key, reason, outcome })
  }

  /** Tells that a response was not stored, and warns once per route where that is mostly an oversight. */
  refused(
    request: IncomingRequest,
    key: string,
    reason: UncacheableReason,
    detail: string | undefined,
    reader?: string,
  ): void {
    this.warmRequestOf(request)?.tell({ kind: 'refused', reason, detail })
    if (this.events.wants('uncacheable')) {
      const { method, target: url } = request
      const route = request.route()?.pattern
      this.events.emit('uncacheable', { key, method, url, route, reason, detail })
    }
    const told =
      isOversight(reason) && this.#warnings.messageOnce(nameOf(request), reason, detail, reader)
    if (told) this.warn(reason, told)
  }

  /** Tells once that a route is stored by default whose path looks as if it did something. */
  doubt(request: IncomingRequest): void {
    this.warn('operational', this.#warnings.doubtOnce(nameOf(request)))
  }

  warn(reason: WarningEvent['reason'], told: Told | undefined): void {
    if (told === undefined) return
    if (this.events.wants('warning')) this.events.emit('warning', { reason, ...told })
    else if (this.settings.debug) {
      process.emitWarning(told.message, { type: 'CacheflowWarning', code: reason })
    }
  }

  /** The value of one input of a request, as keys have it. */
  read(request: IncomingRequest, name: string): string | undefined {
    return this.#veil.over(name, inputValue(request, name, this.settings.userAgentClass))
  }

  /** Requests of this key do not wait for each other until the time is over (hit-for-miss). */
  rememberHitForMiss(key: string, reason: UncacheableReason): void {
    const { clock, hitForMiss } = this.settings
    if (hitForMiss > 0) this.#hitForMiss.remember(key, reason, clock() + hitForMiss)
  }

  override settle(render: InFlightRender): void {
    const { clock, hitForMiss } = this.settings
    super.settle(render, this.hitForMissReason(render.key, clock()) === undefined ? 0 : hitForMiss)
  }

  forgetHitForMiss(key: string): void {
    this.#hitForMiss.forget(key)
  }

  /** Why a response of this key could not be stored lately. */
  hitForMissReason(key: string, now: number): UncacheableReason | undefined {
    return this.#hitForMiss.reason(key, now)
  }
}
