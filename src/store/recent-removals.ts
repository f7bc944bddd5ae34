import { LRUCache } from 'lru-cache'

/** Why nothing is stored under a key any more. */
export interface Fall {
  readonly reason: 'invalidated' | 'evicted'
  /** The dependency that felled it. */
  readonly by: string | undefined
}

/** How many falls are remembered to tell a miss's reason. */
export const remembered = 10_000
/** And how many characters their keys may have together: a URL can be long, and anybody's. */
const rememberedLength = 1024 * 1024

/** What fell lately, so that a miss can tell why; bounded, and nothing depends on it. */
export class Falls {
  readonly #falls = new LRUCache<string, Fall>({
    max: remembered,
    maxSize: rememberedLength,
    sizeCalculation: (_fall, key) => key.length,
  })

  get(key: string): Fall | undefined {
    return this.#falls.get(key)
  }

  set(key: string, fall: Fall): void {
    this.#falls.set(key, fall)
  }

  delete(key: string): void {
    this.#falls.delete(key)
  }

  clear(): void {
    this.#falls.clear()
  }
}
