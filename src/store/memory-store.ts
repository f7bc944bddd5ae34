import { LRUCache } from 'lru-cache'

export interface MemoryStoreOptions<Value> {
  /** Bound on the bytes of all entries, overhead counted. */
  readonly maxSize: number
  /** Called with each entry that gave way to newer ones. */
  readonly onEvict: (key: string, size: number, value: Value) => void
}

interface Slot<Value> {
  readonly value: Value
  readonly size: number
  readonly closure: readonly string[]
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
  readonly #slots: LRUCache<string, Slot<Value>>
  readonly #keysOf = new Map<string, Set<string>>()
  readonly #onEvict: MemoryStoreOptions<Value>['onEvict']
  #evicted: (readonly [key: string, slot: Slot<Value>])[] = []

  constructor(options: MemoryStoreOptions<Value>) {
    this.#onEvict = options.onEvict
    this.#slots = new LRUCache<string, Slot<Value>>({
      maxSize: options.maxSize,
      sizeCalculation: (slot) => slot.size,
      dispose: (slot, key, reason) => {
        this.#unlink(key, slot.closure)
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
    return this.#slots.maxSize
  }

  /** The dependencies the index knows: as many as the stored closures name, and no more. */
  get dependencies(): number {
    return this.#keysOf.size
  }

  get(key: string): Value | undefined {
    return this.#slots.get(key)?.value
  }

  /** Reads without making the entry younger. */
  peek(key: string): Value | undefined {
    return this.#slots.peek(key)?.value
  }

  /** @returns false when the entry is larger than the whole store: it is not kept, and what stood there is gone. */
  set(key: string, value: Value, bytes: number, closure: readonly string[]): boolean {
    const size = sizeOf(key, bytes, closure)
    // The old edges go before the new ones come: dispose runs inside set, in an order that must not matter.
    this.#slots.delete(key)
    if (size > this.#slots.maxSize) return false
    this.#slots.set(key, { value, size, closure })
    for (const dependency of closure) {
      const keys = this.#keysOf.get(dependency)
      if (keys) keys.add(key)
      else this.#keysOf.set(dependency, new Set([key]))
    }
    this.#tellEvicted()
    return true
  }

  delete(key: string): boolean {
    return this.#slots.delete(key)
  }

  /** The keys whose closure has the dependency: found by the index, never by a scan. */
  keysOf(dependency: string): ReadonlySet<string> {
    return this.#keysOf.get(dependency) ?? none
  }

  *keys(): Generator<string> {
    yield* this.#slots.keys()
  }

  clear(): void {
    this.#slots.clear()
  }

  /** Only now, with entries and index at one: who hears of an eviction may change the store. */
  #tellEvicted(): void {
    if (this.#evicted.length === 0) return
    const evicted = this.#evicted
    this.#evicted = []
    for (const [key, { size, value }] of evicted) this.#onEvict(key, size, value)
  }

  #unlink(key: string, closure: readonly string[]): void {
    for (const dependency of closure) {
      const keys = this.#keysOf.get(dependency)
      keys?.delete(key)
      if (keys?.size === 0) this.#keysOf.delete(dependency)
    }
  }
}

const none: ReadonlySet<string> = new Set()

function sizeOf(key: string, bytes: number, closure: readonly string[]): number {
  let size = entryOverhead + 2 * key.length + bytes
  for (const dependency of closure) size += edgeOverhead + dependency.length
  return size
}
