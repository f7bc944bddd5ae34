import type { Dependency } from './dependency.ts'

/**
 * The order of invalidations. Each has a number; a making notes the number at which it *starts* (its stamp), and its
 * result is valid if and only if nothing in its closure has a later number. So a read of old data can never be stored
 * or shared after the invalidation, however the two interleave.
 */
export class Sequence {
  #applied = 0
  /** Stamps below the floor are too old to be judged, so they count as invalid. */
  #floor = 0
  #softFloor = 0
  /** Below it soft invalidations are forgotten: a making that old is stored as stale. */
  #softForgotten = 0
  readonly #hard = new Map<Dependency, number>()
  readonly #soft = new Map<Dependency, number>()
  readonly #limit: number
  readonly #maxLength: number
  /** The characters in the names of either kind. */
  readonly #lengths = { hard: 0, soft: 0 }

  /**
   * @param limit how many dependencies are remembered; older ones raise the floor.
   * @param maxLength how many characters their names may have together: anybody can have a long URL invalidated (S-27)
   */
  constructor(limit = 100_000, maxLength: number = 8 * 1024 * 1024) {
    this.#limit = limit
    this.#maxLength = maxLength
  }

  /** How many characters the remembered names have. */
  get length(): number {
    return this.#lengths.hard + this.#lengths.soft
  }

  /** The number of the last invalidation. */
  get applied(): number {
    return this.#applied
  }

  record(dependencies: readonly Dependency[], soft: boolean): number {
    const number = ++this.#applied
    const kind = soft ? 'soft' : 'hard'
    const versions = soft ? this.#soft : this.#hard
    for (const dependency of dependencies) {
      // Insertion order is the order of numbers: the first of the map is the oldest.
      if (!versions.delete(dependency)) this.#lengths[kind] += dependency.length
      versions.set(dependency, number)
    }
    if (this.#isFull(kind)) this.#forgetOldest(versions, kind)
    return number
  }

  /** Everything made before now is invalid (or, when soft, stale): O(1). */
  recordAll(soft: boolean): number {
    const number = ++this.#applied
    if (soft) this.#softFloor = number
    else this.#floor = number
    return number
  }

  /** What invalidated a making of this stamp and closure; undefined when it is valid. */
  felledBy(stamp: number, closure: Iterable<Dependency>): Dependency | undefined {
    if (stamp === this.#applied) return undefined
    if (stamp < this.#floor) return 'all'
    return later(this.#hard, stamp, closure)
  }

  /** Was it softly invalidated since its making started? */
  isSoftened(stamp: number, closure: Iterable<Dependency>): boolean {
    if (stamp === this.#applied) return false
    if (stamp < Math.max(this.#softFloor, this.#softForgotten)) return true
    return later(this.#soft, stamp, closure) !== undefined
  }

  /** Stored responses older than this were all softly invalidated. */
  get softFloor(): number {
    return this.#softFloor
  }

  #isFull(kind: 'hard' | 'soft'): boolean {
    const { size } = kind === 'soft' ? this.#soft : this.#hard
    return size > this.#limit || this.#lengths[kind] > this.#maxLength
  }

  #forgetOldest(versions: Map<Dependency, number>, kind: 'hard' | 'soft'): void {
    for (const [dependency, number] of versions) {
      if (!this.#isFull(kind)) return
      versions.delete(dependency)
      this.#lengths[kind] -= dependency.length
      if (kind === 'soft') this.#softForgotten = number
      else this.#floor = Math.max(this.#floor, number)
    }
  }
}

function later(
  versions: ReadonlyMap<Dependency, number>,
  stamp: number,
  closure: Iterable<Dependency>,
): Dependency | undefined {
  for (const dependency of closure) {
    const version = versions.get(dependency)
    if (version !== undefined && version > stamp) return dependency
  }
  return undefined
}
