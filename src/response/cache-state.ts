import type { Events } from '../events/events.ts'
import type { ResetReason } from '../events/reasons.ts'
import { type Dependency, keyDependency } from '../invalidation/dependency.ts'
import type { InvalidationReceipt } from '../invalidation/target.ts'
import { Sequence, type Start } from '../invalidation/sequence.ts'
import type { Softness } from '../invalidation/soft.ts'
import { mayBeCoded } from '../http/coded.ts'
import { softened } from '../http/freshness.ts'
import type { CodedBody, StoredResponse } from '../http/stored-response.ts'
import { compressed, copied, isCompressible } from '../store/compression.ts'
import type { Stored } from '../store/entry-store.ts'
import { ResponseStore } from '../store/response-store.ts'
import { CopyRoom } from '../store/copy-room.ts'
import { Membership } from '../redis/member.ts'
import type { L2Lease, L2Store } from '../redis/l2-store.ts'
import { type InFlightRender, RequestCollapsing } from './collapsing.ts'
import { followLease } from './follow-lease.ts'
import {
  type Removed,
  RemovedCount,
  removedOf,
  MAX_NAMED,
  receiptOf,
  shownKeys,
} from '../store/receipt.ts'
import type { Settings } from '../request/settings.ts'
import { UrlMemory } from '../request/url-memory.ts'

/** What is stored and being made in this process, and the order of invalidations, alone or with other instances. */
export class CacheState {
  readonly settings: Settings
  readonly events: Events
  readonly store: ResponseStore
  readonly sequence: Sequence
  readonly collapsing: RequestCollapsing = new RequestCollapsing((render) =>
    this.#endLease(render, 0),
  )
  /** Among other instances, where there is a Redis. */
  readonly membership: Membership | undefined
  /** Bodies under way, which are not in the store yet. */
  readonly copies: CopyRoom
  /** What URLs depend on that share a key. */
  readonly urls: UrlMemory = new UrlMemory()
  isClosed = false
  /** How many of those that soften in slices are under way. */
  #sweeps = 0
  /** Told of the keys that have fallen, or become stale by an invalidation: within so many milliseconds. */
  onInvalidated: ((keys: Iterable<string>, over: number) => void) | undefined

  constructor(settings: Settings, events: Events) {
    this.settings = settings
    this.events = events
    this.sequence = new Sequence({ maxStaleness: settings.redis?.maxStaleness ?? Infinity })
    this.store = new ResponseStore({
      ...settings,
      onEvict: (key, bytes) => {
        if (events.wants('evict')) events.emit('evict', { key, bytes })
      },
    })
    this.copies = new CopyRoom(settings.maxSize)
    this.membership = settings.redis && new Membership(this, settings.redis)
  }

  /**
   * Invalidates at once in this process, and then in all that share its Redis: number first, so that nothing begun before
   * can be stored, then evict.
   *
   * @param waits until every instance has confirmed; as the option `redis.wait` says where it is left out
   * @throws CacheflowError `ERR_CACHEFLOW_UNCONFIRMED`
   */
  async invalidate(
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    waits: boolean = this.settings.redis?.waitsForAll ?? false,
  ): Promise<InvalidationReceipt> {
    const { sequence, membership } = this
    // A touch of no rows; in Redis an empty list of roots stands for everything.
    if (membership && dependencies.length === 0) {
      return receiptOf(membership.sequence.applied, new RemovedCount(), [], [])
    }
    const number = membership
      ? sequence.provisional(dependencies, soft)
      : sequence.record(dependencies, soft)
    const removed = this.applyInvalidation(number, dependencies, soft, 'here')
    if (membership === undefined) return receiptOf(number, removed, [], [])
    const shared = await membership.invalidation.carryOut(dependencies, soft, waits)
    return receiptOf(shared.number, removed, shared.invalidated, shared.confirmedBy)
  }

