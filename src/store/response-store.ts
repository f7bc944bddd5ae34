import { LRUCache } from 'lru-cache'
import { variantKey } from '../http/normalisation.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { MemoryStore } from './memory-store.ts'

/** Which request inputs select between the variants stored under one primary key. */
interface VariantIndex {
  readonly kind: 'variants'
  readonly inputs: readonly string[]
  /** Variant keys, oldest first: their number is bounded. */
  readonly keys: Set<string>
}

/** Why nothing is stored under a key any more. */
export interface Fall {
  readonly reason: 'invalidated' | 'evicted'
  /** The dependency that felled it. */
  readonly by: string | undefined
}

export interface Found {
  readonly stored: StoredResponse | undefined
  /** The key of the variant this request selects; the primary key as long as no variants are known. */
  readonly key: string
  /** The primary key has variants, none for this request. */
  readonly otherVariants: boolean
}

export interface ResponseStoreOptions {
  readonly maxSize: number
  readonly maxEntrySize: number
  readonly maxVariants: number
  readonly onEvict: (key: string, size: number) => void
}

type InputReader = (name: string) => string | undefined

/** How many falls are remembered to tell a miss's reason. */
const rememberedFalls = 10_000
/** And how many characters their keys may have together: a URL can be long, and anybody's. */
const rememberedLength = 1024 * 1024

