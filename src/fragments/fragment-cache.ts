import { fail } from '../events/errors.ts'
import { keyDependency } from '../invalidation/dependency.ts'
import type { FragmentReason } from '../events/reasons.ts'
import type { StoredFragment } from '../store/stored-fragment.ts'
import { type Body, type FragmentCall, fragmentClosure } from './fragment-call.ts'
import { enclosedIn, noneOf } from './store-fragment.ts'
import { finished } from './fragment-finish.ts'
import { FragmentMaking, type Outcome } from './fragment-render.ts'
import { FragmentMakings } from './in-flight.ts'
import { Agreement } from './agreement.ts'
import { FragmentTally } from './fragment-stats.ts'
import { written } from './output.ts'
import {
  type Asked,
  type FragmentRoom,
  type Way,
  aside,
  clashing,
  asking,
  isThenable,
  makingId,
} from './lookup.ts'
import { noteShown, pageOf } from './fragment-repeat.ts'
import { Recording } from './dependency-tracker.ts'
import type { SharedStore } from '../redis/l2-store.ts'
import type { FragmentSource, Scope } from './scope.ts'
import { ViewMemory } from './prefetch.ts'

/** Where requests do not wait for each other's pages, fragments are shared all the same: 5 s. */
const defaultPatience = 5_000

/** How many bodies may stand on one stack. */
const deepest = 50

/** Looks fragments up, makes those that are missing, and stores them with all that they were made from. */
export class FragmentCache implements FragmentSource {
  readonly #room: FragmentRoom
  readonly #makings: FragmentMakings
  /** How long one waits for another's making, milliseconds. */
  readonly #patience: number
  readonly reads: ViewMemory
  readonly tally: FragmentTally
  readonly #agreement = new Agreement()
  /** Since then requests are observed though nothing of them is stored: their fragments are. */
  isUsed = false

  /** A callback has run in the context of another request: whatever goes by the context alone may do so. */
  #distrusts = false

