import { fail } from '../events/errors.ts'
import { keyDependency } from '../invalidation/dependency.ts'
import type { FragmentReason } from '../events/reasons.ts'
import type { StoredFragment } from '../store/stored-fragment.ts'
import { type Body, type FragmentCall, fragmentDependencies } from './fragment-call.ts'
import { containedIn, noneOf } from './store-fragment.ts'
import { finished } from './fragment-finish.ts'
import { FragmentRender, type Outcome } from './fragment-render.ts'
import { InFlightFragments } from './in-flight.ts'
import { Agreement } from './agreement.ts'
import { FragmentTally } from './fragment-stats.ts'
import { written } from './output.ts'
import {
  type Asked,
  type FragmentHost,
  type LookupOutcome,
  aside,
  clashing,
  asking,
  isThenable,
  renderId,
} from './lookup.ts'
import { noteShown, pageOf } from './fragment-repeat.ts'
import { DependencyTracker } from './dependency-tracker.ts'
import type { L2Store } from '../redis/l2-store.ts'
import type { FragmentSource, Scope } from './scope.ts'
import { ViewMemory } from './prefetch.ts'

/** Where requests do not wait for each other's pages, fragments are shared all the same: 5 s. */
const DEFAULT_TIMEOUT = 5_000

/** How many bodies may stand on one stack. */
const deepest = 50

/** Looks fragments up, makes those that are missing, and stores them with all that they were made from. */
export class FragmentCache implements FragmentSource {
  readonly #room: FragmentHost
  readonly #inFlight: InFlightFragments
  /** How long one waits for another's making, milliseconds. */
  readonly #timeout: number
  readonly reads: ViewMemory
  readonly tally: FragmentTally
  readonly #agreement = new Agreement()
  /** Since then requests are observed though nothing of them is stored: their fragments are. */
  isUsed = false

  /** A callback has run in the context of another request: whatever goes by the context alone may do so. */
  #distrusts = false

