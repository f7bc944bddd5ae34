import { LRUCache } from 'lru-cache'
import type { StoredResponse } from '../http/stored-response.ts'

/** How many variants of one key are stored without a single use before that is worth a word. */
export const TELLING = 25
const MAX_KEYS = 1_000
const MAX_KEYS_LENGTH = 256 * 1024

/** Finds keys of which each request gets a variant of its own, so that none is ever used again. */
export class UnsharedVariants {
  readonly #keys = new LRUCache<string, { stored: number; used: number }>({
    max: MAX_KEYS,
    maxSize: MAX_KEYS_LENGTH,
    sizeCalculation: (_counts, key) => key.length + 1,
  })

  /** @returns true once: at the moment when so many variants were stored in vain */
  stored({ inputs, primaryKey }: StoredResponse): boolean {
    if (inputs.length === 0) return false
    const counts = this.#keys.get(primaryKey) ?? { stored: 0, used: 0 }
    if (counts.stored === 0) this.#keys.set(primaryKey, counts)
    counts.stored++
    return counts.stored === TELLING && counts.used === 0
  }

  /** Called for each hit; a variant counts once. */
  used(stored: StoredResponse): void {
    if (stored.isUsed === true || stored.inputs.length === 0) return
    stored.isUsed = true
    const counts = this.#keys.get(stored.primaryKey)
    if (counts) counts.used++
  }
}