  /**
   * Fells what stands under a key, in every instance, so that something else may take its place.
   *
   * @returns the start of that: behind the invalidation, and behind those that others made before it
   * @throws as `invalidate`
   */
  async restart(key: string): Promise<Start> {
    await this.invalidate([keyDependency(key)], false)
    const shared = this.membership?.sequence
    if (shared && shared.lag > 0) await shared.refresh()
    return this.sequence.start()
  }

  /** An invalidation that nobody waits for: what becomes of it, an event tells. */
  invalidateUnawaited(dependencies: readonly Dependency[]): void {
    this.invalidate(dependencies, false, false).catch(() => undefined)
  }

  /**
   * Fells, or softens, what was made before an invalidation.
   *
   * @param origin who invalidates: this process, which is told of it again when Redis has numbered it, or another one, of which only that is
   *   told which fells something here
   */
  applyInvalidation(
    number: number,
    dependencies: readonly Dependency[] | 'all',
    soft: Softness,
    origin: 'here' | 'again' | 'elsewhere' = 'elsewhere',
  ): RemovedCount {
    const over = typeof soft === 'object' ? soft.over : 0
    const removed = new RemovedCount()
    for (const dependency of dependencies === 'all' ? ['all'] : dependencies) {
      const found =
        soft === false
          ? this.#tellInvalidated(dependency, number, removed)
          : this.#soften(dependency, number, removed)
      // What is stale already is found a second time, and what has fallen is not.
      const isNews = origin === 'here' || (found.length > 0 && (origin !== 'again' || !soft))
      if (isNews && this.events.wants('invalidate')) {
        const sequence = this.membership?.sequence.numberOf(number) ?? number
        this.events.emit('invalidate', {
          dependency,
          sequence,
          soft: soft !== false,
          spread: over,
          keys: shownKeys(found).slice(0, MAX_NAMED),
        })
      }
    }
    if (!removed.isEmpty) this.onInvalidated?.(removed.keys(), over)
    return removed
  }

  /** What this process holds can no longer be judged. */
  renew(reason: ResetReason): void {
    const { entries } = this.store
    this.store.clear()
    if (entries > 0 && this.events.wants('reset')) this.events.emit('reset', { reason, entries })
  }

  /** Somebody who knows nothing of numbers has changed what stands under these keys. */
  evict(keys: readonly string[] | 'all'): void {
    const dependencies = keys === 'all' ? keys : keys.map(keyDependency)
    this.applyInvalidation(this.sequence.provisional(dependencies, false), dependencies, false)
    if (keys !== 'all') for (const key of keys) this.store.delete(key)
  }

  /**
   * Is what is stored known to be valid, as far as this instance can know of the others?
   *
   * @param since when the request came that asks for it
   */
  isTrusted({ verifiedAt }: Stored, since: number = Infinity): boolean {
    return verifiedAt >= since || this.sequence.isTrusted(verifiedAt)
  }

  /** Whoever is about to use what is stored has it stale from when on it is so: its slice may be still to come. */
  applySoftInvalidation(stored: Stored): void {
    const now = this.settings.clock()
    if (stored.startSequence < this.sequence.softFloor)
      stored.timeline = softened(stored.timeline, now)
    else if (this.#sweeps > 0) this.#shorten(stored, now)
  }

  /** Keeps what was stored here for other instances too. @param render the one that they wait for */
  replicate(stored: Stored, render?: InFlightRender): void {
    const { compress } = this.settings
    const lease = render?.lease
    if (render) render.lease = undefined
    if (stored.kind === 'response') {
      this.collapsing.overtake(stored.key, render)
      this.collapsing.overtake(stored.primaryKey, render)
    }
    const isCoded =
      compress !== 'identity' &&
      stored.kind === 'response' &&
      mayBeCoded(stored) &&
      isCompressible(stored.body, stored.fields)
    if (isCoded) void this.#code(stored, compress, lease)
    else this.membership?.store.offer(stored, lease)
  }

  /** Compresses a body, once: from then on it is sent so to those who accept it. */
  async #code(
    stored: StoredResponse,
    coding: CodedBody['coding'],
    lease: string | undefined,
  ): Promise<void> {
    const body = await compressed(stored.body, coding)
    if (body && this.store.response(stored.key) === stored) {
      // It changes its place, and a slice that makes it stale may find it no longer.
      this.applySoftInvalidation(stored)
      stored.coded = { coding, body: copied(body) }
      if (!this.store.put(stored.primaryKey, stored)) stored.coded = undefined
    }
    // What did not become smaller once does not the second time.
    this.membership?.store.offer(stored, lease, body ? coding : 'identity')
  }

