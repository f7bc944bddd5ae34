import { keyDependency } from '../invalidation/dependency.ts'
import { type InvalidationTarget, dependenciesOf } from '../invalidation/target.ts'
import { keysOf, shownKey } from '../store/receipt.ts'
import type { ResponseCache } from './response-cache.ts'

/**
 * The entries of this instance that an invalidation would remove; others, and Redis, may have more.
 */
export interface Impact {
  readonly responses: number
  readonly fragments: number
  /** Their keys. */
  readonly keys: readonly string[]
}

/** The facts about one key. */
export interface Explanation {
  readonly key: string
  /** `none`: nothing is stored under it. */
  readonly kind: 'response' | 'fragment' | 'none'
  /** The number of stored variants; 1 for a fragment. */
  readonly entries: number
  /** All its dependencies, such as `entity:post:7`. */
  readonly dependencies: readonly string[]
  /** The keys of the fragments inside, at any depth. */
  readonly contains: readonly string[]
  /** The keys of the fragments and responses around it, at any distance. */
  readonly containedIn: readonly string[]
  readonly tags: readonly string[]
  /**
   * Milliseconds of freshness left; Infinity where only a change ends it; 0 when it is stale or not
   * stored.
   */
  readonly freshFor: number
  /** The dependency that invalidated the last stored entry, as far as it is remembered. */
  readonly invalidatedBy: string | undefined
}

/** Finds entries by the index that invalidations use. */
export function impactOf(cache: ResponseCache, target: InvalidationTarget): Impact {
  const { store } = cache
  const dependencies = dependenciesOf(target, 'impact()')
  const found = new Set(
    dependencies === 'all'
      ? store.all()
      : dependencies.flatMap((dependency) => store.enclosing(dependency)),
  )
  const fragments = [...found].filter(({ kind }) => kind === 'fragment').length
  return { responses: found.size - fragments, fragments, keys: keysOf(found) }
}

/**
 * Every entry that contains a fragment has its key among its dependencies, and so has each variant
 * of a response.
 */
export function explanationOf(cache: ResponseCache, key: string): Explanation {
  const { store, settings } = cache
  const found = store.enclosing(keyDependency(key))
  const own = found.filter((stored) => shownKey(stored) === key)
  const [first] = own
  const dependencies = [...new Set(own.flatMap((each) => each.dependencies))]
  const staleAt = Math.max(0, ...own.map(({ timeline }) => timeline.staleAt))
  return {
    key,
    kind: first?.kind ?? 'none',
    entries: own.length,
    dependencies,
    contains: dependencies
      .filter((dependency) => dependency.startsWith(enclosedFragment))
      .map((dependency) => dependency.slice('key:'.length))
      .filter((enclosed) => enclosed !== key),
    containedIn: keysOf(found.filter((stored) => shownKey(stored) !== key)),
    tags: [...new Set(own.flatMap(({ tags }) => tags))],
    freshFor: Math.max(0, staleAt - settings.clock()),
    invalidatedBy: store.removalOf(key)?.by,
  }
}

const enclosedFragment = keyDependency('fragment:')
