import type { StoredResponse } from '../http/stored-response.ts'
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

/** Everything that one cache keeps in this process, under one bound, and what fell of it lately. */
export class EntryStore {
  protected readonly memory: MemoryStore<Entry>
  readonly #falls = new Falls()

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
    return entry?.kind === 'fragment' ? entry : undefined
  }

  /** What stands under one full key, without making it younger. */
  peek(key: string): Stored | undefined {
    const entry = this.memory.peek(key)
    return entry === undefined || entry.kind === 'variants' ? undefined : entry
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
    this.#falls.clear()
  }
}
