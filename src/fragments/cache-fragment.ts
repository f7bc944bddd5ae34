import { fail } from '../events/errors.ts'
import { onOrigin } from '../invalidation/dependency.ts'
import type { EntityCollection, EntityRecord } from '../entities/entity.ts'
import { type Dependable, dependenciesFrom } from '../invalidation/target.ts'
import { several } from '../values/to-list.ts'
import type { FragmentCache } from './fragment-cache.ts'
import { type Body, type Subjects, fragmentCall, isSubject } from './fragment-call.ts'
import type { FragmentContext } from './fragment-context.ts'
import type { FragmentOptions } from './fragment-options.ts'
import { noted } from './fragment-promise.ts'
import { type Scope, contextScope } from './scope.ts'

/** A body returns text; with `json: true` it returns a value. */
export type BodyFor<Options> = Options extends { readonly json: true }
  ? Body<unknown>
  : Body<string | Promise<string>>

/** The body of each of several fragments. */
export type RowBody<Row, Options> = Options extends { readonly json: true }
  ? (row: Row, fragment: FragmentContext) => unknown
  : (row: Row, fragment: FragmentContext) => string | Promise<string>

/** The signatures of cacheFragment(). */
export interface CacheFragment {
  (name: string, body: Body<string | Promise<string>>): Promise<string>
  (name: string, subjects: Subjects, body: Body<string | Promise<string>>): Promise<string>
  <Options extends FragmentOptions>(
    name: string,
    options: Options,
    body: BodyFor<Options>,
  ): Promise<string>
  <Options extends FragmentOptions>(
    name: string,
    subjects: Subjects,
    options: Options,
    body: BodyFor<Options>,
  ): Promise<string>
}

/** The rows of cacheFragments(), each of which becomes a fragment. */
export type Rows<Row> = readonly EntityRecord<Row>[] | EntityCollection<Row>

/** The signatures of cacheFragments(). */
export interface CacheFragments {
  <Row>(
    name: string,
    rows: Rows<Row>,
    body: (row: Row, fragment: FragmentContext) => string | Promise<string>,
  ): Promise<string>
  <Row, Options extends FragmentOptions>(
    name: string,
    rows: Rows<Row>,
    options: Options,
    body: RowBody<Row, Options>,
  ): Promise<string>
}

/**
 * A part of a page that is rendered once and then comes from the cache, until one of its records
 * changes, or something that it depends on is invalidated. Fragments may contain others, to any
 * depth:
 *
 *   await cacheFragment('posts/card', post(row), () => render('card', row))
 *
 *     fragment:posts/card post:7     1772445600123.456
 *     ^^^^^^^^^^^^^^^^^^^^^^^^^^     ^^^^^^^^^^^^^^^^^
 *     its key                        its version: from the row's updatedAt
 *
 * When the post is saved its `updatedAt` changes, and the next call renders the card again, into
 * the same entry. `cache.invalidate(post.ref(7))` or `cache.touch(post(row))` invalidates
 * everything that contains the card, and nothing else: nesting is tracked while bodies run.
 *
 * The current request is found by itself. Without one, in a job, use `cache.fragment(...)`.
 *
 * @throws CacheflowError `ERR_CACHEFLOW_NO_REQUEST` outside of a request that passed a cache,
 *   `ERR_CACHEFLOW_FRAGMENT`, `ERR_CACHEFLOW_OPTION`, `ERR_CACHEFLOW_UNKNOWN_OPTION`; in
 *   development `ERR_CACHEFLOW_FRAGMENT_READS` and `ERR_CACHEFLOW_FRAGMENT_KEY`
 */
export const cacheFragment: CacheFragment = (name: string, ...given: readonly unknown[]) =>
  promised(`cacheFragment('${name}')`, (scope) => fragmentIn(scope, name, given))

/**
 * One fragment for each record of a list, joined:
 *
 *   await cacheFragments('posts/card', rows.map(post), (row) => render('card', row))
 */
export const cacheFragments: CacheFragments = (name: string, ...given: readonly unknown[]) =>
  promised(`cacheFragments('${name}')`, (scope) => fragmentsIn(scope, name, given))

function promised(
  where: string,
  make: (scope: Scope) => string | Promise<string>,
): Promise<string> {
  const scope = contextScope()
  if (scope) return promisedIn(scope, where, make)
  return Promise.reject(fail('ERR_CACHEFLOW_NO_REQUEST', 'no request', where))
}

/** The promise of a fragment, which tells when it is written where it should have been awaited. */
export function promisedIn(
  scope: Scope,
  where: string,
  make: (scope: Scope) => string | Promise<string>,
): Promise<string> {
  const made = (async () => make(scope))()
  return noted(made, scope, where)
}

