import type { RefreshEvent } from '../events/events.ts'
import type { UncacheableReason } from '../events/reasons.ts'
import { fieldLines } from '../http/header-fields.ts'
import { type BodyForm, type StoredResponse, isFailure } from '../http/stored-response.ts'
import type { Asked } from '../privacy/groups.ts'
import { isAudited } from './audit.ts'
import { knownDependencies } from './dependencies.ts'
import { type Overrides, isAnsweredByCondition, overridesFor } from './conditions.ts'
import type { BodySource, ExchangeFacts, HeadPlan, ResponseHead } from './exchange-facts.ts'
import { asSent, bypassFields, forwardFields } from './response-fields.ts'
import { type IncomingRequest, trackerOf } from '../request/incoming-request.ts'
import type { ReadTracker } from '../request/read-tracker.ts'
import { withSecretsOf } from '../privacy/page-secret.ts'
import type { Policy } from '../request/policy.ts'
import type { DependencyTracker } from '../fragments/dependency-tracker.ts'
import { mayReplace } from './replacement.ts'
import type { MissContext } from './miss-context.ts'
import type { InFlightRender } from './collapsing.ts'
import type { ResponseCache } from './response-cache.ts'
import { freshened, checkStorable, buildStoredResponse } from './store-response.ts'
import { invalidateTarget } from './invalidate-on-write.ts'
import { noteSend } from '../fragments/scope.ts'
import { type Cacheability, forbiddenBy, isTransient, refuse } from './cacheability.ts'
import { VersionCheck, type VersionTag, withValidators } from './version.ts'
import { takesBack, withdrawnBy } from './withdrawal.ts'

/** One request that runs the application: what it may see, what it records, and what becomes of its response. */
export class Exchange implements ExchangeFacts {
  readonly cache: ResponseCache
  readonly request: IncomingRequest
  policy: Policy
  readonly miss: MissContext
  readonly tracker: DependencyTracker
  readonly observation: ReadTracker | undefined
  readonly asked: Asked | undefined
  /** True for a background refresh: nobody waits for its answer. */
  readonly isRefresh: boolean
  readonly requestedAt: number
  receivedAt: number
  #render: InFlightRender | undefined
  #head: ResponseHead | undefined
  #cacheability: Cacheability | undefined
  /** Cache-Control as the cache itself completed it. */
  #ownControl: string | undefined
  #version: VersionCheck | undefined
  /** The body was judged with the head. */
  #isSearched = false
  #isTold = false
  #hasWithdrawn = false
  #done = false

  constructor(
    cache: ResponseCache,
    request: IncomingRequest,
    policy: Policy,
    miss: MissContext,
    refresh?: InFlightRender,
  ) {
    const { settings, sequence } = cache
    this.cache = cache
    this.request = request
    this.policy = policy
    this.miss = miss
    this.tracker = trackerOf(request, refresh?.start ?? sequence.start())
    // Of what passes by nothing is stored but its fragments.
    const isObserved = settings.observe && (!this.isPassing || cache.fragments.isUsed)
    this.observation = isObserved ? (request.observation ?? cache.observe(request)) : undefined
    this.asked = cache.groups.begin(this)
    this.isRefresh = refresh !== undefined
    this.#render = refresh
    this.requestedAt = settings.clock()
    this.receivedAt = this.requestedAt
  }

  /** Nothing of it will be stored: credentials alone do not say so, for `public` may follow (RFC 9111 §3.5). */
  get isPassing(): boolean {
    return this.policy.off || (this.miss.bypass ?? 'credentials') !== 'credentials'
  }

  /** Its fate is sealed: stored, refused, or answered from the store. */
  get isEnded(): boolean {
    return this.#done
  }

  /** Others who ask for the same key will wait for this exchange. */
  lead(): void {
    this.#render = this.cache.lead(this.miss.key, this.tracker, () => knownDependencies(this))
  }

  /** The header fields that the application must not see, or must see changed. */
  get overrides(): Overrides | undefined {
    return this.isPassing ? undefined : overridesFor(this)
  }