  constructor(room: FragmentRoom) {
    this.#room = room
    this.#patience = room.settings.collapseTimeout || defaultPatience
    this.#makings = new FragmentMakings(room.settings.clock, this.#patience)
    this.tally = new FragmentTally(room)
    this.reads = new ViewMemory({
      shared: () => (room.isClosed ? undefined : room.membership?.store),
      has: (key) => room.settings.clock() < (this.#standing(key)?.timeline.staleAt ?? 0),
    })
  }

  /** Fragments being made that others may wait for. */
  get making(): number {
    return this.#makings.size
  }

  get isStrict(): boolean {
    return this.#room.settings.strict
  }

  none(call: FragmentCall, { recording, visitor }: Scope): void {
    recording.enclose(noneOf(call, visitor?.origin, this.#room.settings.clock()))
  }

  distrustContext(root: Recording): void {
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
    scope.pass?.meets(asked.key)
    return this.#look(asked, false)
  }

  /** Makes a fragment now, in place of what is stored of it here and elsewhere; its body has to read what it shows. */
  async put(call: FragmentCall, body: Body<unknown>, outer: Scope): Promise<string> {
    this.isUsed = true
    const asked = asking(call, body, outer, this.#room.settings, true)
    const way = aside(asked, this.#room, this.#distrusts)
    if (way) {
      // A closed cache stores nothing; what others have of it falls all the same.
      if (this.#room.isClosed) await this.#room.startAnew(asked.key)
      return this.#make(asked, way)
    }
    // It begins behind its own invalidation, and not with its page: what its body reads, it reads behind that.
    const root = new Recording(await this.#room.startAnew(asked.key))
    const inner = { ...asked, scope: { ...outer, recording: root, root, pass: undefined } }
    const text = await this.#make(inner, { reason: 'put' })
    outer.recording.enclose(root)
    return text
  }

  /** @param isFetched Redis was asked for it */
  #look(asked: Asked, isFetched: boolean): string | Promise<string> {
    const { key, mayWait } = asked
    const { settings, store } = this.#room
    const stored = this.#standing(key)
    if (stored === undefined) {
      if (store.fragment(key)) return this.#missing(asked, { reason: 'unheard' }, isFetched)
      return this.#missing(asked, { reason: 'absent', ...store.fallOf(key) }, isFetched)
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

  #standing(key: string): StoredFragment | undefined {
    const stored = this.#room.store.fragment(key)
    if (stored === undefined || !this.#room.trusts(stored)) return undefined
    this.#room.soften(stored)
    return stored
  }

  #serve(asked: Asked, stored: StoredFragment, reason: FragmentReason): string {
    const { scope } = asked
    scope.recording.enclose(enclosedIn(stored, this.#room.sequence.validAt(stored.asOf)))
    if (scope.pass?.recalls(stored.key) !== true) this.tally.hit(asked, reason)
    return stored.text
  }

  /** Waits for another that makes it, or asks Redis, or makes it. */
  #missing(asked: Asked, way: Way, isFetched: boolean): string | Promise<string> {
    const { scope, mayWait, key, body } = asked
    noteShown(pageOf(scope), key, { recording: scope.recording, body })
    const running = mayWait ? this.#makings.find(makingId(asked)) : undefined
    if (running && this.#mayJoin(running, scope)) return this.#join(asked, running, way)
    if (!mayWait && scope.pass?.leavesOut(key, scope.fragment) === true) return ''
    const shared = this.#room.membership?.store
    if (mayWait && !isFetched && shared?.isOpen === true) return this.#fetch(asked, shared)
    return this.#make(asked, way)
  }

  async #fetch(asked: Asked, shared: SharedStore): Promise<string> {
    await shared.fetch(asked.key, 'fragments')
    return this.#look(asked, true)
  }

  /**
   * Who comes after an invalidation never joins what it overtook; and nobody waits for what waits for him: two pages may
   * enclose each other's fragments.
   */
  #mayJoin(making: FragmentMaking, scope: Scope): boolean {
    const { sequence } = this.#room
    const { stamp, asOf } = making.recording
    const isOvertaken =
      stamp !== sequence.highest && sequence.felledBy(stamp, making.closure()) !== undefined
    return !isOvertaken && sequence.isTrusted(asOf) && !making.needs(scope)
  }

  async #join(asked: Asked, making: FragmentMaking, way: Way): Promise<string> {
    const { scope } = asked
    const outcome = await making.wait(scope, this.#patience)
    if (!making.isSettled) this.#makings.end(makingId(asked), making)
    // What it turned out to depend on may have been invalidated before this request came.
    const isUsable =
      outcome?.isShared === true &&
      this.#room.sequence.isTrusted(outcome.asOf) &&
      this.#room.sequence.felledBy(making.stamp, outcome.closure) === undefined
    if (!isUsable) return this.#make(asked, way)
    scope.recording.enclose(outcome)
    this.tally.hit(asked, 'joined')
    return this.#compared(asked, outcome.text)
  }

  /** Makes it anew beside what is shown; one at a time. */
  #renew(asked: Asked): void {
    const { visitor, fragments, recording, isBound = false } = asked.scope
    // Nothing encloses it, but what it renders may have been read when the page began.
    const root = new Recording(recording)
    const scope: Scope = {
      fragments,
      recording: root,
      root,
      visitor,
      fragment: undefined,
      isBound,
    }
    this.#makings.renew(makingId(asked), () =>
      this.#make({ ...asked, scope }, { reason: 'expired' }),
    )
  }

  #make(asked: Asked, way: Way): string | Promise<string> {
    const { call, scope, key, body } = asked
    const { strict } = this.#room.settings
    const closure = fragmentClosure(call, key, scope.visitor?.origin)
    const making = new FragmentMaking(key, call, scope, closure, strict)
    const id = makingId(asked)
    if (way.reason !== 'off') this.#makings.begin(id, making)
    const settle = (outcome: Outcome | undefined): void => {
      this.#makings.end(id, making)
      making.settle(outcome)
    }
    const done = (made: unknown): string => {
      try {
        if (making.isPartial) return left()
        const outcome = finished(this.#room, this.tally, asked, making, { made, way })
        settle(outcome)
        scope.recording.enclose(outcome)
        return outcome.text
      } catch (error) {
        return failed(error)
      }
    }
    const failed = (error: unknown): string => {
      // It may have failed for what was left out of it.
      if (making.isPartial) return left()
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
      const isDeep = asked.mayWait && making.depth % deepest === deepest - 1
      made = isDeep ? Promise.resolve().then(() => making.run(body)) : making.run(body)
    } catch (error) {
      return failed(error)
    }
    return isThenable(made) ? Promise.resolve(made).then(done, failed) : done(made)
  }

  /** What stands in for a body that failed. */
  #replaced(asked: Asked, error: unknown, way: Way): string {
    const { call, scope, key } = asked
    const stored = way.reason === 'off' ? undefined : this.#standing(key)
    if (stored && this.#room.settings.clock() < stored.timeline.errorUntil) {
      this.tally.replaced(asked)
      return this.#serve(asked, stored, 'stale-if-error')
    }
    this.tally.missed(asked, way, { reason: 'failed', detail: String(error) })
    if (call.policy.onError === undefined) throw error
    scope.recording.refuse(`${call.where} failed`, true)
    return written(call.policy.onError(error), 'html', `onError of ${call.where}`)
  }

  /**
   * A text that was at hand. Where the page has asked for its key before, the body runs as well, and has to give the same:
   * if it does not, each place shows its own, and nothing is stored under the key.
   */
  #compared(asked: Asked, text: string): string | Promise<string> {
    const { scope, body, call, key, earlier } = asked
    const { strict, outline } = this.#room.settings
    if (earlier === undefined || outline) return text
    if (!strict && !this.#agreement.isDue(call, earlier, scope, body)) return text
    const making = new FragmentMaking(key, call, scope, [], strict)
    const check = (made: unknown): string | Promise<string> => {
      // What was left out of it is not there to be compared.
      if (making.isPartial || written(made, call.policy.form, call.where) === text) return text
      if (strict) throw fail('ERR_CACHEFLOW_FRAGMENT_KEY', key, call.where)
      this.#clash(asked)
      return this.#make(asked, clashing(asked))
    }
    return this.#agreement.run(() => making.run(body), check, strict ? undefined : text)
  }

  #clash({ key, call, scope }: Asked): void {
    const message = this.#agreement.clash(key, call)
    this.#room.invalidateUnawaited([keyDependency(key)])
    if (message) this.#room.warn('clash', { route: scope.visitor?.page ?? call.name, message })
  }
}
