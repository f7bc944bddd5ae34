import { type Duration, milliseconds } from '../values/duration.ts'
import { onOrigin } from '../invalidation/dependency.ts'
import { type Dependable, dependenciesFrom } from '../invalidation/target.ts'
import { noteTags } from './given-tags.ts'
import type { DependencyTracker } from './dependency-tracker.ts'

/** The fragment that is being made, as its body can speak of it. All of it reaches what encloses the fragment, too. */
export class FragmentContext {
  readonly #tracker: DependencyTracker

  readonly #origin: string | undefined
  readonly #isStrict: boolean

  constructor(tracker: DependencyTracker, origin: string | undefined, isStrict: boolean) {
    this.#isStrict = isStrict
    this.#tracker = tracker
    this.#origin = origin
  }

  /** @throws CacheflowError `ERR_CACHEFLOW_TAG` in development; elsewhere nothing of it is stored */
  tag(...tags: readonly string[]): this {
    noteTags(this.#tracker, tags, this.#isStrict)
    return this
  }

  /** The fragment falls with these, too. @throws CacheflowError `ERR_CACHEFLOW_TARGET` */
  dependsOn(...targets: readonly Dependable[]): this {
    this.#tracker.dependOn(onOrigin(dependenciesFrom(targets, 'dependsOn()'), this.#origin))
    return this
  }

  /** How long the fragment is fresh; of several wishes the shortest holds. @throws CacheflowError `ERR_CACHEFLOW_DURATION` */
  maxAge(duration: Duration): this {
    this.#tracker.limitMaxAge(milliseconds(duration, 'maxAge()'))
    return this
  }

  /** Neither the fragment nor what encloses it is stored; `reason` appears in the events. */
  noStore(reason: string): this {
    this.#tracker.refuse(reason)
    return this
  }

  /**
   * Keeps something beside the text that the page needs once, however often it comes from the cache: the address of a script,
   * the name of an icon. `res.locals.cacheflow.attachments(name)` has them all, each once, in order.
   */
  addAsset(name: string, value: string): this {
    this.#tracker.addAsset(name, value)
    return this
  }
}
