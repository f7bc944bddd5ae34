import { AsyncLocalStorage } from 'node:async_hooks'
import type { Body, FragmentCall } from './fragment-call.ts'
import type { DependencyTracker } from './dependency-tracker.ts'

/** One read of something that tells visitors apart. */
export interface Read {
  /** A header field, or `cookie:` and a name; undefined for what makes a response private. */
  readonly input: string | undefined
  /** What it was, for people. */
  readonly detail: string
}

/** The request on whose behalf something is made. */
export interface Visitor {
  /** The value of an input, as variants have it. */
  read(name: string): string | undefined
  /** Scheme and host that it asked. */
  readonly origin: string
  /** What it asked for, as keys have it. */
  readonly page: string
  /** Are the application's reads of this request known, from its arrival on? */
  readonly isObserved: boolean
  /** What it carries of its own that bodies may read where nothing is observed. */
  readonly carries: 'nothing' | 'cookies' | 'credentials'
  /** The framework's own request: the same for all caches that it meets. */
  readonly owner: unknown
  /** The fragments being made for it: each hears of what is read of it, by whatever code; undefined where nothing is. */
  readonly makings: Set<FragmentScope> | undefined
  /** The body of a fragment is about to run: what it reads of the target is noted from now on. */
  watch(): void
}

/** Whoever notes the reads of one request. */
export interface Reader {
  /** The framework's request and what is made of it; undefined before it has come to a cache. */
  readonly served: { readonly owner: unknown; readonly tracker: DependencyTracker } | undefined
  /** The fragments being made for the request. */
  readonly makings: Set<FragmentScope>
}

/** Fragments that other instances may have stored. */
export interface FragmentReads {
  readonly isOpen: boolean
  /** Brings what there is of these into memory, in one round trip; it never rejects. */
  fetch(keys: readonly string[]): Promise<unknown>
  /** What a page has shown when it was rendered last, and memory does not have now. */
  lacking(page: string): string[]
  remember(page: string, keys: Iterable<string>): void
}

/** Where fragments come from. */
export interface FragmentSource {
  /** undefined where there is nothing but memory. */
  readonly reads: FragmentReads | undefined
  /** Mistakes are errors. */
  readonly isStrict: boolean
  /** Fragments of a list that has no rows: what the call says holds for what encloses it all the same. */
  none(call: FragmentCall, scope: Scope): void
  show(
    call: FragmentCall,
    body: Body<unknown>,
    scope: Scope,
    mayWait: boolean,
  ): string | Promise<string>
  /**
   * Callbacks run in contexts of other requests here: what the context alone tells of a visitor is not believed any more.
   *
   * @param root whose context it was: what was stored in it for one visitor may be another's
   */
  distrustContext(root: DependencyTracker): void
}

/** What is being made at this moment, by whichever function is running. */
export interface Scope {
  /** The fragments of the cache that the request met; several caches may live in one process. */
  readonly fragments: FragmentSource
  readonly tracker: DependencyTracker
  /** The outermost tracker: the response, or a job. */
  readonly root: DependencyTracker
  /** undefined in a job. */
  readonly visitor: Visitor | undefined
  /** The fragment being made; undefined directly in a response. */
  readonly fragment: FragmentScope | undefined
  /** The call names its response itself, so that no callback can have lost it. */
  readonly isBound?: boolean
  /** Of the template in which the call stands: it joins the fragment's key, so that a changed template never shows old text. */
  readonly digest?: string | undefined
  /** Of the view in which the call stands: it may yet be thrown away. */
  readonly renderPass?: ViewRenderPass | undefined
}

