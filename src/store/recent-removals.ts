import { LRUCache } from 'lru-cache'

/** Why nothing is stored under a key any more. */
export interface RecentRemoval {
  readonly reason: 'invalidated' | 'evicted'
  /** The dependency that felled it. */
  readonly by: string | undefined
}

/** How many falls are remembered to tell a miss's reason. */
export const remembered = 10_000
/** And how many characters their keys may have together: a URL can be long, and anybody's. */
const rememberedLength = 1024 * 1024

/** What fell lately, so that a miss can tell why; bounded, and nothing depends on it. */
export class RecentRemovals {
  readonly #removals = new LRUCache<string, RecentRemoval>({
    max: remembered,
    maxSize: rememberedLength,
    sizeCalculation: (_fall, key) => key.length,
  })

  get(key: string): RecentRemoval | undefined {
    return this.#removals.get(key)
  }

  set(key: string, fall: RecentRemoval): void {
    this.#removals.set(key, fall)
  }

  delete(key: string): void {
    this.#removals.delete(key)
  }

  clear(): void {
    this.#removals.clear()
  }
}
