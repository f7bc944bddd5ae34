import { randomUUID } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Dependency } from '../invalidation/dependency.ts'
import type { CacheState } from './cache-state.ts'

/** How many characters the names of what pages depend on may have together, with those of their readers. */
const rememberedLength = 4 * 1024 * 1024

/**
 * What pages with a version of freshWhen() depend on. A handler names the version before it names, or shows, all that the page is
 * made from; what it did the last time tells which invalidations count.
 */
export class VersionMemory {
  /** Numbers of another process say nothing. */
  readonly #life = randomUUID()
  readonly #dependencies = new LRUCache<string, readonly Dependency[]>({
    maxSize: rememberedLength,
    maxEntrySize: rememberedLength,
    sizeCalculation: (dependencies, reader) =>
      dependencies.reduce((sum, { length }) => sum + length + 8, reader.length + 64),
  })

  /** @param reader who reads the page, as it is known when the version is named */
  remember(reader: string, dependencies: readonly Dependency[]): void {
    this.#dependencies.set(reader, dependencies)
  }

  recall(reader: string): readonly Dependency[] | undefined {
    return this.#dependencies.get(reader)
  }

  /** Names the last invalidation of what a page depends on; undefined where there was none, so that instances agree. */
  generation(
    { sequence, membership }: CacheState,
    dependencies: readonly Dependency[] | undefined,
  ): string | undefined {
    const newest = dependencies === undefined ? sequence.highest : sequence.newest(dependencies)
    if (newest === 0) return undefined
    const shared = membership?.sequence
    // A number that Redis has not confirmed is known to nobody else.
    if (shared === undefined || !Number.isInteger(newest)) return `${this.#life} ${newest}`
    const number = shared.numberOf(newest)
    return number <= 0 ? undefined : `${shared.epoch ?? ''} ${number}`
  }
}
