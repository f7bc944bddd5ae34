import type { UncacheableReason } from '../events/reasons.ts'
import { type Dependency, tagDependency } from '../invalidation/dependency.ts'
import type { Start } from '../invalidation/sequence.ts'

/** What was attached under each name, in the order it came; doubles are left out. */
export type Assets = ReadonlyMap<string, Iterable<string>>

/** Why neither a fragment nor what encloses it is stored. */
export interface Refusal {
  readonly reason: UncacheableReason
  readonly detail: string
  /** Something inside failed, which says nothing of what was made before. */
  readonly isFailure?: true
}

/** What was made, as far as its encloser has to know. */
export interface Contained {
  readonly allDependencies: Iterable<Dependency>
  readonly tags: Iterable<string>
  /** Milliseconds since 1970; Infinity where nothing limits it. */
  readonly freshUntil: number
  /** As of when it is known to be valid, by the clock of the sequence. */
  readonly verifiedAt: number
  readonly assets: Assets
  /** Request inputs that it varies by. */
  readonly inputs: Iterable<string>
  /** Those it was made for, where it is not for everybody. */
  readonly groups: Iterable<string>
  readonly refusal: Refusal | undefined
}

/** A call that asked for a key first. */
export interface Shown {
  readonly tracker: DependencyTracker
  readonly body: unknown
}

/** A context that outlives its request, in a pool, is met by all. */
const MAX_STRANGERS = 100

/** What is being made now, and what it has used: its stamp, dependencies, tags and wishes. */
export class DependencyTracker implements Contained {
  /** The sequence number at which the making started. */
  readonly startSequence: number
  readonly dependencies: Set<Dependency> = new Set()
  readonly tags: Set<string> = new Set()
  readonly inputs: Set<string> = new Set()
  readonly groups: Set<string> = new Set()
  /** What was enclosed; flattened only where somebody asks, for most pages are never stored. */
  readonly #parts: Contained[] = []
  readonly #assets = new Map<string, Set<string>>()
  /** The response went out: whoever runs in its context now works for another, or for nobody. */
  isEnded = false
  /** Fragments that were stored by the values of its visitor, where the async context alone told whose they are. */
  readonly visitorKeys: string[] = []
  /** The keys that its page has asked for, where that is looked after. */
  shown: Map<string, Shown> | undefined
  /** Something of it was found by the async context alone. */
  #isAmbient = false
  /** Responses whose code ran in the context of this one, the last ones. */
  #strangers: Set<DependencyTracker> | undefined
  /** What was made is stored already: what it depends on from now on it does not know of. */
  onLate: (() => void) | undefined
  /** The shortest maxAge asked for, milliseconds. */
  #maxAge: number | undefined
  #freshUntil = Infinity
  #verifiedAt: number
  #refusal: Refusal | undefined

  constructor({ startSequence, verifiedAt }: Start) {
    this.startSequence = startSequence
    this.#verifiedAt = verifiedAt
  }

  /** Its own dependencies, and those of everything inside. */
  get allDependencies(): ReadonlySet<Dependency> {
    if (this.#parts.length === 0) return this.dependencies
    const allDependencies = new Set(this.dependencies)
    for (const part of this.#parts)
      for (const dependency of part.allDependencies) allDependencies.add(dependency)
    return allDependencies
  }

  get assets(): Assets {
    return this.#assets
  }

  get maxAge(): number | undefined {
    return this.#maxAge
  }

  /** The moment after which something enclosed is stale: nothing made of it is fresh any longer. */
  get freshUntil(): number {
    return this.#freshUntil
  }

  /** When it started, or since when the oldest thing inside is only believed to be valid. */
  get verifiedAt(): number {
    return this.#verifiedAt
  }

  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  /** An encloser never outlives what it encloses, so of several wishes the shortest holds. */
  limitMaxAge(milliseconds: number): void {
    this.#maxAge = Math.min(this.#maxAge ?? Infinity, milliseconds)
  }

  addAsset(name: string, value: string): void {
    const values = this.#assets.get(name)
    if (values) values.add(value)
    else this.#assets.set(name, new Set([value]))
  }

  tag(tag: string): void {
    this.tags.add(tag)
    this.dependOn([tagDependency(tag)])
  }

  dependOn(dependencies: Iterable<Dependency>): void {
    for (const dependency of dependencies) this.dependencies.add(dependency)
    this.tellLate()
  }

  /** Takes over what something has that is a part of this now. */
  contain(part: Contained): void {
    this.#freshUntil = Math.min(this.#freshUntil, part.freshUntil)
    this.#verifiedAt = Math.min(this.#verifiedAt, part.verifiedAt)
    this.#parts.push(part)
    this.tellLate()
    for (const tag of part.tags) this.tags.add(tag)
    for (const input of part.inputs) this.inputs.add(input)
    for (const group of part.groups) this.groups.add(group)
    for (const [name, values] of part.assets) {
      for (const value of values) this.addAsset(name, value)
    }
    if (part.refusal) this.#refuse(part.refusal)
  }

  refuse(detail: string, isFailure = false): void {
    this.#refuse({ reason: 'draft', detail, ...(isFailure && { isFailure }) })
  }

  /** Something was said of whatever is made in the running context. */
  useContext(): void {
    this.#isAmbient = true
    if (this.#strangers === undefined) return
    for (const stranger of this.#strangers) stranger.stray()
    this.#strangers = undefined
  }

  /** Code of another response runs in the context of this one: what it says there, that one lacks. */
  meet(stranger: DependencyTracker): void {
    if (this.#isAmbient) {
      stranger.stray()
      return
    }
    this.#strangers ??= new Set()
    this.#strangers.add(stranger)
    for (const oldest of this.#strangers) {
      if (this.#strangers.size <= MAX_STRANGERS) break
      this.#strangers.delete(oldest)
    }
  }

  /** What it was made from is not known. */
  stray(): void {
    this.refuseFor('context', 'its code ran in the async context of another request')
  }

  /** It may not be stored, though what was said of it so far allows that. */
  refuseFor(reason: 'context' | 'promise', detail: string): void {
    this.#refuse({ reason, detail })
    this.tellLate()
  }

  /** Once: what is taken back is told of, and whoever tells may say more of it. */
  tellLate(): void {
    const { onLate } = this
    this.onLate = undefined
    onLate?.()
  }

  /** The first counts, but the application's word outranks a failure. */
  #refuse(refusal: Refusal): void {
    if (this.#refusal === undefined || (this.#refusal.isFailure && !refusal.isFailure)) {
      this.#refusal = refusal
    }
  }
}
