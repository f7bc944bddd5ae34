import { LRUCache } from 'lru-cache'
import type { BypassReason, Events, HitReason, MissReason } from '../events.ts'
import type { Dependency } from '../graph/dependency.ts'
import type { InvalidationReceipt } from '../graph/invalidation.ts'
import { Sequence } from '../graph/sequence.ts'
import { currentAge, softened, timeToLive } from '../http/freshness.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { ResponseStore } from '../store/response-store.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { inputValue } from './observation.ts'
import { type Making, RequestCollapsing } from './request-collapsing.ts'
import type { Settings } from './settings.ts'

/** How many keys that could not be stored are remembered. */
const rememberedPasses = 10_000

/** What is stored, what is being made, and the order of invalidations: the state that all requests of one cache share. */
export class ResponseCache<Native> {
  readonly settings: Settings<Native>
  readonly events: Events
  readonly store: ResponseStore
  readonly sequence: Sequence = new Sequence()
  readonly collapsing: RequestCollapsing = new RequestCollapsing()
  /** Routes and reasons that were warned of. */
  readonly warned: Set<string> = new Set()
  isClosed = false
  hits = 0
  misses = 0
  bypasses = 0
  readonly #passes = new LRUCache<string, number>({ max: rememberedPasses })

  constructor(settings: Settings<Native>, events: Events) {
    this.settings = settings
    this.events = events
    this.store = new ResponseStore({
      ...settings,
      onEvict: (key, bytes) => {
        if (events.wants('evict')) events.emit('evict', { key, bytes })
      },
    })
  }

  /** Counts and tells a hit. */
  hit(stored: StoredResponse, reason: HitReason): void {
    this.hits++
    if (!this.events.wants('hit')) return
    const now = this.settings.clock()
    this.events.emit('hit', {
      key: stored.primaryKey,
      reason,
      age: currentAge(stored.timeline, now),
      ttl: timeToLive(stored.timeline, now),
      route: stored.route,
    })
  }

  /** One refresh of a response at a time: undefined when one is running that no invalidation has overtaken. */
  leadRefresh(stored: StoredResponse): Making | undefined {
    const running = this.collapsing.find(stored.key)
    if (running && this.sequence.felledBy(running.stamp, running.dependencies) === undefined) {
      return undefined
    }
    return this.collapsing.lead(stored.key, this.sequence.applied, new Set(stored.closure))
  }

  /** Counts and tells a miss. */
  miss(primaryKey: string, key: string, reason: MissReason): void {
    this.misses++
    if (!this.events.wants('miss')) return
    const by = reason === 'invalidated' ? this.store.fallOf(key)?.by : undefined
    this.events.emit('miss', { key: primaryKey, reason, by })
  }

  /** Counts and tells that a request passes by. */
  bypass(request: IncomingRequest<Native>, reason: BypassReason, detail?: string): void {
    this.bypasses++
    if (!this.events.wants('bypass')) return
    const { method, target: url } = request
    this.events.emit('bypass', { method, url, reason, detail })
  }

  /** The value of one input of a request, as look-up and storing see it. */
  read(request: IncomingRequest<Native>, name: string): string | undefined {
    return inputValue(request, name, this.settings.userAgentClass)
  }

  /** Requests of this key do not wait for each other until the time is over (hit-for-miss). */
  rememberPass(key: string): void {
    if (this.settings.hitForMiss > 0) {
      this.#passes.set(key, this.settings.clock() + this.settings.hitForMiss)
    }
  }

  forgetPass(key: string): void {
    this.#passes.delete(key)
  }

  isPass(key: string, now: number): boolean {
    const until = this.#passes.get(key)
    return until !== undefined && now < until
  }

  /** Invalidates at once in this process: number first, so that nothing begun before can be stored, then evict. */
  invalidate(dependencies: readonly Dependency[] | 'all', soft: boolean): InvalidationReceipt {
    const sequence =
      dependencies === 'all'
        ? this.sequence.recordAll(soft)
        : this.sequence.record(dependencies, soft)
    const now = this.settings.clock()
    const keys = new Set<string>()
    let responses = 0
    if (dependencies === 'all') {
      responses = this.store.entries
      if (!soft) this.store.clear()
    } else {
      for (const dependency of dependencies) {
        for (const stored of this.store.enclosing(dependency)) {
          if (soft) stored.timeline = softened(stored.timeline, now)
          else this.store.fell(stored.key, dependency)
          keys.add(stored.primaryKey)
          responses++
        }
      }
    }
    if (this.events.wants('invalidate')) {
      const names = dependencies === 'all' ? ['all'] : dependencies
      for (const dependency of names) {
        this.events.emit('invalidate', { dependency, sequence, soft, keys: [...keys] })
      }
    }
    return { sequence, responses, fragments: 0, keys: [...keys], instances: 0 }
  }

  close(): void {
    this.isClosed = true
    this.store.clear()
  }

  fault(error: unknown, during: string): void {
    this.events.emit('fault', { error, during })
  }
}

