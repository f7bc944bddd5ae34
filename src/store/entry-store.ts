import type { StoredResponse } from '../http/stored-response.ts'
import { Condemned } from './condemned.ts'
import { type Fall, Falls } from './falls.ts'
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
}

/** How many fallen entries are taken out at a time. */
const slice = 500

/** Everything that one cache keeps in this process, under one bound, and what fell of it lately. */
export class EntryStore {
  protected readonly memory: MemoryStore<Entry>
  readonly #falls = new Falls()
  readonly #condemned = new Condemned()

  constructor(options: EntryStoreOptions) {
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

  /** How many keys have the dependency in their closure. */
  count(dependency: string): number {
    return this.memory.keysOf(dependency).size
  }

  /**
   * Fells all that was made before a number, without the time that many take: from now on it counts as fallen, and slices take it out.
   *
   * @returns the keys
   */
  condemn(dependency: string, number: number): string[] {
    const keys = [...this.memory.keysOf(dependency)]
    this.#condemned.add(dependency, number)
    this.#sweep(dependency, number, keys, 0)
    return keys
  }

  #sweep(dependency: string, number: number, keys: readonly string[], from: number): void {
    setImmediate(() => {
      for (const key of keys.slice(from, from + slice)) {
        const entry = this.memory.peek(key)
        if (entry && entry.kind !== 'variants' && entry.stamp < number) this.fell(key, dependency)
      }
      if (from + slice < keys.length) this.#sweep(dependency, number, keys, from + slice)
      else this.#condemned.done(dependency, number)
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
  fellAll(): Stored[] {
    const fallen = this.all()
    this.memory.clear()
    for (const { key } of fallen) this.#falls.set(key, { reason: 'invalidated', by: 'all' })
    return fallen
  }

  clear(): void {
    this.memory.clear()
    this.#condemned.clear()
    this.#falls.clear()
  }
}
