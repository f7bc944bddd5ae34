import type { Dependency } from './dependency.ts'
import { type Softness, SoftInvalidations } from './soft.ts'

/** When a making started: in the order of invalidations, and by the clock of this process. */
export interface Start {
  readonly startSequence: number
  /** Milliseconds of a clock that only goes forward; 0 where nobody else invalidates. */
  readonly verifiedAt: number
}

export interface SequenceOptions {
  /** How many dependencies are remembered; older ones raise the floor. Default 100,000. */
  readonly limit?: number
  /** How many characters their names may have together: anybody can have a long URL invalidated (S-27). Default 8 Mi. */
  readonly maxLength?: number
  /** For how long what was known is still believed when nothing is heard of other instances, milliseconds. Default for ever. */
  readonly maxStaleness?: number
  /** Milliseconds of a clock that only goes forward. Default `performance.now`. */
  readonly now?: () => number
}

/** Between two numbers of the shared order lie those of this process that are not confirmed yet. */
const step = 2 ** -20

/**
 * For how long an instance that has lost the others believes what it makes itself, milliseconds: a barrier waits for it
 * no longer than that, and never again.
 */
export const MAX_UNCHECKED = 300_000

/**
 * The order of invalidations. Each has a number; a making notes the number at which it *starts* (its stamp), and its
 * result is valid if and only if nothing in its closure has a later number. So a read of old data can never be stored
 * or shared after the invalidation, however the two interleave.
 *
 * Where several instances share the order, numbers come from outside: `applied` is the highest up to which every one is known.
 */
export class Sequence {
  #applied = 0
  #highest = 0
  /** Stamps below the floor are too old to be judged, so they count as invalid. */
  #floor = 0
  /** The number of the last invalidation of everything, and of the last one that is forgotten. */
  #lastOfAll = 0
  #forgotten = 0
  readonly #hard = new Map<Dependency, number>()
  readonly #soft: SoftInvalidations
  readonly #limit: number
  readonly #maxLength: number
  /** The characters in the names of what was invalidated hard. */
  #length = 0
  readonly #maxStaleness: number
  readonly #now: () => number
  #lastHeartbeat = -Infinity
  /** What was made while nothing was heard of other instances is not believed either: a barrier relies on it. */
  isStrict = false

  constructor(options: SequenceOptions = {}) {
    this.#limit = options.limit ?? 100_000
    this.#maxLength = options.maxLength ?? 8 * 1024 * 1024
    this.#soft = new SoftInvalidations({ limit: this.#limit, maxLength: this.#maxLength })
    this.#maxStaleness = options.maxStaleness ?? Infinity
    this.#now = options.now ?? (() => performance.now())
  }

  /** How many characters the remembered names have. */
  get length(): number {
    return this.#length + this.#soft.length
  }

  /** The number of the last invalidation before which none is missing. */
  get applied(): number {
    return this.#applied
  }

  /** The highest number known, whether those before it are or not. */
  get highest(): number {
    return this.#highest
  }

