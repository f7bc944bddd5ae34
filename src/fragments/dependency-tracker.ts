import type { RefuseReason } from '../events/reasons.ts'
import { type Dependency, tagDependency } from '../invalidation/dependency.ts'
import type { Start } from '../invalidation/sequence.ts'

/** What was attached under each name, in the order it came; doubles are left out. */
export type Attachments = ReadonlyMap<string, Iterable<string>>

/** Why neither a fragment nor what encloses it is stored. */
export interface Refusal {
  readonly reason: RefuseReason
  readonly detail: string
  /** Something inside failed, which says nothing of what was made before. */
  readonly isFailure?: true
}

/** What was made, as far as its encloser has to know. */
export interface Enclosed {
  readonly closure: Iterable<Dependency>
  readonly tags: Iterable<string>
  /** Milliseconds since 1970; Infinity where nothing limits it. */
  readonly freshUntil: number
  /** As of when it is known to be valid, by the clock of the sequence. */
  readonly asOf: number
  readonly attachments: Attachments
  /** Request inputs that it varies by. */
  readonly inputs: Iterable<string>
  /** Those it was made for, where it is not for everybody. */
  readonly audiences: Iterable<string>
  readonly refusal: Refusal | undefined
}

/** A call that asked for a key first. */
export interface Shown {
  readonly recording: Recording
  readonly body: unknown
}

/** A context that outlives its request, in a pool, is met by all. */
const mostStrangers = 100

/** What is being made now, and what it has used: its stamp, dependencies, tags and wishes. */
export class Recording implements Enclosed {
  /** The sequence number at which the making started. */
  readonly stamp: number
  readonly dependencies: Set<Dependency> = new Set()
  readonly tags: Set<string> = new Set()
  readonly inputs: Set<string> = new Set()
  readonly audiences: Set<string> = new Set()
  /** What was enclosed; flattened only where somebody asks, for most pages are never stored. */
  readonly #parts: Enclosed[] = []
  readonly #attachments = new Map<string, Set<string>>()
  /** The response went out: whoever runs in its context now works for another, or for nobody. */
  isEnded = false
  /** Fragments that were stored by the values of its visitor, where the async context alone told whose they are. */
  readonly visitorKeys: string[] = []
  /** The keys that its page has asked for, where that is looked after. */
  shown: Map<string, Shown> | undefined
  /** Something of it was found by the async context alone. */
  #isAmbient = false
  /** Responses whose code ran in the context of this one, the last ones. */
  #strangers: Set<Recording> | undefined
  /** What was made is stored already: what it depends on from now on it does not know of. */
  onLate: (() => void) | undefined
  /** The shortest maxAge asked for, milliseconds. */
  #maxAge: number | undefined
  #freshUntil = Infinity
  #asOf: number
  #refusal: Refusal | undefined

  constructor({ stamp, asOf }: Start) {
    this.stamp = stamp
    this.#asOf = asOf
  }

  /** Its own dependencies, and those of everything inside. */
  get closure(): ReadonlySet<Dependency> {
    if (this.#parts.length === 0) return this.dependencies
    const closure = new Set(this.dependencies)
    for (const part of this.#parts) for (const dependency of part.closure) closure.add(dependency)
    return closure
  }

  get attachments(): Attachments {
    return this.#attachments
  }

  get maxAge(): number | undefined {
    return this.#maxAge
  }

  /** The moment after which something enclosed is stale: nothing made of it is fresh any longer. */
  get freshUntil(): number {
    return this.#freshUntil
  }

  /** When it started, or since when the oldest thing inside is only believed to be valid. */
  get asOf(): number {
    return this.#asOf
  }

  get refusal(): Refusal | undefined {
    return this.#refusal
  }

  /** An encloser never outlives what it encloses, so of several wishes the shortest holds. */
  limitMaxAge(milliseconds: number): void {
    this.#maxAge = Math.min(this.#maxAge ?? Infinity, milliseconds)
  }

  attach(name: string, value: string): void {
    const values = this.#attachments.get(name)
    if (values) values.add(value)
    else this.#attachments.set(name, new Set([value]))
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
  enclose(part: Enclosed): void {
    this.#freshUntil = Math.min(this.#freshUntil, part.freshUntil)
    this.#asOf = Math.min(this.#asOf, part.asOf)
    this.#parts.push(part)
    this.tellLate()
    for (const tag of part.tags) this.tags.add(tag)
    for (const input of part.inputs) this.inputs.add(input)
    for (const audience of part.audiences) this.audiences.add(audience)
    for (const [name, values] of part.attachments) {
      for (const value of values) this.attach(name, value)
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
  meet(stranger: Recording): void {
    if (this.#isAmbient) {
      stranger.stray()
      return
    }
    this.#strangers ??= new Set()
    this.#strangers.add(stranger)
    for (const oldest of this.#strangers) {
      if (this.#strangers.size <= mostStrangers) break
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
