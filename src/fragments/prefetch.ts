import { LRUCache } from 'lru-cache'
import type { FragmentReads } from './scope.ts'
import type { L2Store } from '../redis/l2-store.ts'

/** How many characters the remembered keys have together at most: 4 Mi. */
const MAX_CHARACTERS = 4 * 1024 * 1024
/** How many keys are remembered of one page at most: as many as one script reads. */
const MAX_KEYS = 500

export interface ViewMemoryOptions {
  /** undefined where there is no Redis. */
  readonly shared: () => L2Store | undefined
  /** Is it in memory, and fresh? */
  readonly has: (key: string) => boolean
}

/** Which fragments each page has shown when it was rendered last, so that they can be read before it is rendered again. */
export class ViewMemory implements FragmentReads {
  readonly #options: ViewMemoryOptions
  readonly #pages = new LRUCache<string, readonly string[]>({
    maxSize: MAX_CHARACTERS,
    sizeCalculation: (keys, page) => keys.reduce((sum, key) => sum + key.length, page.length),
  })

  constructor(options: ViewMemoryOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#options.shared()?.isOpen === true
  }

  async fetch(keys: readonly string[]): Promise<void> {
    const shared = this.#options.shared()
    if (shared) await Promise.all(keys.map(async (key) => shared.fetch(key, 'fragments')))
  }

  lacking(page: string): string[] {
    return (this.#pages.get(page) ?? []).filter((key) => !this.#options.has(key))
  }

  remember(page: string, keys: Iterable<string>): void {
    const kept: string[] = []
    for (const key of keys) if (kept.length < MAX_KEYS) kept.push(key)
    if (kept.length === 0) this.#pages.delete(page)
    else this.#pages.set(page, kept)
  }
}
