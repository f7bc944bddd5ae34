import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import { type Dependable, boundedTag, dependenciesFrom } from '../invalidation/target.ts'
import { isToken } from '../values/token.ts'
import { pageInputs } from './page-input.ts'

/** The options of one fragment. */
export interface FragmentOptions {
  /** False runs the body without the cache. Default `true`. */
  readonly if?: boolean
  /** How long it is fresh. Default `false`: until a dependency changes. */
  readonly maxAge?: Duration | false
  /**
   * How long it may be shown stale while it is refreshed in the background; not in templates.
   * Default `false`.
   */
  readonly staleWhileRevalidate?: Duration | false
  /** How long a stale one may be shown when the body fails. Default `false`. */
  readonly staleIfError?: Duration | false
  /** Tags of the fragment, and of everything that contains it. Default none. */
  readonly tags?: readonly string[]
  /**
   * Further dependencies: `post.list('author=1')`, `{ tag: 'posts' }`, or several. Default none.
   */
  readonly dependsOn?: Dependable | readonly Dependable[]
  /**
   * A further part of its key, or a list of several, for inputs that are no records: a language, a
   * page number. Default none.
   */
  readonly key?: string | number | readonly (string | number)[]
  /**
   * Request inputs that it reads: header names, `cookie:name`, `host` (scheme and host), `url` (all of it) or `method`. Their
   * values join its key. Default none.
   */
  readonly vary?: readonly string[]
  /**
   * The group that shares it, where it depends on a session, a user or credentials: the name joins
   * its key, and everything that contains it is private. Null: nobody, and it is not stored.
   */
  readonly session?: string | null
  /**
   * The text in place of a body that failed. Neither it nor anything that contains it is stored.
   * Default: the error is thrown.
   */
  readonly onError?: (error: unknown) => string
  /** The body gives plain text, to be escaped for HTML. Default `false`. */
  readonly text?: boolean
  /** The body gives a value, to be written as JSON that is safe within a script element. Default `false`. */
  readonly json?: boolean
  /** A text of white space alone is not stored. Default `false`. */
  readonly skipEmpty?: boolean
}

/** The options of one fragment, every one present. */
export interface FragmentPolicy {
  readonly isOff: boolean
  readonly maxAge: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly tags: readonly string[]
  readonly dependencies: readonly Dependency[]
  /** The parts of the key that the application gives. */
  readonly key: readonly string[]
  readonly vary: readonly string[]
  readonly session: string | null | undefined
  readonly onError: ((error: unknown) => string) | undefined
  readonly form: 'html' | 'text' | 'json'
  readonly skipEmpty: boolean
}

const names: ReadonlySet<string> = new Set([
  'if',
  'maxAge',
  'staleWhileRevalidate',
  'staleIfError',
  'tags',
  'dependsOn',
  'key',
  'vary',
  'session',
  'onError',
  'text',
  'json',
  'skipEmpty',
])

const plain: FragmentPolicy = {
  isOff: false,
  maxAge: Infinity,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  tags: [],
  dependencies: [],
  key: [],
  vary: [],
  session: undefined,
  onError: undefined,
  form: 'html',
  skipEmpty: false,
}

/**
 * Options are mostly literals in a view: checked once, they need no check for each of a hundred
 * cards.
 */
const known = new WeakMap<FragmentOptions, FragmentPolicy>()

