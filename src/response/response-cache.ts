import { LRUCache } from 'lru-cache'
import type { Events, HitEvent, RefreshEvent, WarningEvent } from '../events/events.ts'
import type { BypassReason, HitReason, MissReason, RefuseReason } from '../events/reasons.ts'
import { keyDependency } from '../invalidation/dependency.ts'
import { currentAge, timeToLive, unrefreshable } from '../http/freshness.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { Audiences } from '../privacy/audience.ts'
import { CacheState } from './cache-state.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import { Observation } from '../request/read-tracker.ts'
import { inputValue } from '../request/request-input.ts'
import type { Lookup } from './miss-context.ts'
import { Making } from './collapsing.ts'
import { FragmentCache } from '../fragments/fragment-cache.ts'
import type { Settings } from '../request/settings.ts'
import { VersionMemory } from './version-memory.ts'
import type { Visit } from '../request/warm-request.ts'
import { Veil } from '../privacy/veil.ts'
import { type Told, Warnings, nameOf } from './warnings.ts'

/** How many keys that could not be stored are remembered. */
const rememberedPasses = 10_000
/** And how many characters they may have together. */
const rememberedLength = 1024 * 1024

/** A key that could not be stored, remembered until a moment. */
interface Pass {
  readonly reason: RefuseReason
  readonly until: number
}

/** Hears of the pages that visitors ask for. */
export interface PageListener {
  hit(request: IncomingRequest, stored: StoredResponse): void
  /** @param time what its making took, milliseconds; @param isAsked a visitor asked for it, and no warmer */
  made(request: IncomingRequest, stored: StoredResponse, time: number, isAsked: boolean): void
}