  constructor(room: FragmentHost) {
    this.#room = room
    this.#timeout = room.settings.collapseTimeout || DEFAULT_TIMEOUT
    this.#inFlight = new InFlightFragments(room.settings.clock, this.#timeout)
    this.tally = new FragmentTally(room)
    this.reads = new ViewMemory({
      shared: () => (room.isClosed ? undefined : room.membership?.store),
      has: (key) => room.settings.clock() < (this.#existing(key)?.timeline.staleAt ?? 0),
    })
  }

  /** Fragments being made that others may wait for. */
  get inFlight(): number {
    return this.#inFlight.size
  }
  get isStrict(): boolean {
    return this.#room.settings.strict
  }

  none(call: FragmentCall, { tracker, visitor }: Scope): void {
    tracker.contain(noneOf(call, visitor?.origin, this.#room.settings.clock()))
  }

  distrustContext(root: DependencyTracker): void {
    this.#distrusts = true
    const keys = root.visitorKeys.splice(0)
    if (keys.length > 0) this.#room.invalidateUnawaited(keys.map(keyDependency))
  }

  /**
   * The text of a fragment: at once when it is stored, or when its body needs no promise.
   *
   * @param mayWait false in a template that cannot await
   */
  show(
    call: FragmentCall,
    body: Body<unknown>,
    scope: Scope,
    mayWait: boolean,
  ): string | Promise<string> {
    this.isUsed = true
    const asked = asking(call, body, scope, this.#room.settings, mayWait)
    const way = aside(asked, this.#room, this.#distrusts)
    if (way) return this.#make(asked, way)
    if (this.#agreement.isClashing(asked.key)) return this.#make(asked, clashing(asked))
    scope.renderPass?.meets(asked.key)
    return this.#look(asked, false)
  }

  /** Makes a fragment now, in place of what is stored of it here and elsewhere; its body has to read what it shows. */
  async put(call: FragmentCall, body: Body<unknown>, outer: Scope): Promise<string> {
    this.isUsed = true
    const asked = asking(call, body, outer, this.#room.settings, true)
    const way = aside(asked, this.#room, this.#distrusts)
    if (way) {
      // A closed cache stores nothing; what others have of it falls all the same.
      if (this.#room.isClosed) await this.#room.restart(asked.key)
      return this.#make(asked, way)
    }
    // It begins behind its own invalidation, and not with its page: what its body reads, it reads behind that.
    const root = new DependencyTracker(await this.#room.restart(asked.key))
    const inner = { ...asked, scope: { ...outer, tracker: root, root, renderPass: undefined } }
    const text = await this.#make(inner, { reason: 'put' })
    outer.tracker.contain(root)
    return text
  }

  /** @param isFetched Redis was asked for it */
  #look(asked: Asked, isFetched: boolean): string | Promise<string> {
    const { key, mayWait } = asked
    const { settings, store } = this.#room
    const stored = this.#existing(key)
    if (stored === undefined) {
      if (store.fragment(key)) return this.#missing(asked, { reason: 'disconnected' }, isFetched)
      return this.#missing(asked, { reason: 'miss', ...store.removalOf(key) }, isFetched)
    }
    if (stored.version !== asked.version) {
      return this.#missing(asked, { reason: 'version' }, isFetched)
    }
    const now = settings.clock()
    if (now < stored.timeline.staleAt) {
      return this.#compared(asked, this.#serve(asked, stored, 'fresh'))
    }
    if (mayWait && now < stored.timeline.revalidateUntil) {
      this.#renew(asked)
      return this.#serve(asked, stored, 'stale-while-revalidate')
    }
    return this.#missing(asked, { reason: 'expired' }, isFetched)
  }

  #existing(key: string): StoredFragment | undefined {
    const stored = this.#room.store.fragment(key)
    if (stored === undefined || !this.#room.isTrusted(stored)) return undefined
    this.#room.applySoftInvalidation(stored)
    return stored
  }

  #serve(asked: Asked, stored: StoredFragment, reason: FragmentReason): string {
    const { scope } = asked
    scope.tracker.contain(containedIn(stored, this.#room.sequence.validAt(stored.verifiedAt)))
    if (scope.renderPass?.recalls(stored.key) !== true) this.tally.hit(asked, reason)
    return stored.text
  }

  /** Waits for another that makes it, or asks Redis, or makes it. */
  #missing(asked: Asked, way: LookupOutcome, isFetched: boolean): string | Promise<string> {
    const { scope, mayWait, key, body } = asked
    noteShown(pageOf(scope), key, { tracker: scope.tracker, body })
    const running = mayWait ? this.#inFlight.find(renderId(asked)) : undefined
    if (running && this.#mayJoin(running, scope)) return this.#join(asked, running, way)
    if (!mayWait && scope.renderPass?.leavesOut(key, scope.fragment) === true) return ''
    const shared = this.#room.membership?.store
    if (mayWait && !isFetched && shared?.isOpen === true) return this.#fetch(asked, shared)
    return this.#make(asked, way)
  }

  async #fetch(asked: Asked, shared: L2Store): Promise<string> {
    await shared.fetch(asked.key, 'fragments')
    return this.#look(asked, true)
  }

  /**
   * Who comes after an invalidation never joins what it overtook; and nobody waits for what waits for him: two pages may
   * enclose each other's fragments.
   */
  #mayJoin(render: FragmentRender, scope: Scope): boolean {
    const { sequence } = this.#room
    const { startSequence, verifiedAt } = render.tracker
    const isCurrent =
      startSequence === sequence.highest ||
      sequence.invalidatedBy(startSequence, render.allDependencies()) === undefined
    return isCurrent && sequence.isTrusted(verifiedAt) && !render.needs(scope)
  }

  async #join(asked: Asked, render: FragmentRender, way: LookupOutcome): Promise<string> {
    const { scope } = asked
    const { sequence } = this.#room
    const outcome = await render.wait(scope, this.#timeout)
    if (!render.isSettled) this.#inFlight.end(renderId(asked), render)
    // What it turned out to depend on may have been invalidated before this request came.
    const isUsable =
      outcome?.isShared === true &&
      sequence.isTrusted(outcome.verifiedAt) &&
      sequence.invalidatedBy(render.startSequence, outcome.allDependencies) === undefined
    if (!isUsable) return this.#make(asked, way)
    scope.tracker.contain(outcome)
    this.tally.hit(asked, 'collapsed')
    return this.#compared(asked, outcome.text)
  }

  /** Refreshes it in the background; one at a time. */
  #renew(asked: Asked): void {
    const { visitor, fragments, tracker, isBound = false } = asked.scope
    // Its data may have been read when the page began.
    const root = new DependencyTracker(tracker)
    const scope: Scope = {
      fragments,
      tracker: root,
      root,
      visitor,
      fragment: undefined,
      isBound,
    }
    this.#inFlight.renew(renderId(asked), () =>
      this.#make({ ...asked, scope }, { reason: 'expired' }),
    )
  }

  #make(asked: Asked, way: LookupOutcome): string | Promise<string> {
    const { call, scope, key, body } = asked
    const { strict } = this.#room.settings
    const dependencies = fragmentDependencies(call, key, scope.visitor?.origin)
    const render = new FragmentRender(key, call, scope, dependencies, strict)
    const id = renderId(asked)
    if (way.reason !== 'off') this.#inFlight.start(id, render)
    const settle = (outcome: Outcome | undefined): void => {
      this.#inFlight.end(id, render)
      render.settle(outcome)
    }
    const done = (made: unknown): string => {
      try {
        if (render.isPartial) return left()
        const outcome = finished(this.#room, this.tally, asked, render, { made, way })
        settle(outcome)
        scope.tracker.contain(outcome)
        return outcome.text
      } catch (error) {
        return failed(error)
      }
    }
    const failed = (error: unknown): string => {
      // It may have failed for what was left out of it.
      if (render.isPartial) return left()
      settle(undefined)
      return this.#replaced(asked, error, way)
    }
    const left = (): string => {
      settle(undefined)
      return ''
    }
    let made: unknown
    try {
      // A new stack, before many bodies that call each other have used this one up.
      const isDeep = asked.mayWait && render.depth % deepest === deepest - 1
      made = isDeep ? Promise.resolve().then(() => render.run(body)) : render.run(body)
    } catch (error) {
      return failed(error)
    }
    return isThenable(made) ? Promise.resolve(made).then(done, failed) : done(made)
  }

  /** What stands in for a body that failed. */
  #replaced(asked: Asked, error: unknown, way: LookupOutcome): string {
    const { call, scope, key } = asked
    const stored = way.reason === 'off' ? undefined : this.#existing(key)
    if (stored && this.#room.settings.clock() < stored.timeline.errorUntil) {
      this.tally.replaced(asked)
      return this.#serve(asked, stored, 'stale-if-error')
    }
    this.tally.missed(asked, way, { reason: 'failed', detail: String(error) })
    if (call.policy.onError === undefined) throw error
    scope.tracker.refuse(`${call.where} failed`, true)
    return written(call.policy.onError(error), 'html', `onError of ${call.where}`)
  }

  /**
   * A stored text. Where the page has asked for its key before, the body runs as well and must give the same; if not,
   * each place shows its own and nothing is stored.
   */
  #compared(asked: Asked, text: string): string | Promise<string> {
    const { scope, body, call, key, earlier } = asked
    const { strict, annotate: outline } = this.#room.settings
    if (earlier === undefined || outline) return text
    if (!strict && !this.#agreement.isDue(call, earlier, scope, body)) return text
    const render = new FragmentRender(key, call, scope, [], strict)
    const check = (made: unknown): string | Promise<string> => {
      // What was left out of it is not there to be compared.
      if (render.isPartial || written(made, call.policy.form, call.where) === text) return text
      if (strict) throw fail('ERR_CACHEFLOW_FRAGMENT_KEY', key, call.where)
      this.#clash(asked)
      return this.#make(asked, clashing(asked))
    }
    return this.#agreement.run(() => render.run(body), check, strict ? undefined : text)
  }

  #clash({ key, call, scope }: Asked): void {
    const message = this.#agreement.clash(key, call)
    this.#room.invalidateUnawaited([keyDependency(key)])
    if (message) this.#room.warn('clash', { route: scope.visitor?.page ?? call.name, message })
  }
}