  /** Has the store, or the client, what the application would make from this version? */
  checkVersion(version: VersionTag): VersionCheck {
    return (this.#version = new VersionCheck(this, version))
  }

  /** Decides on the head of the response; called once, before the first byte goes out. */
  head(given: ResponseHead, body?: BodySource): HeadPlan {
    const head = this.#version?.settled(given) ?? given
    const plan = this.#plan(head, body)
    return head === given ? plan : withValidators(plan, head)
  }

  #plan(head: ResponseHead, body: BodySource | undefined): HeadPlan {
    noteSend(this.request.native, this.tracker, this.cache.fragments)
    this.#head = head
    this.receivedAt = this.cache.settings.clock()
    invalidateTarget(this, head)
    if (this.isPassing) {
      this.#tell()
      if (this.policy.off && this.miss.bypass === undefined) this.#withdraw(refuse('off'), head)
      this.settle()
      return { act: 'send', fields: bypassFields(this, head), collect: false }
    }
    const { stored } = this.miss
    if (stored) {
      if (head.status === 304 && this.#confirms(stored)) return this.#freshen(head, stored)
      const isReplaced = isFailure(head.status) && mayReplace(this.cache, stored)
      if (isReplaced) return this.#replaceError(stored, head.status)
    }
    this.#tell()
    const { verdict: cacheability, isSearched } = checkStorable(this, head, body)
    this.#withdraw(cacheability, head)
    if (this.request.method === 'HEAD') {
      return { act: 'send', fields: forwardFields(this, head, cacheability, false), collect: false }
    }
    this.#cacheability = cacheability
    this.#isSearched = isSearched
    if (!cacheability.store) {
      // Nobody need wait for a response that will not be shared, however long its body takes.
      if (!isTransient(cacheability.reason, head.status))
        this.cache.rememberHitForMiss(this.miss.key, cacheability.reason)
      this.settle()
    }
    const fields = forwardFields(this, head, cacheability, isSearched)
    this.#ownControl = fields.set.find(([name]) => name === 'Cache-Control')?.[1]
    const collect = cacheability.store
    if (isAnsweredByCondition(this, head, cacheability)) {
      const isCut = !cacheability.store && cacheability.reason === 'too-large'
      return { act: 'not-modified', fields, collect, isCut }
    }
    return { act: 'send', fields, collect }
  }

  /** Refuses what outer layers made unshareable after the application's own head was known. */
  forbid(final: Pick<ResponseHead, 'fields' | 'all'>): void {
    if (this.#cacheability?.store !== true || this.#head === undefined) return
    const refusal = forbiddenBy(this, this.#head, final, this.#ownControl)
    if (refusal) this.refuse(refusal.reason, refusal.detail)
    const all = withSecretsOf(final.all, this.#head.all)
    // The nonces of other policies may be in the body, and the values of other cookies.
    if (all !== this.#head.all) this.#isSearched = false
    this.#head = { ...this.#head, all }
  }

  /** The head went out in UTF-8: its bytes are kept, read as Latin-1, which is how stored heads go out. */
  headWasText(): void {
    if (this.#head) this.#head = asSent(this.#head)
  }

  /** The whole body is known: store the response, if nothing forbids it by now. */
  complete(body: Buffer, form: BodyForm = 'bytes', isFinal = true): void {
    this.tracker.isEnded = true
    if (this.#done || this.#head === undefined) return
    this.observation?.seal()
    try {
      const made = buildStoredResponse(this, this.#head, body, form, isFinal, this.#isSearched)
      if (made.store) this.#store(made.response)
      else this.refuse(made.reason, made.detail)
    } catch (error) {
      this.cache.fault(error, 'storing a response')
      this.refuse('error')
    } finally {
      this.settle()
    }
  }

  /** The response will not be stored; those who wait go on by themselves. Of several calls the first counts. */
  refuse(reason: UncacheableReason, detail?: string): void {
    if (this.#done) return
    this.#done = true
    this.#tell()
    this.observation?.seal()
    const { cache, request, miss: lookup } = this
    if (!isAudited(this, { reason, detail }) && !this.isPassing && request.method === 'GET') {
      if (!isTransient(reason, this.#head?.status)) cache.rememberHitForMiss(lookup.key, reason)
      if (this.#head) this.#withdraw({ store: false, reason }, this.#head)
      cache.refused(request, lookup.primaryKey, reason, detail, this.observation?.readerOf(reason))
      this.#tellRefresh(this.#hasWithdrawn ? 'removed' : 'kept')
    }
    this.settle()
  }

  /** Another exchange goes on in its place, under the key of a route. */
  release(): void {
    this.#done = true
    this.#isTold = true
    if (!this.isRefresh) this.settle()
  }

  /** The response ended without a body to store, or its way ended here. */
  end(): void {
    this.tracker.isEnded = true
    const known = this.#cacheability
    if (known?.store === false) this.refuse(known.reason, known.detail)
    this.#done = true
    this.observation?.seal()
    this.settle()
  }

  #confirms(stored: StoredResponse): boolean {
    const holder = this.#version?.holder
    // What the client has may be younger than what is stored.
    if (holder !== undefined) return holder === 'store'
    return stored.confirmable !== undefined && this.request.method === 'GET'
  }

  /** The application confirmed the stored response (RFC 9111 §4.3.4). */
  #freshen(head: ResponseHead, stored: StoredResponse): HeadPlan {
    this.#isTold = true
    const renewed = freshened(this, head, stored)
    if (renewed.store) this.#store(renewed.response, 'validated')
    else {
      if (takesBack(renewed)) this.#withdraw(renewed, { ...head, status: stored.status })
      this.refuse(renewed.reason, renewed.detail)
    }
    // It confirmed something else: the next request gets a whole response.
    if (!renewed.store && renewed.reason === 'no-validator') this.cache.drop(stored)
    this.#done = true
    this.settle()
    const served = renewed.store ? renewed.response : stored
    this.cache.hit(this.request, served, 'validated')
    const cookies = fieldLines(head.all, 'set-cookie')
    return { act: 'serve', stored: served, reason: 'validated', forwardedStatus: 304, cookies }
  }

  #replaceError(stored: StoredResponse, status: number): HeadPlan {
    this.#done = true
    this.#isTold = true
    this.#tellRefresh('kept')
    this.settle()
    this.cache.hit(this.request, stored, 'stale-if-error')
    return { act: 'serve', stored, reason: 'stale-if-error', forwardedStatus: status, cookies: [] }
  }

  /** The stored response that may stand in for an error the framework caught; undefined when none may. */
  replacementForError(): StoredResponse | undefined {
    const { stored } = this.miss
    if (!stored || this.isPassing || !mayReplace(this.cache, stored)) return undefined
    this.#replaceError(stored, 500)
    return stored
  }

  #store(response: StoredResponse, outcome: 'stored' | 'validated' = 'stored'): void {
    const { cache, miss: lookup } = this
    this.#done = isAudited(this, response)
    if (this.#done) return
    if (!cache.store.put(lookup.primaryKey, response)) {
      this.refuse('too-large')
      return
    }
    this.#done = true
    cache.replicate(response, this.#render)
    cache.forgetHitForMiss(lookup.key)
    cache.forgetHitForMiss(response.key)
    this.#tellRefresh(outcome)
    cache.stored(this.request, response, this.receivedAt - this.requestedAt)
    this.tracker.onLate = () => cache.takeBack(this.request, response)
  }

  /** Removes what this answer was to replace, if it takes it down: older makings cannot bring it back, here or elsewhere. */
  #withdraw(cacheability: Cacheability, head: ResponseHead): void {
    if (this.#hasWithdrawn) return
    const dependency = withdrawnBy(this, head, cacheability, this.#render)
    if (dependency === undefined) return
    this.#hasWithdrawn = true
    this.cache.invalidateUnawaited([dependency])
  }

  /** Tells once what led to the application: a miss, or a bypass. Only now is it known whether a route answered instead. */
  #tell(): void {
    if (this.#isTold) return
    this.#isTold = true
    this.cache.forwarded(this.request, this.policy.off, this.miss)
  }

  /** Nobody waits for it any longer. */
  settle(): void {
    if (this.#render) this.cache.settle(this.#render)
    this.#render = undefined
  }

  #tellRefresh(outcome: RefreshEvent['outcome']): void {
    const { primaryKey, stored } = this.miss
    if (this.isRefresh) this.cache.refreshed(primaryKey, stored, outcome)
  }
}
