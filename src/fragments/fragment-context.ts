import { type Duration, milliseconds } from '../values/duration.ts'
import { onOrigin } from '../invalidation/dependency.ts'
import { type Dependable, dependenciesFrom } from '../invalidation/target.ts'
import { noteTags } from './given-tags.ts'
import type { Recording } from './dependency-tracker.ts'

/** The fragment that is being made, as its body can speak of it. All of it reaches what encloses the fragment, too. */
export class FragmentDraft {
  readonly #recording: Recording

  readonly #origin: string | undefined
  readonly #isStrict: boolean

  constructor(recording: Recording, origin: string | undefined, isStrict: boolean) {
    this.#isStrict = isStrict
    this.#recording = recording
    this.#origin = origin
  }

  /** @throws CacheflowError `ERR_CACHEFLOW_TAG` in development; elsewhere nothing of it is stored */
  tag(...tags: readonly string[]): this {
    noteTags(this.#recording, tags, this.#isStrict)
    return this
  }

  /** The fragment falls with these, too. @throws CacheflowError `ERR_CACHEFLOW_TARGET` */
  dependsOn(...targets: readonly Dependable[]): this {
    this.#recording.dependOn(onOrigin(dependenciesFrom(targets, 'dependsOn()'), this.#origin))
    return this
  }

  /** How long the fragment is fresh; of several wishes the shortest holds. @throws CacheflowError `ERR_CACHEFLOW_DURATION` */
  maxAge(duration: Duration): this {
    this.#recording.limitMaxAge(milliseconds(duration, 'maxAge()'))
    return this
  }

  /** Neither the fragment nor what encloses it is stored; `reason` appears in the events. */
  noStore(reason: string): this {
    this.#recording.refuse(reason)
    return this
  }

  /**
   * Keeps something beside the text that the page needs once, however often it comes from the cache: the address of a script,
   * the name of an icon. `res.locals.cacheflow.attachments(name)` has them all, each once, in order.
   */
  attach(name: string, value: string): this {
    this.#recording.attach(name, value)
    return this
  }
}
