import type { StoredResponse } from '../http/stored-response.ts'
import { Condemned } from './condemned.ts'
import { Dependents } from './dependents.ts'
import { type Fall, Falls, remembered } from './falls.ts'
import { MemoryStore } from './memory-store.ts'
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

/** How many fallen entries are taken out at a time. */
const slice = 500

/** Everything that one cache keeps in this process, under one bound, and what fell of it lately. */
export class EntryStore {
  protected readonly memory: MemoryStore<Entry>
  readonly #falls = new Falls()
  readonly #condemned = new Condemned()
  readonly #later: (run: () => void) => void

  constructor(options: EntryStoreOptions) {
    this.#later = options.later ?? setImmediate
    this.memory = new MemoryStore({
      maxSize: options.maxSize,
      onEvict: (key, size, entry) => {
        this.#falls.set(key, { reason: 'evicted', by: undefined })
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
    return entry?.kind === 'fragment' && this.stands(entry) ? entry : undefined
  }

  /** What stands under one full key, without making it younger. */
  peek(key: string): Stored | undefined {
    const entry = this.memory.peek(key)
    return entry === undefined || entry.kind === 'variants' || !this.stands(entry)
      ? undefined
      : entry
  }

  /** Has it not fallen, though it is still to be taken out? */
  protected stands(stored: Stored): boolean {
    return this.#condemned.isEmpty || !this.#condemned.has(stored)
  }

  /** @returns false when it is larger than the bound allows. */
  place(stored: Stored, size: number): boolean {
    this.#falls.delete(stored.key)
    return this.memory.set(stored.key, stored, size, stored.closure)
  }

  /** Why the key is empty, if something felled it lately. */
  fallOf(key: string): Fall | undefined {
    return this.#falls.get(key)
  }

  /** What has the dependency in its closure. */
  enclosing(dependency: string): Stored[] {
    const found: Stored[] = []
    for (const key of this.memory.keysOf(dependency)) {
      const stored = this.peek(key)
      if (stored) found.push(stored)
    }
    return found
  }

  delete(key: string): void {
    this.memory.delete(key)
  }

  fell(key: string, by: string): void {
    this.memory.delete(key)
    this.#falls.set(key, { reason: 'invalidated', by })
  }

  /** Are more than so many to fall with the dependency, or is what fell with it still being taken out? */
  isCrowded(dependency: string, most: number): boolean {
    return (
      this.memory.keysOf(dependency).size > most ||
      this.#condemned.numberOf(dependency) !== undefined
    )
  }

  /**
   * Fells all that was made before a number, without the time that many take: from now on it counts as fallen, and slices take it out.
   *
   * @returns what the dependency had
   */
  condemn(dependency: string, number: number): Dependents {
    const dependents = this.memory.detach(dependency)
    this.#condemned.add(dependency, number)
    this.#sweep(dependency, dependents.keys.values())
    return dependents
  }

  #sweep(dependency: string, keys: Iterator<string, undefined>): void {
    this.#later(() => {
      // Another invalidation may have raised it meanwhile; the store may have been emptied.
      const number = this.#condemned.numberOf(dependency)
      if (number === undefined) return
      for (let left = slice; left > 0; left--) {
        const next = keys.next()
        if (next.done === true) {
          this.#condemned.done(dependency)
          return
        }
        const key = next.value
        const entry = this.memory.peek(key)
        if (entry === undefined || entry.kind === 'variants') continue
        if (!entry.closure.includes(dependency)) continue
        if (entry.stamp < number) this.fell(key, dependency)
        else this.memory.attach(dependency, key)
      }
      this.#sweep(dependency, keys)
    })
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

  /** Everything fell. @returns what there was, the least recently used first */
  fellAll(): Dependents {
    const fallen = new Dependents()
    const keys = [...this.memory.keys()].toReversed()
    for (const key of keys) {
      const entry = this.memory.peek(key)
      if (entry && entry.kind !== 'variants' && this.stands(entry)) fallen.add(key)
    }
    this.memory.clear()
    this.#condemned.clear()
    for (const key of keys.slice(-remembered)) {
      if (fallen.keys.has(key)) this.#falls.set(key, { reason: 'invalidated', by: 'all' })
    }
    return fallen
  }

  clear(): void {
    this.memory.clear()
    this.#condemned.clear()
    this.#falls.clear()
  }
}