/** One pass over a view that cannot wait for what it encloses. */
export interface ViewRenderPass {
  readonly tracker: DependencyTracker
  /** What the view is a part of: a page, or a fragment. */
  readonly outer: DependencyTracker
  /** Leaves a hole for what has to be asked for. @returns false when it is known not to be there: its body runs */
  leavesOut(key: string, fragment: FragmentScope | undefined): boolean
  /** Notes a key that is shown. */
  meets(key: string): void
  /** Happens when this pass counts, and not when it is thrown away. */
  later(effect: () => void): void
  /** Something was made and stored, whether this pass counts or not: it is told once. */
  stored(key: string, effect: () => void): void
  /** Is what was found in memory the work of an earlier pass, met for the first time? Then it was no hit. */
  recalls(key: string): boolean
}

/** A fragment being made, as what it encloses sees it. */
export interface FragmentScope {
  /** undefined directly in a response. */
  readonly outer: FragmentScope | undefined
  /** How many fragments are around it. */
  readonly depth: number
  /** Something in it was left out. */
  isPartial: boolean
  note(read: Read): void
  /**
   * Its request was read, and not by its body, as it seems: a callback of the body's may have run in the context of what is
   * around it.
   *
   * @param read undefined where it was in the context of another request, or in none
   */
  suspect(read: Read | undefined): void
  /** Its body reads another request than the one that it is made for. */
  stray(detail: string): void
}

const scopes = new AsyncLocalStorage<Scope>()

/** Runs a function, and all that it starts, as the making of something. */
export function within<Result>(scope: Scope, run: () => Result): Result {
  return scopes.run(scope, run)
}

/** What the running function makes; undefined where nothing is made for a cache. */
export function currentScope(): Scope | undefined {
  return scopes.getStore()
}

/** The innermost tracker of what has this root: a fragment's, when one of it is being made now. */
export function innermost(root: DependencyTracker): DependencyTracker {
  const scope = scopes.getStore()
  return scope?.root === root ? scope.tracker : root
}

/** What a page is made of so far: its tracker, and that of the pass over its view. */
export function trackersOf(root: DependencyTracker): readonly DependencyTracker[] {
  const pass = scopes.getStore()?.renderPass
  return pass?.outer === root ? [root, pass.tracker] : [root]
}

/** What the running function makes, for a call that says nothing else of it. */
export function contextScope(): Scope | undefined {
  const scope = scopes.getStore()
  scope?.root.useContext()
  return scope
}

/** Tells every fragment that is being made of a read: it shapes them all. @param reader undefined where many share it */
export function noteRead(read: Read, reader: Reader | undefined): void {
  const scope = scopes.getStore()
  const { served } = reader ?? {}
  const isOwn = scope?.visitor?.owner === served?.owner
  for (const render of reader?.makings ?? []) {
    if (!isWithin(render, scope)) render.suspect(isOwn ? read : undefined)
  }
  if (scope === undefined) return
  if (served && !isOwn) {
    // A job has no request, and so no input of one in its keys.
    if (scope.visitor === undefined) {
      for (let at = scope.fragment; at; at = at.outer) at.note({ ...read, input: undefined })
      return
    }
    scope.root.meet(served.tracker)
    // Whatever else that code says by the context, it says of another's response.
    if (!scope.root.isEnded) scope.fragments.distrustContext(scope.root)
    if (scope.fragment) {
      scope.root.stray()
      served.tracker.stray()
      for (let at: FragmentScope | undefined = scope.fragment; at; at = at.outer)
        at.stray(read.detail)
      return
    }
  }
  for (let at = scope.fragment; at; at = at.outer) at.note(read)
}

function isWithin(render: FragmentScope, scope: Scope | undefined): boolean {
  for (let at = scope?.fragment; at; at = at.outer) if (at === render) return true
  return false
}

/** A response is on its way, sent by whatever function is running: in the context of another it may lack what was said. */
export function noteSend(
  owner: unknown,
  tracker: DependencyTracker,
  fragments: FragmentSource,
): void {
  const scope = scopes.getStore()
  if (scope === undefined || scope.root === tracker) return
  const isOwn = scope.visitor ? scope.visitor.owner === owner : scope.fragments !== fragments
  if (isOwn) return
  scope.root.meet(tracker)
  fragments.distrustContext(scope.root)
}