/** @param where the call, for messages: `cacheFragment('posts/card')` */
export function fragmentPolicy(
  options: FragmentOptions | undefined,
  where: string,
): FragmentPolicy {
  if (options === undefined) return plain
  const existing = known.get(options)
  if (existing) return existing
  const unknown = Object.keys(options).find((name) => !names.has(name))
  if (unknown !== undefined) {
    throw fail('ERR_CACHEFLOW_UNKNOWN_OPTION', unknown, where, {
      mend: `Remove it, or correct its spelling; known here: ${[...names].join(', ')}.`,
    })
  }
  const policy: FragmentPolicy = {
    isOff: !flag(options.if, 'if', where, true) || options.session === null,
    maxAge: lifetime(options.maxAge, 'maxAge', where, Infinity),
    staleWhileRevalidate: lifetime(options.staleWhileRevalidate, 'staleWhileRevalidate', where, 0),
    staleIfError: lifetime(options.staleIfError, 'staleIfError', where, 0),
    tags: listOf(options.tags ?? [], 'tags', where).map((tag) => boundedTag(tag, where)),
    dependencies: options.dependsOn === undefined ? [] : dependenciesFrom(options.dependsOn, where),
    key: options.key === undefined ? [] : keyParts(options.key, where),
    vary: listOf(options.vary ?? [], 'vary', where).map((name) => inputName(name, where)),
    session: session(options.session, where),
    onError: callback(options.onError, where),
    form: formOf(options, where),
    skipEmpty: flag(options.skipEmpty, 'skipEmpty', where, false),
  }
  // A caller may keep its object and change it; a frozen one stays what it is.
  if (Object.isFrozen(options)) known.set(options, policy)
  return policy
}

function wrong(given: unknown, option: string, where: string, mend: string): Error {
  return fail('ERR_CACHEFLOW_OPTION', given, `${option} of ${where}`, { mend })
}

function flag(given: unknown, option: string, where: string, byDefault: boolean): boolean {
  if (given === undefined) return byDefault
  if (typeof given === 'boolean') return given
  throw wrong(given, option, where, 'Give true or false.')
}

function lifetime(
  given: Duration | false | undefined,
  option: string,
  where: string,
  byDefault: number,
): number {
  if (given === undefined || given === false) return byDefault
  return milliseconds(given, `${option} of ${where}`)
}

function listOf(given: unknown, option: string, where: string): readonly string[] {
  const items: readonly unknown[] = Array.isArray(given) ? given : ['']
  const texts = items.filter((item): item is string => typeof item === 'string' && item !== '')
  if (texts.length === items.length) return texts
  throw wrong(given, option, where, 'Give a list of non-empty strings.')
}

function inputName(given: string, where: string): string {
  if (given.startsWith('cookie:') && given.length > 'cookie:'.length) return given
  const name = given.toLowerCase()
  if (name === ':version') return name
  if (isToken(name)) return pageInputs.get(name) ?? name
  throw wrong(
    given,
    'vary',
    where,
    "Give names of headers, 'cookie:name', 'host', 'url' or 'method'.",
  )
}

function keyParts(given: unknown, where: string): readonly string[] {
  const parts: readonly unknown[] = Array.isArray(given) ? given : [given]
  const texts = parts.filter((part) => typeof part === 'string' || Number.isFinite(part))
  if (texts.length === parts.length && parts.length > 0) {
    const keys = texts.map(String)
    if (keys.reduce((sum, key) => sum + key.length, 0) <= 1_024) return keys
  }
  throw wrong(
    given,
    'key',
    where,
    'Give a number, a string, or a list of these; together at most 1,024 characters.',
  )
}

function session(given: unknown, where: string): string | null | undefined {
  if (given === undefined || given === null) return given
  if (typeof given === 'string' && given !== '') return given
  throw wrong(given, 'session', where, 'Name who shares the fragment, or give null for nobody.')
}

function callback(
  given: FragmentOptions['onError'],
  where: string,
): FragmentOptions['onError'] | undefined {
  if (given === undefined || typeof given === 'function') return given
  throw wrong(given, 'onError', where, 'Give a function that returns the text to show.')
}

function formOf(options: FragmentOptions, where: string): FragmentPolicy['form'] {
  const isText = flag(options.text, 'text', where, false)
  const isJson = flag(options.json, 'json', where, false)
  if (isText && isJson) throw wrong(true, 'text and json', where, 'Give one of them.')
  return isText ? 'text' : isJson ? 'json' : 'html'
}