  /** Begins to make a key: for this process, and for the others where they wait for it. */
  lead(
    key: string,
    start: Start,
    dependencies: () => Iterable<Dependency>,
    isRefresh = false,
  ): InFlightRender {
    const render = this.collapsing.lead(key, start, dependencies)
    render.isRefresh = isRefresh
    if (this.membership?.store.take(key) === true) render.lease = key
    return render
  }

  /** Those who wait go on. @param pass for how long nobody need wait, where nothing could be shared, milliseconds */
  settle(render: InFlightRender, pass = 0): void {
    this.#endLease(render, pass)
    this.collapsing.settle(render)
  }

  #endLease(render: InFlightRender, pass: number): void {
    const { lease } = render
    render.lease = undefined
    if (lease !== undefined) this.membership?.store.release(lease, pass)
  }

  /** Takes something out of the store of this process, unless a newer one stands there by now. */
  drop(stored: Stored): void {
    if (this.store.peek(stored.key) === stored) this.store.delete(stored.key)
  }

  /**
   * Another instance makes a key, and whoever comes waits for that. When it has been made, it stands in memory; when its
   * maker is gone, one of those who waited makes it.
   */
  followOther(shared: L2Store, key: string, lease: L2Lease): InFlightRender {
    const render = this.collapsing.lead(key, this.sequence.start(), () => [])
    const end = performance.now() + (this.settings.collapseTimeout || 0)
    void followLease(shared, render, lease, end).then(() => this.collapsing.settle(render))
    return render
  }

  /** @param first what takes its leave of Redis before the connection ends */
  async close(first?: () => Promise<void>): Promise<void> {
    this.isClosed = true
    const left = first?.()
    this.store.clear()
    await left
    await this.membership?.close()
  }

  fault(error: unknown, during: string): void {
    this.events.emit('error', { error, during })
  }

  #tellInvalidated(dependency: Dependency, number: number, removed: RemovedCount): Removed[] {
    if (dependency === 'all') return removed.addMany(this.store.invalidateAll())
    if (this.store.isCrowded(dependency, removed.room)) {
      return removed.addMany(this.store.condemn(dependency, number))
    }
    const found = this.store
      .enclosing(dependency)
      .filter(({ startSequence }) => startSequence < number)
    for (const { key } of found) this.store.invalidate(key, dependency)
    return removed.add(found.map(removedOf))
  }

  #soften(dependency: Dependency, number: number, removed: RemovedCount): Removed[] {
    const apply = (stored: Stored): void => {
      if (stored.startSequence < number) this.#shorten(stored, this.settings.clock())
    }
    if (this.store.isCrowded(dependency, removed.room)) {
      this.#sweeps++
      return removed.addMany(this.store.visit(dependency, apply, () => this.#sweeps--))
    }
    const found = this.store
      .enclosing(dependency)
      .filter(({ startSequence }) => startSequence < number)
    for (const stored of found) apply(stored)
    return removed.add(found.map(removedOf))
  }

  #shorten(stored: Stored, now: number): void {
    const timestamp = this.sequence.softInvalidationAt(
      stored.startSequence,
      stored.dependencies,
      stored.key,
    )
    stored.timeline = softened(stored.timeline, Math.max(now, timestamp))
  }
}
