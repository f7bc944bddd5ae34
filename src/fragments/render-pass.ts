import { DependencyTracker } from './dependency-tracker.ts'
import { keepShown, takeShown } from './fragment-repeat.ts'
import type { FragmentScope, Scope, ViewRenderPass } from './scope.ts'

/** What the passes of one view have in common. */
export interface RenderPasses {
  /** Has Redis not been asked for this key yet, and may it be? */
  isUnknown(key: string): boolean
  /** Of what earlier passes have made and stored: what is still to be told of it. */
  readonly untold: Map<string, () => void>
}

/**
 * One pass over a view that cannot wait. What it meets that is in memory stands in its text; of what may be in Redis it notes the
 * key and leaves a hole. With a hole it is thrown away, and nothing of it has happened: not what it recorded, not what it would
 * have told. Without one it counts.
 */
export class RenderPass implements ViewRenderPass {
  /** What the view is made of, in this pass. */
  readonly tracker: DependencyTracker
  readonly scope: Scope
  /** Every key that it has met. */
  readonly keys: Set<string> = new Set()
  readonly unknown: Set<string> = new Set()
  readonly #passes: RenderPasses
  readonly #outer: Scope
  readonly #stored = new Map<string, () => void>()
  #effects: (() => void)[] = []
  #hasCounted = false

  constructor(passes: RenderPasses, outer: Scope) {
    this.#passes = passes
    this.#outer = outer
    this.tracker = new DependencyTracker(outer.tracker)
    takeShown(this.tracker, outer.root)
    this.scope = { ...outer, tracker: this.tracker, renderPass: this }
  }

  get outer(): DependencyTracker {
    return this.#outer.tracker
  }

  meets(key: string): void {
    this.keys.add(key)
  }

  leavesOut(key: string, fragment: FragmentScope | undefined): boolean {
    if (!this.#passes.isUnknown(key)) return false
    this.unknown.add(key)
    for (let at = fragment; at && at !== this.#outer.fragment; at = at.outer) at.isPartial = true
    return true
  }

  later(effect: () => void): void {
    if (this.#hasCounted) effect()
    else this.#effects.push(effect)
  }

  // By the pass that counts, even if that finds it in memory.
  stored(key: string, effect: () => void): void {
    this.later(effect)
    this.#stored.set(key, effect)
  }

  recalls(key: string): boolean {
    const effect = this.#passes.untold.get(key)
    if (effect === undefined) return false
    this.#passes.untold.delete(key)
    this.stored(key, effect)
    return true
  }

  throwAway(): void {
    for (const [key, effect] of this.#stored) this.#passes.untold.set(key, effect)
  }

  count(): void {
    const { tracker, root } = this.#outer
    this.#hasCounted = true
    tracker.contain(this.tracker)
    const { maxAge } = this.tracker
    if (maxAge !== undefined) tracker.limitMaxAge(maxAge)
    // What comes later comes for what is around.
    this.tracker.onLate = () => tracker.tellLate()
    keepShown(root, this.tracker)
    for (const effect of this.#effects.splice(0)) effect()
    for (const effect of this.#passes.untold.values()) effect()
  }
}
