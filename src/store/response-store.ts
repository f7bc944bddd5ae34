import { variantKey, variantParts } from '../http/normalisation.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { EntryStore, type EntryStoreOptions } from './entry-store.ts'
import type { StoredFragment } from './stored-fragment.ts'

export interface Found {
  readonly stored: StoredResponse | undefined
  /** The key of the variant this request selects; the primary key as long as no variants are known. */
  readonly key: string
  /** The primary key has variants, none for this request. */
  readonly otherVariants: boolean
}

export interface ResponseStoreOptions extends EntryStoreOptions {
  readonly maxEntrySize: number
  readonly maxVariants: number
}

type InputReader = (name: string) => string | undefined

/** Stored responses with their variants (RFC 9111 §4.1), beside the fragments that they enclose. */
export class ResponseStore extends EntryStore {
  readonly #maxVariants: number
  readonly maxEntrySize: number

  constructor(options: ResponseStoreOptions) {
    super(options)
    this.#maxVariants = options.maxVariants
    this.maxEntrySize = Math.min(options.maxEntrySize, options.maxSize)
  }

  /** What is stored for a request; one look-up when the primary key has no variants, two when it has. */
  find(primaryKey: string, read: InputReader): Found {
    const entry = this.memory.get(primaryKey)
    if (entry?.kind === 'response' && this.isCurrent(entry)) {
      return { stored: entry, key: primaryKey, otherVariants: false }
    }
    if (entry?.kind !== 'variants') {
      return { stored: undefined, key: primaryKey, otherVariants: false }
    }
    const key = this.keyOf(primaryKey, entry.inputs, read)
    const stored = this.memory.get(key)
    if (stored?.kind === 'response' && this.isCurrent(stored)) {
      return { stored, key, otherVariants: false }
    }
    return { stored: undefined, key, otherVariants: true }
  }

  /** The hot path of `find`: a response that needs no choice between variants. */
  single(primaryKey: string): StoredResponse | undefined {
    const entry = this.memory.get(primaryKey)
    return entry?.kind === 'response' && this.isCurrent(entry) ? entry : undefined
  }

  /**
   * The inputs under which a response will be stored: those it names and those already known of its primary key. Names
   * are only ever added, so that a branch which reads less today cannot answer for one that reads more.
   */
  inputsOf(primaryKey: string, named: Iterable<string>): readonly string[] {
    const entry = this.memory.peek(primaryKey)
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
    if (!this.place(stored, size)) return false
    if (stored.inputs.length > 0) this.#addVariant(primaryKey, stored)
    return true
  }

  /** @returns false when it is larger than the bound allows. */
  putFragment(stored: StoredFragment): boolean {
    const size = fragmentBytes(stored)
    return size <= this.maxEntrySize && this.place(stored, size)
  }

  /** The response under one full key, without making it younger. */
  response(key: string): StoredResponse | undefined {
    const stored = this.peek(key)
    return stored?.kind === 'response' ? stored : undefined
  }

  /** Another instance knows that the key has variants by these inputs; names are only ever added. */
  adoptVariants(primaryKey: string, inputs: readonly string[]): void {
    const entry = this.memory.peek(primaryKey)
    const index = entry?.kind === 'variants' ? entry : undefined
    if (index && inputs.every((name) => index.inputs.includes(name))) return
    // Those that are stored here cannot be told apart by the new names.
    if (index) this.#dropVariants(primaryKey)
    this.#putIndex(primaryKey, this.inputsOf(primaryKey, inputs), new Set())
  }

  /** The inputs in which most variants of a response's key differ, or else all that differ, or else all. */
  dividingInputs({ primaryKey, inputs }: StoredResponse): readonly string[] {
    const entry = this.memory.peek(primaryKey)
    if (entry?.kind !== 'variants') return inputs
    const values = new Map<string, Set<string>>(entry.inputs.map((name) => [name, new Set()]))
    for (const key of entry.keys) {
      for (const [name, value] of variantParts(key.slice(primaryKey.length + ' vary '.length)))
        values.get(name)?.add(value)
    }
    const count = (name: string): number => values.get(name)?.size ?? 0
    const differing = entry.inputs.filter((name) => count(name) > 1)
    const most = differing.filter((name) => 2 * count(name) > entry.keys.size)
    return [most, differing].find(({ length }) => length > 0) ?? inputs
  }

  #addVariant(primaryKey: string, stored: StoredResponse): void {
    const entry = this.memory.peek(primaryKey)
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
      this.memory.delete(oldest)
    }
    this.#putIndex(primaryKey, stored.inputs, keys)
  }

  #putIndex(primaryKey: string, inputs: readonly string[], keys: Set<string>): void {
    let bytes = 0
    for (const key of keys) bytes += 2 * key.length + 64
    for (const name of inputs) bytes += 2 * name.length + 16
    this.memory.set(primaryKey, { kind: 'variants', inputs, keys }, bytes)
  }

  #dropVariants(primaryKey: string): void {
    const entry = this.memory.peek(primaryKey)
    if (entry?.kind !== 'variants') return
    for (const key of entry.keys) this.memory.delete(key)
    this.memory.delete(primaryKey)
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i])
}

function bytesOf(stored: StoredResponse): number {
  // A framework that held the body as text gets it back as text, which is then kept beside the bytes.
  let size = stored.body.byteLength * (stored.form === 'text' ? 2 : 1)
  size += stored.coded?.body.byteLength ?? 0
  for (const text of stored.fields) size += text.length + 16
  for (const tag of stored.tags) size += tag.length + 16
  for (const name of stored.inputs) size += name.length + 16
  // The strings are those of `fields`.
  size += 8 * (stored.confirmable?.length ?? 0)
  return size
}

/** One character beyond Latin-1, and V8 keeps the whole string in two bytes each. */
function fragmentBytes({ text, version, tags, assets }: StoredFragment): number {
  let size = /[\u0100-\uFFFF]/.test(text) ? 2 * text.length : text.length
  size += version.length
  for (const tag of tags) size += tag.length + 16
  for (const [name, values] of assets) {
    size += name.length + 16
    for (const value of values) size += value.length + 16
  }
  return size
}