/** Stored responses in memory, with their variants (RFC 9111 §4.1). */
export class ResponseStore {
  readonly #memory: MemoryStore<StoredResponse | VariantIndex>
  readonly #falls = new LRUCache<string, Fall>({
    max: rememberedFalls,
    maxSize: rememberedLength,
    sizeCalculation: (_fall, key) => key.length,
  })
  readonly #maxVariants: number
  readonly maxEntrySize: number

  constructor(options: ResponseStoreOptions) {
    this.#maxVariants = options.maxVariants
    this.maxEntrySize = Math.min(options.maxEntrySize, options.maxSize)
    this.#memory = new MemoryStore({
      maxSize: options.maxSize,
      onEvict: (key, size, entry) => {
        this.#falls.set(key, { reason: 'evicted', by: undefined })
        options.onEvict(entry.kind === 'response' ? entry.primaryKey : key, size)
      },
    })
  }

  get entries(): number {
    return this.#memory.entries
  }
  get bytes(): number {
    return this.#memory.bytes
  }
  get maxSize(): number {
    return this.#memory.maxSize
  }
  get dependencies(): number {
    return this.#memory.dependencies
  }

  /** What is stored for a request; one look-up when the primary key has no variants, two when it has. */
  find(primaryKey: string, read: InputReader): Found {
    const entry = this.#memory.get(primaryKey)
    if (entry === undefined) return { stored: undefined, key: primaryKey, otherVariants: false }
    if (entry.kind === 'response') return { stored: entry, key: primaryKey, otherVariants: false }
    const key = this.keyOf(primaryKey, entry.inputs, read)
    const stored = this.#memory.get(key)
    if (stored?.kind === 'response') return { stored, key, otherVariants: false }
    return { stored: undefined, key, otherVariants: true }
  }

  /** The hot path of `find`: a response that needs no choice between variants. */
  single(primaryKey: string): StoredResponse | undefined {
    const entry = this.#memory.get(primaryKey)
    return entry?.kind === 'response' ? entry : undefined
  }

  /**
   * The inputs under which a response will be stored: those it names and those already known of its primary key. Names
   * are only ever added, so that a branch which reads less today cannot answer for one that reads more.
   */
  inputsOf(primaryKey: string, named: Iterable<string>): readonly string[] {
    const entry = this.#memory.peek(primaryKey)
    const known = entry?.kind === 'variants' ? entry.inputs : []
    return [...new Set([...known, ...named])].toSorted()
  }

  /**
   * The key under which a response with these inputs rests. The space keeps it apart from every primary key: no request
   * target has one, so nobody can ask for a URL that is another's variant.
   *
   *   https://shop.example/posts vary 15:accept-language=2:de;
   */
  keyOf(primaryKey: string, inputs: readonly string[], read: InputReader): string {
    if (inputs.length === 0) return primaryKey
    return `${primaryKey} vary ${variantKey(inputs, inputs.map(read))}`
  }

  /** @returns false when it is larger than the bound allows. */
  put(primaryKey: string, stored: StoredResponse): boolean {
    const size = bytesOf(stored)
    if (size > this.maxEntrySize) return false
    if (stored.inputs.length === 0) this.#dropVariants(primaryKey)
    this.#falls.delete(stored.key)
    if (!this.#memory.set(stored.key, stored, size, stored.closure)) return false
    if (stored.inputs.length > 0) this.#addVariant(primaryKey, stored)
    return true
  }

  /** What stands under one full key, without making it younger. */
  peek(key: string): StoredResponse | undefined {
    const entry = this.#memory.peek(key)
    return entry?.kind === 'response' ? entry : undefined
  }

  delete(key: string): void {
    this.#memory.delete(key)
  }

  /** Why the key is empty, if something felled it lately. */
  fallOf(key: string): Fall | undefined {
    return this.#falls.get(key)
  }

  /** The responses whose closure has the dependency. */
  enclosing(dependency: string): StoredResponse[] {
    const found: StoredResponse[] = []
    for (const key of this.#memory.keysOf(dependency)) {
      const entry = this.#memory.peek(key)
      if (entry?.kind === 'response') found.push(entry)
    }
    return found
  }

  fell(key: string, by: string): void {
    this.#memory.delete(key)
    this.#falls.set(key, { reason: 'invalidated', by })
  }

  /** All responses, the least recently used first. */
  responses(): StoredResponse[] {
    const found: StoredResponse[] = []
    for (const key of [...this.#memory.keys()].toReversed()) {
      const stored = this.peek(key)
      if (stored) found.push(stored)
    }
    return found
  }

  /** Everything fell. @returns the responses there were, the least recently used first */
  fellAll(): StoredResponse[] {
    const fallen = this.responses()
    this.#memory.clear()
    for (const { key } of fallen) this.#falls.set(key, { reason: 'invalidated', by: 'all' })
    return fallen
  }

  clear(): void {
    this.#memory.clear()
    this.#falls.clear()
  }

  #addVariant(primaryKey: string, stored: StoredResponse): void {
    const entry = this.#memory.peek(primaryKey)
    const index = entry?.kind === 'variants' ? entry : undefined
    // Variants stored under fewer inputs cannot be told apart by the new ones: they go.
    const isKnown = index !== undefined && sameNames(index.inputs, stored.inputs)
    if (index && !isKnown) this.#dropVariants(primaryKey)
    const keys = isKnown ? index.keys : new Set<string>()
    keys.delete(stored.key)
    keys.add(stored.key)
    if (keys.size > this.#maxVariants) {
      for (const key of keys) if (this.peek(key) === undefined) keys.delete(key)
    }
    for (const oldest of keys) {
      if (keys.size <= this.#maxVariants) break
      keys.delete(oldest)
      this.#memory.delete(oldest)
    }
    const bytes = [...keys].reduce((sum, key) => sum + 2 * key.length + 64, 0)
    this.#memory.set(primaryKey, { kind: 'variants', inputs: stored.inputs, keys }, bytes, [])
  }

  #dropVariants(primaryKey: string): void {
    const entry = this.#memory.peek(primaryKey)
    if (entry?.kind !== 'variants') return
    for (const key of entry.keys) this.#memory.delete(key)
    this.#memory.delete(primaryKey)
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

function bytesOf(stored: StoredResponse): number {
  // A framework that held the body as text gets it back as text, which is then kept beside the bytes.
  let size = stored.body.byteLength * (stored.form === 'text' ? 2 : 1)
  for (const text of stored.fields) size += text.length + 16
  for (const tag of stored.tags) size += tag.length + 16
  // The strings are those of `fields`.
  size += 8 * (stored.confirmable?.length ?? 0)
  return size
}
