import type { StoredResponse } from '../http/stored-response.ts'
import { PendingRemovals, type PendingRemoval } from './pending-removals.ts'
import type { Dependents, Many } from './dependents.ts'
import { type RecentRemoval, RecentRemovals, remembered } from './recent-removals.ts'
import { MemoryStore } from './memory-store.ts'
import { Sweeper } from './sweeper.ts'
import type { StoredFragment } from './stored-fragment.ts'

/** Which request inputs select between the variants stored under one primary key. */
export interface VariantIndex {
  readonly kind: 'variants'
  readonly inputs: readonly string[]
  /** Variant keys, oldest first: their number is bounded. */
  readonly keys: Set<string>
}

/** What can be made, stored, and felled. */
export type Stored = StoredResponse | StoredFragment
export type Entry = Stored | VariantIndex

export interface EntryStoreOptions {
  readonly maxSize: number
  readonly onEvict: (key: string, size: number) => void
  /** Runs something when others have had their turn. Default `setImmediate`. */
  readonly later?: (run: () => void) => void
}

/** How many reasons of misses are noted within the call that fells everything. */
const notedAtOnce = 1_000

/** Everything that one cache keeps in this process, under one bound, and what fell of it lately. */
export class EntryStore {
  protected readonly memory: MemoryStore<Entry>
  readonly #recentRemovals = new RecentRemovals()
  readonly #pendingRemovals = new PendingRemovals()
  readonly #sweeper: Sweeper

  constructor(options: EntryStoreOptions) {
    this.#sweeper = new Sweeper(options.later ?? setImmediate)
    this.memory = new MemoryStore({
      maxSize: options.maxSize,
      onEvict: (key, size, entry) => {
        this.#recentRemovals.set(key, { reason: 'evicted', by: undefined })
        options.onEvict(entry.kind === 'response' ? entry.primaryKey : key, size)
      },
    })
  }

  get entries(): number {
    return this.memory.entries
  }
  get bytes(): number {
    return this.memory.bytes
  }
  get maxSize(): number {
    return this.memory.maxSize
  }
  get dependencies(): number {
    return this.memory.dependencies
  }

  fragment(key: string): StoredFragment | undefined {
    const entry = this.memory.get(key)
    return entry?.kind === 'fragment' && this.isCurrent(entry) ? entry : undefined
  }

  /** What stands under one full key, without making it younger. */
  peek(key: string): Stored | undefined {
    const entry = this.memory.peek(key)
    return entry === undefined || entry.kind === 'variants' || !this.isCurrent(entry)
      ? undefined
      : entry
  }

  /** Has it not fallen, though it is still to be taken out? */
  protected isCurrent(stored: Stored): boolean {
    return this.#pendingRemovals.isEmpty || !this.#pendingRemovals.has(stored)
  }

  /** @returns false when it is larger than the bound allows. */
  place(stored: Stored, size: number): boolean {
    this.#recentRemovals.delete(stored.key)
    return this.memory.set(stored.key, stored, size, stored.dependencies)
  }

  /** Why the key is empty, if something felled it lately. */
  removalOf(key: string): RecentRemoval | undefined {
    return this.#recentRemovals.get(key)
  }

  /** What has the dependency in its closure. */
  enclosing(dependency: string): Stored[] {
    const found: Stored[] = []
    for (const key of this.memory.dependentsOf(dependency).keys) {
      const stored = this.peek(key)
      if (stored) found.push(stored)
    }
    return found
  }

  delete(key: string): void {
    this.memory.delete(key)
  }

  invalidate(key: string, by: string): void {
    this.memory.delete(key)
    this.#recentRemovals.set(key, { reason: 'invalidated', by })
  }

  /** Are more than so many to fall with the dependency, or is what fell with it still being taken out? */
  isCrowded(dependency: string, most: number): boolean {
    return (
      this.memory.dependentsOf(dependency).size > most ||
      this.#pendingRemovals.isUnderWay(dependency)
    )
  }

  /**
   * Fells all that was made before a number, without the time that many take: from now on it counts as fallen, and slices take it out.
   *
   * @returns what the dependency had
   */
  condemn(dependency: string, number: number): Dependents {
    const dependents = this.memory.detach(dependency)
    const sentence = this.#pendingRemovals.add(dependency, number)
    this.#sweeper.add(this.#takeOut(dependency, dependents.keys, sentence))
    return dependents
  }

  *#takeOut(
    dependency: string,
    keys: Iterable<string>,
    sentence: PendingRemoval,
  ): Generator<undefined> {
    for (const key of keys) {
      // The store may have been emptied meanwhile.
      if (!this.#pendingRemovals.isCurrent(dependency, sentence)) return
      const entry = this.memory.peek(key)
      if (entry && entry.kind !== 'variants' && entry.dependencies.includes(dependency)) {
        // Another invalidation may have raised the number meanwhile.
        if (entry.startSequence < sentence.number) this.invalidate(key, dependency)
        else this.memory.attach(dependency, key)
      }
      yield
    }
    if (this.#pendingRemovals.isCurrent(dependency, sentence))
      this.#pendingRemovals.done(dependency, sentence)
  }

  /**
   * Visits in slices what depends on a dependency, or all; what comes or goes meanwhile may be visited or not.
   *
   * @returns how many there are, and which
   */
  visit(dependency: string, visitor: (stored: Stored) => void, done: () => void): Many {
    const { keys, size, fragments } = this.memory.dependentsOf(dependency)
    this.#sweeper.add(this.#visiting(keys, visitor, done))
    return { keys, size, fragments }
  }

  *#visiting(
    keys: Iterable<string>,
    visitor: (stored: Stored) => void,
    done: () => void,
  ): Generator<undefined> {
    for (const key of keys) {
      const stored = this.peek(key)
      if (stored) visitor(stored)
      yield
    }
    done()
  }

  /** All that is stored, the least recently used first. */
  all(): Stored[] {
    const found: Stored[] = []
    for (const key of [...this.memory.keys()].toReversed()) {
      const stored = this.peek(key)
      if (stored) found.push(stored)
    }
    return found
  }

  /** Everything fell, at once. @returns what there was; what had fallen before and was still to be taken out is among it */
  invalidateAll(): Many {
    const { dependents, keys } = this.memory.clear()
    this.#pendingRemovals.clear()
    const noting = this.#note(keys, dependents.keys)
    for (let left = notedAtOnce; left > 0; left--)
      if (noting.next().done === true) return dependents
    this.#sweeper.add(noting)
    return dependents
  }

  /** What was stored anew since has a reason of its own when it goes. */
  *#note(keys: Iterable<string>, removed: ReadonlySet<string>): Generator<undefined> {
    let left = remembered
    for (const key of keys) {
      if (left-- === 0) return
      if (!removed.has(key)) continue
      if (this.#recentRemovals.get(key) === undefined && this.memory.peek(key) === undefined) {
        this.#recentRemovals.set(key, { reason: 'invalidated', by: 'all' })
      }
      yield
    }
  }

  clear(): void {
    this.memory.clear()
    this.#pendingRemovals.clear()
    this.#recentRemovals.clear()
  }
}
