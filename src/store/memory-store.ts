import { LRUCache } from 'lru-cache'
import { Dependents, type Many } from './dependents.ts'

export interface MemoryStoreOptions<Value> {
  /** Bound on the bytes of all entries, overhead counted. */
  readonly maxSize: number
  /** Called with each entry that gave way to newer ones. */
  readonly onEvict: (key: string, size: number, value: Value) => void
}

interface Slot<Value> {
  readonly value: Value
  readonly size: number
  readonly dependencies: readonly string[]
}

/** Bytes an entry costs beside its body and fields: map slots, objects, and the list links (measured on V8). */
const entryOverhead = 512
/** Bytes one edge of the reverse index costs: a slot of a Set, amortised. */
const edgeOverhead = 64

/**
 * L1: entries in this process, least recently used first to go, bounded in bytes, with an exact index from each
 * dependency to the keys whose closure has it. Values are kept as they are: nothing is cloned or serialised.
 */
export class MemoryStore<Value> {
  #slots: LRUCache<string, Slot<Value>>
  #dependents = new Map<string, Dependents>()
  /** What depends on anything: all of it can fall. */
  #all = new Dependents()
  readonly #maxSize: number
  readonly #onEvict: MemoryStoreOptions<Value>['onEvict']
  #evicted: (readonly [key: string, slot: Slot<Value>])[] = []

  constructor(options: MemoryStoreOptions<Value>) {
    this.#onEvict = options.onEvict
    this.#maxSize = options.maxSize
    this.#slots = this.#empty()
  }

  #empty(): LRUCache<string, Slot<Value>> {
    return new LRUCache<string, Slot<Value>>({
      maxSize: this.#maxSize,
      sizeCalculation: (slot) => slot.size,
      dispose: (slot, key, reason) => {
        this.#unlink(key, slot.dependencies)
        if (reason === 'evict') this.#evicted.push([key, slot])
      },
    })
  }

  get entries(): number {
    return this.#slots.size
  }

  /** Bytes of all entries, overhead counted. */
  get bytes(): number {
    return this.#slots.calculatedSize
  }

  get maxSize(): number {
    return this.#maxSize
  }

  /** The dependencies the index knows: as many as the stored closures name, and no more. */
  get dependencies(): number {
    return this.#dependents.size
  }

  get(key: string): Value | undefined {
    return this.#slots.get(key)?.value
  }

  /** Reads without making the entry younger. */
  peek(key: string): Value | undefined {
    return this.#slots.peek(key)?.value
  }

  /**
   * @param dependencies left out where it is no entry by itself, and falls with nothing
   * @returns false when the entry is larger than the whole store: it is not kept, and what stood there is gone.
   */
  set(key: string, value: Value, bytes: number, dependencies: readonly string[] = none): boolean {
    const size = sizeOf(key, bytes, dependencies)
    // The old edges go before the new ones come: dispose runs inside set, in an order that must not matter.
    this.#slots.delete(key)
    if (size > this.#maxSize) return false
    this.#slots.set(key, { value, size, dependencies })
    if (dependencies !== none) this.#all.add(key)
    for (const dependency of dependencies) {
      this.#link(dependency, key)
    }
    this.#tellEvicted()
    return true
  }

  delete(key: string): boolean {
    return this.#slots.delete(key)
  }

  /** The keys whose closure has the dependency: found by the index, never by a scan. */
  keysOf(dependency: string): ReadonlySet<string> {
    return this.dependentsOf(dependency).keys
  }

  /** The same with their number; those of `all` are whatever depends on something. */
  dependentsOf(dependency: string): Many {
    return dependency === 'all' ? this.#all : (this.#dependents.get(dependency) ?? nothing)
  }

  /** Takes the keys of a dependency out of the index, however many they are: it has those alone that come from now on. */
  detach(dependency: string): Dependents {
    const dependents = this.#dependents.get(dependency) ?? new Dependents()
    this.#dependents.delete(dependency)
    return dependents
  }

  /** What was detached, and stays. */
  attach(dependency: string, key: string): void {
    this.#link(dependency, key)
  }

  keys(): Generator<string> {
    return this.#slots.keys()
  }

  /**
   * Lets everything go at once: to take out each entry by itself would stop the process where they are many.
   *
   * @returns what there was, and all its keys, the most recently used first
   */
  clear(): { readonly dependents: Many; readonly keys: Iterable<string> } {
    const gone = { dependents: this.#all, keys: this.keys() }
    this.#slots = this.#empty()
    this.#dependents = new Map()
    this.#all = new Dependents()
    return gone
  }

  /** Only now, with entries and index at one: who hears of an eviction may change the store. */
  #tellEvicted(): void {
    if (this.#evicted.length === 0) return
    const evicted = this.#evicted
    this.#evicted = []
    for (const [key, { size, value }] of evicted) this.#onEvict(key, size, value)
  }

  #link(dependency: string, key: string): void {
    let dependents = this.#dependents.get(dependency)
    if (dependents === undefined) {
      dependents = new Dependents()
      this.#dependents.set(dependency, dependents)
    }
    dependents.add(key)
  }

  #unlink(key: string, dependencies: readonly string[]): void {
    this.#all.delete(key)
    for (const dependency of dependencies) {
      const dependents = this.#dependents.get(dependency)
      dependents?.delete(key)
      if (dependents?.keys.size === 0) this.#dependents.delete(dependency)
    }
  }
}

const none: readonly string[] = []
const nothing: Many = new Dependents()

function sizeOf(key: string, bytes: number, dependencies: readonly string[]): number {
  let size = entryOverhead + 2 * key.length + bytes
  for (const dependency of dependencies) size += edgeOverhead + dependency.length
  return size
}
