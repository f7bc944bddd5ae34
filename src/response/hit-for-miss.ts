import { LRUCache } from 'lru-cache'
import type { UncacheableReason } from '../events/reasons.ts'

/** How many keys that could not be stored are remembered, and how many characters they have together. */
const MAX_KEYS = 10_000
const MAX_KEYS_LENGTH = 1024 * 1024

interface Refusal {
  readonly reason: UncacheableReason
  readonly until: number
}

/** Keys whose responses could lately not be stored: their requests do not wait for each other. */
export class HitForMiss {
  readonly #refusals = new LRUCache<string, Refusal>({
    max: MAX_KEYS,
    maxSize: MAX_KEYS_LENGTH,
    sizeCalculation: (_refusal, key) => key.length,
  })

  remember(key: string, reason: UncacheableReason, until: number): void {
    this.#refusals.set(key, { reason, until })
  }

  forget(key: string): void {
    this.#refusals.delete(key)
  }

  /** Why a response of this key could not be stored lately. */
  reason(key: string, now: number): UncacheableReason | undefined {
    const refusal = this.#refusals.get(key)
    return refusal !== undefined && now < refusal.until ? refusal.reason : undefined
  }
}
