import type { Dependency } from './dependency.ts'

/** Over which time what is invalidated softly becomes stale: each entry at a moment of its own within it. */
export interface Spread {
  /** When it begins, milliseconds since 1970. */
  readonly at: number
  /** How long it lasts, milliseconds. */
  readonly over: number
}

/** Whether an invalidation only makes stale what it names, and when: `true` is at once. */
export type Softness = boolean | Spread

/** A soft invalidation, as one dependency remembers it; over no time where it took effect at once. */
interface SoftInvalidation extends Spread {
  readonly number: number
}

export interface SofteningsOptions {
  /** How many dependencies are remembered. */
  readonly limit: number
  /** How many characters their names may have together. */
  readonly maxLength: number
}

/** How many that are still under way one dependency remembers; of more of them the oldest two become one. As in Redis (invalidate.ts). */
const MAX_SPREAD = 8

/**
 * Soft invalidations by what they named. What was made before one of them becomes stale: at once, or at its moment of a spread, which is the
 * same wherever and however often it is asked for.
 */
export class SoftInvalidations {
  readonly #byName = new Map<Dependency, readonly SoftInvalidation[]>()
  readonly #limit: number
  readonly #maxLength: number
  /** Everything older is stale at once. */
  #floor = 0
  /** Below it they are forgotten: what is that old counts as stale. */
  #forgotten = 0
  /** The characters of the names. */
  length = 0

  constructor({ limit, maxLength }: SofteningsOptions) {
    this.#limit = limit
    this.#maxLength = maxLength
  }

  get floor(): number {
    return this.#floor
  }

  add(number: number, dependencies: readonly Dependency[] | 'all', soft: true | Spread): void {
    if (dependencies === 'all' && soft === true) {
      this.#floor = Math.max(this.#floor, number)
      return
    }
    const added = { number, ...(soft === true ? { at: 0, over: 0 } : soft) }
    for (const dependency of dependencies === 'all' ? [everything] : dependencies) {
      this.#remember(dependency, added)
    }
    for (const [dependency, known] of this.#byName) {
      if (this.#byName.size <= this.#limit && this.length <= this.#maxLength) return
      this.#byName.delete(dependency)
      this.length -= dependency.length
      this.#forgotten = Math.max(this.#forgotten, known.at(-1)?.number ?? 0)
    }
  }

  /** The number of the last one that any of these remembers, or that is forgotten. */
  newest(dependencies: Iterable<Dependency>): number {
    const last = (name: string): number => this.#byName.get(name)?.at(-1)?.number ?? 0
    let newest = Math.max(this.#floor, this.#forgotten, last(everything))
    for (const dependency of dependencies) newest = Math.max(newest, last(dependency))
    return newest
  }

  /**
   * From when on what was made then is stale, milliseconds since 1970: 0 from its beginning on, Infinity where nothing has softened it.
   *
   * @param key where it rests: its moment within a spread
   */
  timestamp(startSequence: number, dependencies: readonly Dependency[], key: string): number {
    if (startSequence < Math.max(this.#floor, this.#forgotten)) return 0
    let timestamp = Infinity
    let share: number | undefined
    const consider = (known: readonly SoftInvalidation[] = []): void => {
      for (const { number, at, over } of known) {
        if (number <= startSequence) continue
        share ??= over === 0 ? undefined : fractionOf(key, dependencies)
        timestamp = Math.min(timestamp, at + over * (share ?? 0))
      }
    }
    consider(this.#byName.get(everything))
    for (const dependency of dependencies) consider(this.#byName.get(dependency))
    return timestamp
  }

  /** What was named last is the last of the map, and forgotten last. */
  #remember(dependency: Dependency, added: SoftInvalidation): void {
    const known = this.#byName.get(dependency) ?? []
    if (!this.#byName.delete(dependency)) this.length += dependency.length
    this.#byName.set(dependency, joined(known, added))
  }
}

/** Stands for all dependencies; none has this name, for theirs have a kind before them. */
const everything = 'all'

/** What a dependency remembers: of those that are over the last, and those that are not. */
function joined(
  known: readonly SoftInvalidation[],
  added: SoftInvalidation,
): readonly SoftInvalidation[] {
  // Messages overtake each other.
  const all = [...known, added].toSorted((a, b) => a.number - b.number)
  const over = all.findLastIndex((each) => each.at + each.over <= added.at)
  const done = all[over] ? [{ number: all[over].number, at: 0, over: 0 }] : []
  const [first, second, ...others] = all.slice(over + 1)
  if (first === undefined || second === undefined || others.length + 2 <= MAX_SPREAD) {
    return [...done, ...all.slice(over + 1)]
  }
  // Neither is later than it was by itself: it begins with the one that begins first, and ends with the one that ends first.
  const at = Math.min(first.at, second.at)
  const end = Math.min(first.at + first.over, second.at + second.over)
  return [...done, { number: second.number, at, over: end - at }, ...others]
}

const fragmentPrefix = 'key:fragment:'

/**
 * Where in a spread an entry has its moment, from 0 to 1. Fragments come in the first half and what encloses some in the second: it would be
 * made anew with each of them otherwise. The scripts of Redis say the same (store/scripts/read.ts), so that instances agree.
 */
export function fractionOf(key: string, dependencies: readonly Dependency[]): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (hash * 31 + key.charCodeAt(i)) % 2 ** 32
  // Neighbours such as /posts/1 and /posts/2 differ by little, and multiples of the golden section lie far apart.
  const share = (hash * 0.618_033_988_749_894_9) % 1
  const own = `key:${key}`
  if (dependencies.some((name) => name.startsWith(fragmentPrefix) && name !== own))
    return (1 + share) / 2
  return key.startsWith('fragment:') ? share / 2 : share
}