/** What is stored, what is being made, and the order of invalidations: the state that all requests of one cache share. */
export class ResponseCache extends CacheState {
  readonly fragments: FragmentCache
  readonly audiences: Audiences = new Audiences()
  readonly versions: VersionMemory = new VersionMemory()
  /** Hears of each stored page that is used or made, where warming goes by what visitors ask for. */
  pages: PageListener | undefined
  readonly #veil: Veil
  readonly #warnings = new Warnings()
  #version: string | undefined
  #mixesVersions: boolean
  hits = 0
  misses = 0
  bypasses = 0
  /** How many runs of warmers are under way: only then a request can be one of theirs. */
  warming = 0
  /** How many requests of visitors have come. */
  visitors = 0
  readonly #passes = new LRUCache<string, Pass>({
    max: rememberedPasses,
    maxSize: rememberedLength,
    sizeCalculation: (_pass, key) => key.length,
  })

  constructor(settings: Settings, events: Events) {
    super(settings, events)
    this.#veil = new Veil(settings.keySecret)
    // What other instances have made may come from clients of any version.
    this.#mixesVersions = settings.redis !== undefined
    this.fragments = new FragmentCache(this)
  }

  /** Begins to note what the application reads of one request. */
  observe(): Observation {
    const { ignoredInputs, credentials } = this.settings
    const observation = new Observation(ignoredInputs, credentials)
    // A warmer speaks one version, and visitors perhaps another.
    observation.heedsVersion = this.#mixesVersions || this.warming > 0
    return observation
  }

  /**
   * Clients mostly speak one version of HTTP. When another one comes, what was made until then may depend on the version without
   * anybody having noticed: it falls, once.
   */
  noteVersion(request: IncomingRequest): void {
    const { httpVersion: version } = request
    if (version === this.#version || this.#mixesVersions || this.visitOf(request)) return
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
    const visit = this.visitOf(request)
    if (visit) {
      visit.hit(reason, stored.body.byteLength)
      return
    }
    this.hits++
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
  leadRefresh(stored: StoredResponse): Making | undefined {
    const { collapsing, sequence, settings } = this
    if (collapsing.keepsBack(stored.key, sequence, settings.collapseTimeout)) return undefined
    return this.lead(stored.key, sequence.start(), () => stored.closure, true)
  }

  /** A making beside that compares itself with this hit, when it is drawn by lot; what belongs to an audience cannot be made for nobody. */
  auditOf(stored: StoredResponse, { isRepeatable }: IncomingRequest): Making | undefined {
    const { auditSample } = this.settings
    if (auditSample === 0 || stored.audience !== undefined || stored.madeAuthorized)
      return undefined
    if (Math.random() >= auditSample || !isRepeatable) return undefined
    const making = new Making(stored.key, this.sequence.start(), () => stored.closure)
    making.audited = stored
    return making
  }

  /** Is a stale response still to be made anew by this instance? Another one may have done so, or be about it. */
  async isToRefresh(stored: StoredResponse, making: Making): Promise<boolean> {
    const { key } = stored
    const shared = this.membership?.store
    if (shared?.isOpen !== true || making.audited) return true
    const { kind } = await shared.fetch(key, 'lease')
    if (kind === 'wait' || kind === 'pass') return false
    if (kind === 'lead' && shared.take(key)) making.lease = key
    const standing = this.store.response(key)
    // By its own clock: the one who has made it may have another.
    const isFresh = standing !== undefined && this.settings.clock() < standing.timeline.staleAt
    if (!isFresh) return true
    // The same one is no answer: Redis does not know that an address was invalidated which its closure does not name.
    return (
      standing.begun === stored.begun && standing.timeline.cachedAt === stored.timeline.cachedAt
    )
  }

  /** Counts and tells what led to the application: a miss, or a bypass. */
  forwarded(request: IncomingRequest, isOff: boolean, lookup: Lookup): void {
    const { primaryKey, reason, felledBy, bypass, bypassDetail } = lookup
    if (isOff) this.#bypass(request, 'off', undefined)
    else if (bypass !== undefined) this.#bypass(request, bypass, bypassDetail)
    else this.#miss(request, primaryKey, reason ?? 'absent', felledBy)
    const passed = isOff ? 'off' : bypass
    if (passed !== undefined && passed !== 'credentials') {
      const end = { kind: 'refused', reason: passed, detail: bypassDetail } as const
      this.visitOf(request)?.tell(end)
    }
  }

  /** A request has come, wherever in the application the cache stands. */
  greet(request: IncomingRequest): void {
    if (this.visitOf(request) === undefined) this.visitors++
  }

  /** The warmer's visit that a request is, if it is one. */
  visitOf(request: IncomingRequest): Visit | undefined {
    return this.warming === 0 ? undefined : request.visit
  }

  #miss(
    request: IncomingRequest,
    primaryKey: string,
    reason: MissReason,
    by: string | undefined,
  ): void {
    // Hits of warmers are none either: what visitors got would not be seen among them.
    if (this.visitOf(request) === undefined) this.misses++
    if (!this.events.wants('miss')) return
    const { method, target: url } = request
    this.events.emit('miss', { key: primaryKey, method, url, reason, by })
  }

  #bypass(request: IncomingRequest, reason: BypassReason, detail: string | undefined): void {
    this.bypasses++
    if (!this.events.wants('bypass')) return
    const { method, target: url } = request
    this.events.emit('bypass', { method, url, reason, detail })
  }

  /** Tells that a response was stored. @param time what its making took, milliseconds */
  stored(request: IncomingRequest, response: StoredResponse, time: number): void {
    const visit = this.visitOf(request)
    this.pages?.made(request, response, time, visit === undefined)
    visit?.tell({ kind: 'made', bytes: response.body.byteLength })
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
      this.sequence.softenedAt(stored.stamp, stored.closure, stored.key) <= this.settings.clock()
    const reason = isSoft === true ? 'soft' : 'stale-while-revalidate'
    this.events.emit('refresh', { key, reason, outcome })
  }

  /** Tells that a response was not stored, and warns once per route where that is mostly an oversight. */
  refused(
    request: IncomingRequest,
    key: string,
    reason: RefuseReason,
    detail: string | undefined,
  ): void {
    const route = request.route()?.pattern
    this.visitOf(request)?.tell({ kind: 'refused', reason, detail })
    if (this.events.wants('refuse')) {
      const { method, target: url } = request
      this.events.emit('refuse', { key, method, url, route, reason, detail })
    }
    this.warn(reason, this.#warnings.messageOnce(nameOf(request), reason, detail))
  }

  /** Tells once that a route is stored by default whose path looks as if it did something. */
  doubt(request: IncomingRequest): void {
    this.warn('operational', this.#warnings.doubtOnce(nameOf(request)))
  }

  warn(reason: WarningEvent['reason'], told: Told | undefined): void {
    if (told === undefined) return
    if (this.events.wants('warning')) this.events.emit('warning', { reason, ...told })
    else if (this.settings.why) {
      process.emitWarning(told.message, { type: 'CacheflowWarning', code: reason })
    }
  }

  /** The value of one input of a request, as keys have it. */
  read(request: IncomingRequest, name: string): string | undefined {
    return this.#veil.over(name, inputValue(request, name, this.settings.userAgentClass))
  }

  /** Requests of this key do not wait for each other until the time is over (hit-for-miss). */
  rememberPass(key: string, reason: RefuseReason): void {
    const { clock, hitForMiss } = this.settings
    if (hitForMiss > 0) this.#passes.set(key, { reason, until: clock() + hitForMiss })
  }

  override settle(making: Making): void {
    const { clock, hitForMiss } = this.settings
    super.settle(making, this.passReason(making.key, clock()) === undefined ? 0 : hitForMiss)
  }

  forgetPass(key: string): void {
    this.#passes.delete(key)
  }

  /** Why a response of this key could not be stored lately. */
  passReason(key: string, now: number): RefuseReason | undefined {
    const pass = this.#passes.get(key)
    return pass !== undefined && now < pass.until ? pass.reason : undefined
  }
}
