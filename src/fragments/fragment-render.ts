import type { FragmentUncacheableReason, UncacheableReason } from '../events/reasons.ts'
import { fail } from '../events/errors.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import type { Body, FragmentCall } from './fragment-call.ts'
import { FragmentContext } from './fragment-context.ts'
import { promiseText } from './fragment-promise.ts'
import { csrfTokenIn } from '../html/csrf-token.ts'
import { type Contained, DependencyTracker } from './dependency-tracker.ts'
import { watchOthers } from './bystanders.ts'
import { tells, wordOf } from './page-input.ts'
import { type FragmentScope, type Read, type Scope, within } from './scope.ts'

/** A fragment that was made, stored or not. */
export interface Outcome extends Contained {
  readonly text: string
  readonly allDependencies: readonly Dependency[]
  /** It is stored, so that others may have it. */
  readonly isShared: boolean
}

export interface FragmentFault {
  readonly reason: FragmentUncacheableReason
  readonly detail: string
}

/** One fragment being made: what its body reads and encloses, and who waits for it. */
export class FragmentRender implements FragmentScope {
  readonly key: string
  readonly outer: FragmentScope | undefined
  readonly depth: number
  readonly tracker: DependencyTracker
  readonly scope: Scope
  readonly context: FragmentContext
  isPartial = false
  isSettled = false
  readonly #call: FragmentCall
  readonly #called: readonly Dependency[]
  readonly #isStrict: boolean
  readonly #waitsFor = new Set<FragmentRender>()
  readonly #settled: Promise<Outcome | undefined>
  #settle: (outcome: Outcome | undefined) => void = () => undefined
  /** The first read of something that the key does not have. */
  #unkeyed: Read | undefined
  /** The first read of its request that its body may have made in another context. */
  #suspected: string | undefined
  /** Whoever called for it runs on until its first await: what is read then is the caller's. */
  #isBeginning = true

