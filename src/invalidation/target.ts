import { fail } from '../events/errors.ts'
import { shortName } from '../values/short-name.ts'
import {
  type Dependency,
  type RouteParams,
  fragmentDependency,
  keyDependency,
  pathDependency,
  routeDependency,
  routeParamsDependency,
  tagDependency,
  urlDependency,
} from './dependency.ts'
import { bounded, isBounded } from '../values/bounded-name.ts'
import { storedOrigin } from './origin-alias.ts'
import { several } from '../values/to-list.ts'

/** The targets of an invalidation. */
export type InvalidationTarget =
  | { readonly tag: string | readonly string[] }
  /** A cache key as events show it, with all its variants. */
  | { readonly key: string }
  /** A path with its query (`/posts/1?page=2`, on every host), or a whole URL. */
  | { readonly url: string }
  /** A route pattern as it was mounted: all of its responses, or those with a parameter. */
  | { readonly route: string; readonly params?: RouteParams }
  /** One record, several, or a list of them: `{ entity: post.ref(1) }`. */
  | { readonly entity: Named | readonly Named[] }
  /** A record or a list itself: `post.ref(1)`, `post(row)`, `post.list('author=1')`. */
  | Named
  /** All fragments of a name, or the one of a record: `{ fragment: 'posts/card', of: post.ref(1) }`. */
  | { readonly fragment: string; readonly of?: Named }
  | { readonly all: true }

/** Records and lists, read or not, by the names that they have as dependencies. */
export interface Named {
  readonly kind: 'record' | 'list'
  readonly entity: string
  readonly dependency: Dependency
}

/** The targets that a response or fragment can depend on. */
export type Dependable = Exclude<InvalidationTarget, { readonly all: true }>

/**
 * The result of an invalidation. With Redis it counts the entries removed from this instance and at
 * once from Redis; of a great number only the first are removed at once, and the rest in slices
 * afterwards. None of them is served from the first moment, counted or not. Where more than a
 * thousand entries depend on one of several targets, those that depend on two are counted twice; a
 * purge of everything also counts entries invalidated a moment before and not removed yet.
 */
export interface InvalidationReceipt {
  /**
   * Its number, in the order that all instances share: a response made from reads before it is
   * never stored after it.
   */
  readonly sequence: number
  /**
   * The number of invalidated responses (or those that became stale, when soft: of this instance).
   */
  readonly responses: number
  /** The number of invalidated fragments (or those that became stale). */
  readonly fragments: number
  /** The keys of both, as events show them: the first thousand. */
  readonly keys: readonly string[]
  /** The number of other instances that have confirmed; 0 without `wait: 'all'`. */
  readonly instances: number
  /** Their names, as `status().instance` has them. */
  readonly confirmedBy: readonly string[]
}

/** A tag that was given as an option, at start: there a wrong one is a mistake. */
export function checkedTag(tag: unknown, where: string): string {
  if (typeof tag === 'string' && tag !== '' && isBounded(tag)) return tag
  throw notATag(tag, where)
}

/** A tag that was given while a request is answered: it may be what a client sends, and so is brought within the bounds. */
export function boundedTag(tag: unknown, where: string): string {
  if (typeof tag === 'string' && tag !== '') return bounded(tag)
  throw notATag(tag, where)
}

function notATag(tag: unknown, where: string): Error {
  const mend = { mend: 'Give the tags one by one: tag(...tags).' }
  return fail('ERR_CACHEFLOW_TAG', tag, where, Array.isArray(tag) ? mend : {})
}

const kinds: ReadonlySet<string> = new Set([
  'tag',
  'key',
  'url',
  'route',
  'entity',
  'fragment',
  'all',
])

/** The dependencies a target names; 'all' for everything. */
export function dependenciesOf(
  target: InvalidationTarget,
  where: string,
): readonly Dependency[] | 'all' {
  const given: unknown = target
  if (typeof given !== 'object' || given === null) throw fail('ERR_CACHEFLOW_TARGET', given, where)
  if (isNamed(given)) return [given.dependency]
  const names = Object.keys(given).filter(
    (name) =>
      (name !== 'params' || !('route' in given)) && (name !== 'of' || !('fragment' in given)),
  )
  if (names.length !== 1 || !kinds.has(names[0] ?? '')) {
    throw fail('ERR_CACHEFLOW_TARGET', given, where)
  }

  if ('tag' in target) {
    const tags: readonly string[] = typeof target.tag === 'string' ? [target.tag] : target.tag
    if (!Array.isArray(tags) || tags.length === 0) throw fail('ERR_CACHEFLOW_TAG', tags, where)
    return tags.map((tag) => tagDependency(boundedTag(tag, where)))
  }
  if ('key' in target) {
    const key = text(target.key, target, where)
    return [...new Set([key, shortName(key)])].map(keyDependency)
  }
  if ('url' in target) return urlTarget(text(target.url, target, where), where)
  if ('route' in target) return [routeTarget(target, where)]
  if ('fragment' in target) return [fragmentTarget(target, where)]
  if ('dependency' in target) throw fail('ERR_CACHEFLOW_TARGET', given, where)
  if ('entity' in target) {
    const named: readonly unknown[] = Array.isArray(target.entity) ? target.entity : [target.entity]
    if (named.length === 0) throw fail('ERR_CACHEFLOW_TARGET', given, where)
    return named.map((each) => {
      if (isNamed(each)) return each.dependency
      throw fail('ERR_CACHEFLOW_TARGET', each, where, {
        mend: 'An entity is given by a record or a list: { entity: post.ref(1) }.',
      })
    })
  }
  if (target.all !== true) throw fail('ERR_CACHEFLOW_TARGET', given, where)
  return 'all'
}

