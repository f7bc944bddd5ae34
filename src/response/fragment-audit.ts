import { firstDifference, tellAudit } from './audit.ts'
import type { CacheState } from './cache-state.ts'
import {
  type Body,
  type FragmentCall,
  fragmentDependencies,
  fragmentKey,
  fragmentVersion,
} from '../fragments/fragment-call.ts'
import { isThenable } from '../fragments/lookup.ts'
import { FragmentRender } from '../fragments/fragment-render.ts'
import { written } from '../fragments/output.ts'
import type { DependencyTracker } from '../fragments/dependency-tracker.ts'
import type { FragmentSource, Scope } from '../fragments/scope.ts'

/**
 * Fragments of a page that is audited: a body runs even where its text is stored, and the two are compared. What is not stored is made and
 * stored as ever.
 */
export class FragmentAudit implements FragmentSource {
  /** What is not in memory is made: a body with a hole in it could not be compared. */
  readonly reads = undefined
  readonly #cache: CacheState
  readonly #fragments: FragmentSource

  constructor(cache: CacheState, fragments: FragmentSource) {
    this.#cache = cache
    this.#fragments = fragments
  }

  get isStrict(): boolean {
    return this.#fragments.isStrict
  }

  none(call: FragmentCall, scope: Scope): void {
    this.#fragments.none(call, scope)
  }

  distrustContext(root: DependencyTracker): void {
    this.#fragments.distrustContext(root)
  }

  show(
    call: FragmentCall,
    body: Body<unknown>,
    scope: Scope,
    mayWait: boolean,
  ): string | Promise<string> {
    const { store, settings } = this.#cache
    const read = (name: string): string | undefined => scope.visitor?.read(name)
    const key = fragmentKey(call, read, settings.build, scope.digest)
    const stored = store.fragment(key)
    const isComparable =
      stored !== undefined &&
      !call.policy.isOff &&
      !settings.annotate &&
      stored.version === fragmentVersion(call) &&
      settings.clock() < stored.timeline.staleAt
    if (!isComparable) return this.#fragments.show(call, body, scope, mayWait)
    const dependencies = fragmentDependencies(call, key, scope.visitor?.origin)
    const render = new FragmentRender(key, call, scope, dependencies, false)
    const done = (made: unknown): string => {
      const text = written(made, call.policy.form, call.where)
      scope.tracker.contain(render.outcome(text, stored.timeline.staleAt))
      const isEqual = text === stored.text
      const detail = isEqual ? '' : firstDifference(Buffer.from(stored.text), Buffer.from(text))
      tellAudit(this.#cache, stored, isEqual ? undefined : { difference: 'body', detail })
      // What is not what it should be is made anew the next time.
      if (!isEqual) this.#cache.drop(stored)
      return text
    }
    const failed = (error: unknown): string => {
      if (call.policy.onError === undefined) throw error
      return written(call.policy.onError(error), 'html', `onError of ${call.where}`)
    }
    try {
      const made = render.run(body)
      return isThenable(made) ? Promise.resolve(made).then(done).catch(failed) : done(made)
    } catch (error) {
      return failed(error)
    }
  }
}