  /**
   * @param called what the call itself depends on
   * @param isStrict reads of what the key does not have are errors
   */
  constructor(
    key: string,
    call: FragmentCall,
    outer: Scope,
    called: readonly Dependency[],
    isStrict: boolean,
  ) {
    this.key = key
    this.outer = outer.fragment
    this.depth = outer.fragment === undefined ? 0 : outer.fragment.depth + 1
    this.#call = call
    this.#called = called
    this.#isStrict = isStrict
    // The encloser's stamp: what a body renders may have been read before it was called.
    this.tracker = new DependencyTracker(outer.tracker)
    for (const tag of call.policy.tags) this.tracker.tags.add(tag)
    for (const input of call.policy.vary) this.tracker.inputs.add(input)
    const { session } = call.policy
    if (typeof session === 'string') this.tracker.groups.add(session)
    if (session === null) this.tracker.refuse(`${call.where}: session is null`)
    // What a body calls stands in a template of its own, or in none.
    this.scope = {
      ...outer,
      tracker: this.tracker,
      fragment: this,
      digest: undefined,
      isBound: false,
    }
    this.context = new FragmentContext(this.tracker, outer.visitor?.origin, isStrict)
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  get startSequence(): number {
    return this.tracker.startSequence
  }

  /** What it is known to depend on so far. */
  allDependencies(): readonly Dependency[] {
    return [...this.#called, ...this.tracker.allDependencies]
  }

  note(read: Read): void {
    const { policy, where } = this.#call
    if (policy.isOff) return
    if (this.#isKeyed(read)) {
      // What encloses it varies by all that was read.
      if (read.input !== undefined) this.tracker.inputs.add(read.input)
      return
    }
    this.#unkeyed ??= read
    if (this.#isStrict) throw unkeyed(read, where)
  }

  #isKeyed({ input }: Read): boolean {
    const { session, vary } = this.#call.policy
    return input === undefined ? typeof session === 'string' : tells(vary, input)
  }

  suspect(read: Read | undefined): void {
    if (read === undefined) {
      this.#suspected ??= 'its request was read in another async context'
    } else if (!this.#isBeginning && !this.#isKeyed(read)) {
      this.#suspected ??= `${read.detail} was read beside it`
    }
  }

  stray(detail: string): void {
    const { where } = this.#call
    this.tracker.stray()
    if (this.#isStrict) throw fail('ERR_CACHEFLOW_CONTEXT', detail, where)
  }

  /** What its body gives, or a promise of it. */
  run(body: Body<unknown>): unknown {
    const { visitor } = this.scope
    visitor?.makings?.add(this)
    queueMicrotask(() => (this.#isBeginning = false))
    visitor?.watch()
    watchOthers(visitor)
    return within(this.scope, () => body(this.context))
  }

  /** Why it may not be stored; undefined when it may. */
  refusal(text: string, isObserving: boolean): FragmentFault | undefined {
    const { policy, where } = this.#call
    const { tracker } = this
    if (tracker.refusal) {
      const { reason, detail } = tracker.refusal
      return { reason: isOwnRefusal(reason) ? reason : 'draft', detail }
    }
    if (this.#unkeyed) return { reason: 'reads', detail: this.#unkeyed.detail }
    const inner = this.#unkeyedInside()
    if (inner) {
      if (this.#isStrict) throw unkeyed(inner, where)
      return { reason: 'reads', detail: inner.detail }
    }
    const { visitor } = this.scope
    if (this.#suspected !== undefined) return { reason: 'context', detail: this.#suspected }
    if (isObserving && visitor?.isObserved === false) {
      return { reason: 'unobserved', detail: 'what was read before is not known' }
    }
    if (text.trim() === promiseText) {
      if (this.#isStrict) {
        throw fail('ERR_CACHEFLOW_FRAGMENT', promiseText, `the text of ${where}`, {
          mend: 'A promise was written into it: await it before.',
        })
      }
      return { reason: 'promise', detail: promiseText }
    }
    const token = policy.form === 'html' ? csrfTokenIn(text) : undefined
    if (token !== undefined) return { reason: 'csrf-token', detail: token }
    return policy.skipEmpty && text.trim() === '' ? { reason: 'empty', detail: '' } : undefined
  }

  /** What encloses a fragment for some language or audience has to be for the same. */
  #unkeyedInside(): Read | undefined {
    const { vary, session } = this.#call.policy
    for (const input of this.tracker.inputs) {
      if (!tells(vary, input)) return { input, detail: `${input}, by a fragment inside` }
    }
    for (const group of this.tracker.groups) {
      if (group !== session) {
        return { input: undefined, detail: `a fragment inside for ${group}` }
      }
    }
    return undefined
  }

  /** @param freshUntil as the fragment's own lifetime has it */
  outcome(text: string, freshUntil: number): Outcome {
    const { tags, assets, inputs, groups, refusal, verifiedAt } = this.tracker
    const allDependencies = [...new Set(this.allDependencies())]
    return {
      text,
      allDependencies,
      tags,
      assets,
      inputs,
      groups,
      refusal,
      verifiedAt,
      freshUntil: Math.min(freshUntil, this.tracker.freshUntil),
      isShared: false,
    }
  }

  /** Does it wait, at last, for something that this scope is a part of? */
  needs(scope: Scope): boolean {
    const asking = new Set<unknown>()
    for (let at = scope.fragment; at; at = at.outer) asking.add(at)
    if (asking.size === 0) return false
    const seen = new Set<FragmentRender>()
    const open: FragmentRender[] = [this]
    for (let at = open.pop(); at; at = open.pop()) {
      if (asking.has(at)) return true
      if (seen.has(at)) continue
      seen.add(at)
      open.push(...at.#waitsFor)
    }
    return false
  }

  /** Resolves when it is made; with undefined when it failed, or takes longer. */
  async wait(scope: Scope, patience: number): Promise<Outcome | undefined> {
    const waiting: FragmentRender[] = []
    for (let at = scope.fragment; at; at = at.outer) {
      if (at instanceof FragmentRender) waiting.push(at)
    }
    for (const each of waiting) each.#waitsFor.add(this)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), Math.min(patience, MAX_TIMER))
    })
    try {
      return await Promise.race([this.#settled, late])
    } finally {
      clearTimeout(timer)
      for (const each of waiting) each.#waitsFor.delete(this)
    }
  }

  settle(outcome: Outcome | undefined): void {
    this.isSettled = true
    this.scope.visitor?.makings?.delete(this)
    this.#settle(outcome)
  }
}

/** Node lets a longer timer end at once. */
const MAX_TIMER = 2 ** 31 - 1

/** Refusals that fragments and pages have the same word for. */
function isOwnRefusal(reason: UncacheableReason): reason is 'context' | 'promise' {
  return reason === 'context' || reason === 'promise'
}

/** How many frames of the stack tell where something was read: the framework and the observer have theirs. */
const frames = 50

function unkeyed({ input, detail }: Read, where: string): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = Math.max(stackTraceLimit, frames)
  const error = fail('ERR_CACHEFLOW_FRAGMENT_READS', detail, where, {
    mend:
      input === undefined
        ? 'It belongs to one visitor: name who shares it with { session }, or keep it out of the fragment.'
        : `Its value is not in the key: add { vary: ['${wordOf(input)}'] }, or read it outside and pass it by { key }.`,
  })
  Error.stackTraceLimit = stackTraceLimit
  return error
}
