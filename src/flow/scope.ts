import { AsyncLocalStorage } from 'node:async_hooks'
import type { Body, FragmentCall } from './fragment-call.ts'
import type { Recording } from './recording.ts'

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
  /** Are the application's reads of this request known? */
  readonly isObserved: boolean
}

/** Where fragments come from. */
export interface FragmentSource {
  show(
    call: FragmentCall,
    body: Body<unknown>,
    scope: Scope,
    mayWait: boolean,
  ): string | Promise<string>
}

/** What is being made at this moment, by whichever function is running. */
export interface Scope {
  /** The fragments of the cache that the request met; several caches may live in one process. */
  readonly fragments: FragmentSource
  readonly recording: Recording
  /** The outermost recording: the response, or a job. */
  readonly root: Recording
  /** undefined in a job. */
  readonly visitor: Visitor | undefined
  /** The fragment being made; undefined directly in a response. */
  readonly fragment: FragmentScope | undefined
  /** Of the template in which the call stands: it joins the fragment's key, so that a changed template never shows old text. */
  readonly digest?: string | undefined
}

/** A fragment being made, as what it encloses sees it. */
export interface FragmentScope {
  /** undefined directly in a response. */
  readonly outer: FragmentScope | undefined
  note(read: Read): void
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

/** The innermost recording of what has this root: a fragment's, when one of it is being made now. */
export function innermost(root: Recording): Recording {
  const scope = scopes.getStore()
  return scope?.root === root ? scope.recording : root
}

/** Tells every fragment that is being made of a read: it shapes them all. */
export function noteRead(read: Read): void {
  for (let at = scopes.getStore()?.fragment; at; at = at.outer) at.note(read)
}
