import { type Duration, milliseconds } from '../values/duration.ts'
import { onOrigin } from '../invalidation/dependency.ts'
import { type Dependable, dependenciesFrom } from '../invalidation/target.ts'
import { noteTags } from './given-tags.ts'
import type { DependencyTracker } from './dependency-tracker.ts'

/**
 * The fragment being rendered, for its body. All calls also affect everything that contains the
 * fragment.
 */
export class FragmentContext {
  readonly #tracker: DependencyTracker

  readonly #origin: string | undefined
  readonly #isStrict: boolean

  constructor(tracker: DependencyTracker, origin: string | undefined, isStrict: boolean) {
    this.#isStrict = isStrict
    this.#tracker = tracker
    this.#origin = origin
  }

  /**
   * @throws CacheflowError `ERR_CACHEFLOW_TAG` in development; elsewhere the fragment is not stored
   */
  tag(...tags: readonly string[]): this {
    noteTags(this.#tracker, tags, this.#isStrict)
    return this
  }

  /**
   * Invalidates the fragment with these targets too. @throws CacheflowError `ERR_CACHEFLOW_TARGET`
   */
  dependsOn(...targets: readonly Dependable[]): this {
    this.#tracker.dependOn(onOrigin(dependenciesFrom(targets, 'dependsOn()'), this.#origin))
    return this
  }

  /**
   * How long the fragment is fresh; the shortest of several calls holds. @throws CacheflowError
   * `ERR_CACHEFLOW_DURATION`
   */
  maxAge(duration: Duration): this {
    this.#tracker.limitMaxAge(milliseconds(duration, 'maxAge()'))
    return this
  }

  /**
   * Keeps the fragment and everything that contains it from being stored; `reason` appears in the
   * events.
   */
  noStore(reason: string): this {
    this.#tracker.refuse(reason)
    return this
  }

  /**
   * Adds an asset that the page needs once, however often the fragment is shown: the address of a
   * script, the name of an icon. `res.locals.cacheflow.assets(name)` lists all of them, each once,
   * in order.
   */
  addAsset(name: string, value: string): this {
    this.#tracker.addAsset(name, value)
    return this
  }
}