/** Several at once, as what is made depends on them. */
export function dependenciesFrom(
  given: Dependable | readonly Dependable[],
  where: string,
): Dependency[] {
  return several(given).flatMap((target) => {
    const found = dependenciesOf(target, where)
    if (found !== 'all') return found
    throw fail('ERR_CACHEFLOW_TARGET', target, where, {
      mend: 'Everything depends on { all: true } already; name what this depends on.',
    })
  })
}

function isNamed(given: unknown): given is Named {
  return (
    typeof given === 'object' &&
    given !== null &&
    'kind' in given &&
    (given.kind === 'record' || given.kind === 'list') &&
    'dependency' in given &&
    typeof given.dependency === 'string'
  )
}

function fragmentTarget(
  target: { readonly fragment: string; readonly of?: Named },
  where: string,
): Dependency {
  const name = text(target.fragment, target, where)
  if (target.of === undefined) return fragmentDependency(name)
  if (isNamed(target.of)) return fragmentDependency(name, target.of.dependency)
  throw fail('ERR_CACHEFLOW_TARGET', target.of, where, {
    mend: "Name the record: { fragment: 'posts/card', of: post.ref(1) }.",
  })
}

function urlTarget(url: string, where: string): Dependency[] {
  const target = asSent(url.split('#', 1)[0] ?? '')
  if (target.startsWith('/') && !target.startsWith('//')) return [pathDependency(target)]
  const [whole, origin, path] = /^(https?:\/\/[^/?]+)([/?].*)?$/i.exec(target) ?? []
  if (whole === undefined || origin === undefined) {
    throw fail('ERR_CACHEFLOW_TARGET', url, where, {
      mend: "A url is a path ('/posts/1') or starts with http:// or https://.",
    })
  }
  const rest = path === undefined ? '/' : path.startsWith('?') ? `/${path}` : path
  // A port may have been another application's before: both are meant.
  const origins = new Set([origin.toLowerCase(), storedOrigin(origin.toLowerCase())])
  return [...origins].map((each) => urlDependency(each, rest))
}

/** No request target has a space or a character beyond ASCII: what people write is not what clients send. */
function asSent(url: string): string {
  return url.replaceAll(/[^!-~]+/g, (part) =>
    encodeURIComponent(part.replaceAll(/\p{Surrogate}/gu, '\uFFFD')),
  )
}

function routeTarget(
  target: { readonly route: string; readonly params?: RouteParams },
  where: string,
): Dependency {
  const pattern = text(target.route, target, where)
  if (target.params === undefined) return routeDependency(pattern)
  if (!isParams(target.params)) {
    throw fail('ERR_CACHEFLOW_TARGET', target.params, where, {
      mend: 'params is an object of non-empty strings, numbers or lists of strings: { id: 7 }.',
    })
  }
  const names = Object.keys(target.params)
  if (names.length === 0) return routeDependency(pattern)
  const wanted = parametersOf(pattern)
  const unknown = names.find((name) => !wanted.includes(name))
  const isIndexed = names.length === 1 || names.length === wanted.length
  if (unknown === undefined && isIndexed) return routeParamsDependency(pattern, target.params)
  throw fail('ERR_CACHEFLOW_TARGET', target.params, where, {
    mend: `Give one parameter or all of them; ${pattern} has: ${wanted.join(', ') || 'none'}.`,
  })
}

// An id that is undefined would otherwise name a page that nobody has, and the right one would stay.
function isParams(given: unknown): given is RouteParams {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false
  return Object.values(given).every(
    (value: unknown) =>
      (typeof value === 'string' && value !== '') ||
      Number.isFinite(value) ||
      (Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'string')),
  )
}

/** `:id`, `*path`, and a bare `*` by its number, as Express 4 names it. */
function parametersOf(pattern: string): string[] {
  let bare = 0
  return (pattern.match(/[:*][A-Za-z_$][\w$]*|\*/g) ?? []).map((name) =>
    name === '*' ? String(bare++) : name.slice(1),
  )
}

function text(value: unknown, given: unknown, where: string): string {
  if (typeof value === 'string' && value.length > 0) return value
  throw fail('ERR_CACHEFLOW_TARGET', given, where)
}