/**
 * Adds dependencies to the response or fragment being rendered; outside of a rendering it has no
 * effect.
 */
export function dependsOn(...targets: readonly Dependable[]): void {
  const dependencies = dependenciesFrom(targets, 'dependsOn()')
  const scope = contextScope()
  scope?.tracker.dependOn(onOrigin(dependencies, scope.visitor?.origin))
}

/**
 * Reads data, and adds it to the dependencies of the response or fragment being rendered:
 *
 *   const popular = (limit) => track(product.list('popular'), () => db.popularProducts(limit))
 */
export function track<Data>(target: Dependable | readonly Dependable[], read: () => Data): Data {
  dependsOn(...several<Dependable>(target))
  return read()
}

/**
 * One fragment, with the arguments of cacheFragment() behind its name.
 *
 * @param mayWait false in a template that cannot await
 */
export function fragmentIn(
  scope: Scope,
  name: string,
  given: readonly unknown[],
  mayWait = true,
): string | Promise<string> {
  const { subjects, options, body } = argumentsOf(given, `cacheFragment('${name}')`)
  return scope.fragments.show(fragmentCall(name, subjects, options), body, scope, mayWait)
}

/** A fragment in place of the one that is stored, with the arguments of cacheFragment() behind its name. */
export async function putIn(
  fragments: FragmentCache,
  scope: Scope,
  name: string,
  given: readonly unknown[],
): Promise<string> {
  const { subjects, options, body } = argumentsOf(given, `put('${name}')`)
  return fragments.put(fragmentCall(name, subjects, options), body, scope)
}

/** Several fragments, with the arguments of cacheFragments() behind their name. */
export function fragmentsIn(
  scope: Scope,
  name: string,
  given: readonly unknown[],
  mayWait = true,
): string | Promise<string> {
  const where = `cacheFragments('${name}')`
  const { subjects, options, body } = argumentsOf(given, where)
  const records = recordsOf(subjects, where)
  // A record that comes later is in none of the fragments.
  if (isSubject(subjects) && subjects.kind === 'collection') {
    scope.tracker.dependOn([subjects.list.dependency])
  }
  if (records.length === 0) scope.fragments.none(fragmentCall(name, [], options), scope)
  const made = records.map((record) =>
    scope.fragments.show(
      fragmentCall(name, record, options),
      (fragment) => body(record.row, fragment),
      scope,
      mayWait,
    ),
  )
  const texts = made.filter((text) => typeof text === 'string')
  return texts.length === made.length ? texts.join('') : joined(made)
}

async function joined(parts: readonly (string | Promise<string>)[]): Promise<string> {
  const texts = await Promise.all(parts.map(async (part) => part))
  return texts.join('')
}

function recordsOf(subjects: unknown, where: string): readonly EntityRecord[] {
  const isWhole = isSubject(subjects) && subjects.kind === 'collection'
  const rows: readonly unknown[] = isWhole
    ? subjects.records
    : Array.isArray(subjects)
      ? subjects
      : [undefined]
  const records = rows.filter(isRecord)
  if (records.length === rows.length) return records
  throw fail('ERR_CACHEFLOW_FRAGMENT', subjects, where, {
    mend: 'Give a list of records: rows.map(post), or post.all(rows).',
  })
}

function isRecord(given: unknown): given is EntityRecord {
  return isSubject(given) && 'row' in given
}

type AnyBody = (...given: readonly unknown[]) => unknown

interface Arguments {
  readonly subjects: unknown
  readonly options: FragmentOptions | undefined
  readonly body: AnyBody
}

function argumentsOf(given: readonly unknown[], where: string): Arguments {
  const body = given.at(-1)
  if (!isBody(body)) throw fail('ERR_CACHEFLOW_FRAGMENT', body, where)
  const [first, ...rest] = given.slice(0, -1)
  const isMadeOf = isSubject(first) || Array.isArray(first)
  const [options, ...more] = isMadeOf || first === undefined ? rest : [first, ...rest]
  if (more.length > 0) throw fail('ERR_CACHEFLOW_FRAGMENT', more[0], where)
  if (!isOptions(options)) {
    throw fail('ERR_CACHEFLOW_FRAGMENT', options, where, {
      mend: 'Before the body stand what it is made of, such as post(row), and options, such as { maxAge }.',
    })
  }
  return { subjects: isMadeOf ? first : undefined, options, body }
}

function isBody(given: unknown): given is AnyBody {
  return typeof given === 'function'
}

/** Their names and values are checked where they are resolved. */
function isOptions(given: unknown): given is FragmentOptions | undefined {
  return given === undefined || (typeof given === 'object' && given !== null)
}