  /** What a making notes that starts now. */
  start(): Start {
    return { startSequence: this.#applied, verifiedAt: this.now }
  }

  /** 0 where nobody else invalidates, so that time does not matter. */
  get now(): number {
    return this.#maxStaleness === Infinity ? 0 : this.#now()
  }

  /** All invalidations before this moment are known: everything that is held is as good as made then. */
  heartbeat(at: number): void {
    this.#lastHeartbeat = Math.max(this.#lastHeartbeat, at)
  }

  /** When the order was last known to be complete; -Infinity before the first time. */
  get lastHeartbeat(): number {
    return this.#lastHeartbeat
  }

  /** May what was made then still be used, as far as this instance can know of the others? */
  isTrusted(verifiedAt: number): boolean {
    if (this.#maxStaleness === Infinity) return true
    const now = this.#now()
    // One that has not reached Redis yet is known to nobody: no barrier can wait for it.
    const isAlone = this.isStrict || now > this.#lastHeartbeat + MAX_UNCHECKED
    const since = isAlone ? this.#lastHeartbeat : Math.max(this.#lastHeartbeat, verifiedAt)
    return now < since + this.#maxStaleness
  }

  /** As of when something that is held is known to be valid. */
  validAt(verifiedAt: number): number {
    return Math.max(this.#lastHeartbeat, verifiedAt)
  }

  /** An invalidation of this process alone, or one that Redis has not confirmed yet. */
  record(dependencies: readonly Dependency[] | 'all', soft: Softness): number {
    return this.apply(Math.floor(this.#applied) + 1, dependencies, soft)
  }

  /** As `record`, before the shared order has a number for it: what starts behind it counts as made behind it, here. */
  provisional(dependencies: readonly Dependency[] | 'all', soft: Softness): number {
    const number = this.#applied + step
    const next = Math.floor(this.#applied) + 1
    // There is no place left before the next number: until it comes nothing is stored.
    if (number >= next) return this.note(next, 'all', soft)
    return this.apply(number, dependencies, soft)
  }

  /** The next invalidation in order. */
  apply(number: number, dependencies: readonly Dependency[] | 'all', soft: Softness): number {
    this.note(number, dependencies, soft)
    this.#applied = Math.max(this.#applied, number)
    return number
  }

  /** An invalidation ahead of others that are still missing. */
  note(number: number, dependencies: readonly Dependency[] | 'all', soft: Softness): number {
    this.#highest = Math.max(this.#highest, number)
    if (soft !== false) this.#soft.add(number, dependencies, soft)
    else if (dependencies === 'all') {
      this.#floor = Math.max(this.#floor, number)
      this.#lastOfAll = Math.max(this.#lastOfAll, number)
    } else {
      for (const dependency of dependencies) {
        const known = this.#hard.get(dependency)
        if (known !== undefined && known > number) continue
        // Insertion order is the order of numbers: the first of the map is the oldest.
        if (!this.#hard.delete(dependency)) this.#length += dependency.length
        this.#hard.set(dependency, number)
      }
      if (this.#isFull) this.#forgetOldest()
    }
    return number
  }

  /** Something is missing for good: everything made before now is invalid, and the order goes on behind it. O(1). */
  renew(): number {
    // What begins with this process has missed nothing that it could have told of.
    const isFirst = this.#highest === 0
    const number = this.apply(Math.floor(this.#highest) + 1, 'all', false)
    if (isFirst) this.#lastOfAll = 0
    return number
  }

  /** The number of the last invalidation, soft or not, of any of them; 0 where there was none, as far as is remembered. */
  newest(dependencies: Iterable<Dependency>): number {
    let newest = Math.max(this.#lastOfAll, this.#forgotten, this.#soft.newest(dependencies))
    for (const dependency of dependencies)
      newest = Math.max(newest, this.#hard.get(dependency) ?? 0)
    return newest
  }

  /** What invalidated a making of this stamp and closure; undefined when it is valid. */
  invalidatedBy(startSequence: number, dependencies: Iterable<Dependency>): Dependency | undefined {
    if (startSequence === this.#highest) return undefined
    if (startSequence < this.#floor) return 'all'
    for (const dependency of dependencies) {
      const version = this.#hard.get(dependency)
      if (version !== undefined && version > startSequence) return dependency
    }
    return undefined
  }

  /**
   * From when on a making is stale by soft invalidations since it started, milliseconds since 1970: 0 at once, Infinity where there was none.
   *
   * @param key where what it made rests
   */
  softInvalidationAt(
    startSequence: number,
    dependencies: readonly Dependency[],
    key: string,
  ): number {
    return startSequence === this.#highest
      ? Infinity
      : this.#soft.timestamp(startSequence, dependencies, key)
  }

  /** Stored responses older than this were all softly invalidated at once. */
  get softFloor(): number {
    return this.#soft.floor
  }

  get #isFull(): boolean {
    return this.#hard.size > this.#limit || this.#length > this.#maxLength
  }

  #forgetOldest(): void {
    // Some at once: with each floor the entity tags of what is remembered no longer are others.
    let spare = Math.floor(this.#limit / 10)
    for (const [dependency, number] of this.#hard) {
      if (!this.#isFull && spare-- <= 0) return
      this.#hard.delete(dependency)
      this.#length -= dependency.length
      this.#floor = Math.max(this.#floor, number)
      this.#forgotten = this.#floor
    }
  }
}
