import { createHash } from 'node:crypto'
import { fail } from '../events/errors.ts'
import { bounded } from '../values/bounded-name.ts'
import { type Dependency, entityDependency, listDependency } from '../invalidation/dependency.ts'
import { type Timestamp, timestampOf } from '../values/timestamp.ts'
import { several } from '../values/to-list.ts'

/** The id of a record; `7`, `7n` and `'7'` are the same. */
export type Id = string | number | bigint
/** The forms of `updatedAt`; every digit of a string counts. */
export type UpdatedAt = Date | number | string

/** A record by its name, which can be depended on, invalidated and touched without being read. */
export interface EntityRef {
  readonly kind: 'record'
  readonly entity: string
  readonly id: string
  readonly dependency: Dependency
  /** The entity that made it. */
  readonly [modelKey]: EntityModel
}

/** A record that was read, with its version. */
export interface EntityRecord<Row = unknown> extends EntityRef {
  readonly row: Row
  readonly version: string
}

/** The records of an entity that a condition selects, by the name of the condition. */
export interface EntityList {
  readonly kind: 'list'
  readonly entity: string
  readonly scope: string
  readonly dependency: Dependency
  /** The version, where one was given: from the number and the newest of its records. */
  readonly version: string | undefined
}

/** Records that were read together: one entry in the cache, whichever records they are. */
export interface EntityCollection<Row = unknown> {
  readonly kind: 'collection'
  readonly list: EntityList
  readonly records: readonly EntityRecord<Row>[]
  readonly version: string
}

/** The things that a fragment may be made of. */
export type Subject = EntityRef | EntityRecord | EntityList | EntityCollection

export interface EntityOptions<Row> {
  /** The id of a row: the name of its property, or a function. Default `'id'`. */
  readonly id?: (keyof Row & string) | ((row: Row) => Id)
  /** When a row changed: the name of its property, or a function. Default `'updatedAt'`. */
  readonly updatedAt?: (keyof Row & string) | ((row: Row) => UpdatedAt)
  /** The parents that a change of this row touches: `(row) => post.ref(row.postId)`, or several. Default none. */
  readonly touch?: (row: Row) => EntityRef | readonly EntityRef[] | null | undefined
  /** The scopes of the lists that have this row: ``(row) => `author=${row.authorId}` ``. Default none. */
  readonly lists?: (row: Row) => string | readonly string[]
  /**
   * Reads rows by their ids, so that a touch can continue from a parent known by its id alone.
   * Default none.
   */
  readonly find?: (ids: readonly string[]) => Promise<readonly Row[]> | readonly Row[]
  /**
   * Writes the new `updatedAt` of touched parents to the database. The ids are sorted, so that two writers lock rows in one
   * order. Default none: touches reach the cache alone.
   */
  readonly persist?: (ids: readonly string[], at: Date) => unknown
}

/** A kind of record, by the name it has in keys. */
export interface Entity<Row> {
  /**
   * Names a row and its version, for fragments and touches.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_ENTITY` when its id or updatedAt is missing or unusable
   */
  (row: Row): EntityRecord<Row>
  readonly entity: string
  /** A record that was not read. @throws CacheflowError `ERR_CACHEFLOW_ENTITY` for an unusable id */
  ref(id: Id): EntityRef
  /**
   * All records of the entity, or those of one scope: a page that shows a list depends on it, even
   * where it is empty.
   *
   *   post.list('author=1')
   *
   * The number and the newest `updatedAt` of its records, from one query, give it a version.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_ENTITY`
   */
  list(scope?: string, version?: ListVersion): EntityList
  /**
   * Rows that were read together, in their order: a fragment of them has one entry for each scope.
   */
  all(rows: readonly Row[], scope?: string): EntityCollection<Row>
}

/** The version of a list, from `SELECT count(*), max(updated_at)`. */
export interface ListVersion {
  readonly count: number | bigint
  /** null for an empty list. */
  readonly updatedAt: UpdatedAt | null
}

/** What belongs to an entity beside its records; touches find it by its records. */
export interface EntityModel {
  readonly name: string
  parentsOf(row: unknown): readonly EntityRef[]
  listsOf(row: unknown): readonly EntityList[]
  record(row: unknown): EntityRecord
  readonly find: ((ids: readonly string[]) => Promise<readonly unknown[]>) | undefined
  readonly persist: ((ids: readonly string[], at: Date) => Promise<void>) | undefined
  readonly hasParents: boolean
  /** Does a row tell of others that change with it, so that the row before a change is to be asked, too? */
  readonly hasOthers: boolean
  /** The id in what a function that saves is given: a row, or the id itself. */
  idIn(given: unknown): string | undefined
}

/** On the record itself: a WeakMap would cost more than all else about it, and pages have hundreds of records. */
const modelKey: unique symbol = Symbol('cacheflow.entity')

/** The entity that a record was made by. */
export function modelOf(ref: object): EntityModel | undefined {
  return isMade(ref) ? ref[modelKey] : undefined
}

function isMade(ref: object): ref is EntityRef {
  return modelKey in ref
}

const namePattern = /^[A-Za-z][\w.-]{0,63}$/

/**
 * Names a kind of record, so that fragments can be made of it:
 *
 *   const post = entity<Post>('post')
 *   const comment = entity<Comment>('comment', { touch: (row) => post.ref(row.postId) })
 *
 *   post({ id: 7, updatedAt: '2026-03-02T10:00:00.123456Z' })
 *     post:7     1772445600123.456
 *     ^^^^^^     ^^^^^^^^^^^^^^^^^
 *     its name   its version: touching the post, or one of its comments, changes it
 *
 * @throws CacheflowError `ERR_CACHEFLOW_ENTITY` for a wrong name, `ERR_CACHEFLOW_UNKNOWN_OPTION`
 */
export function entity<Row extends object>(
  name: string,
  options: EntityOptions<Row> = {},
): Entity<Row> {
  if (typeof name !== 'string' || !namePattern.test(name)) {
    throw fail('ERR_CACHEFLOW_ENTITY', name, 'entity()', {
      mend: "A name starts with a letter and has letters, digits, '_', '-' and '.': entity('post').",
    })
  }
  const unknown = Object.keys(options).find((option) => !optionNames.has(option))
  if (unknown !== undefined) {
    throw fail('ERR_CACHEFLOW_UNKNOWN_OPTION', unknown, `entity('${name}')`, {
      mend: `Remove it, or correct its spelling; known here: ${[...optionNames].join(', ')}.`,
    })
  }
  const where = `${name}()`
  const idOf = reader(options.id ?? 'id')
  const updatedAtOf = reader(options.updatedAt ?? 'updatedAt')

  function ref(id: Id): EntityRef {
    const text = idText(id, `${name}.ref()`)
    const dependency = entityDependency(name, text)
    return { kind: 'record', entity: name, id: text, dependency, [modelKey]: model }
  }

  function record(row: Row): EntityRecord<Row> {
    if (typeof row !== 'object' || row === null) throw fail('ERR_CACHEFLOW_ENTITY', row, where)
    const id = idText(idOf(row), where, 'id')
    const { text: version } = moment(updatedAtOf(row), `${name} ${id}`)
    const dependency = entityDependency(name, id)
    return { kind: 'record', entity: name, id, dependency, row, version, [modelKey]: model }
  }

  function list(given = '', version?: ListVersion): EntityList {
    if (typeof given !== 'string') {
      throw fail('ERR_CACHEFLOW_ENTITY', given, `${name}.list()`, {
        mend: "Name the scope by a string: post.list('author=1').",
      })
    }
    const scope = bounded(given)
    return {
      kind: 'list',
      entity: name,
      scope,
      dependency: listDependency(name, scope),
      version: version === undefined ? undefined : listVersion(version, `${name}.list()`),
    }
  }

  function all(rows: readonly Row[], scope = ''): EntityCollection<Row> {
    if (!isList(rows)) {
      throw fail('ERR_CACHEFLOW_ENTITY', rows, `${name}.all()`, { mend: 'Give a list of rows.' })
    }
    const records = rows.map((row) => record(row))
    return { kind: 'collection', list: list(scope), records, version: versionOf(records) }
  }

  // A model gets only the rows of its own records, whose type its entity has checked.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  const own = (row: unknown): Row => row as Row
  const model: EntityModel = {
    name,
    hasParents: options.touch !== undefined,
    hasOthers: options.touch !== undefined || options.lists !== undefined,
    idIn: (given) => {
      try {
        const isRow = typeof given === 'object' && given !== null
        return idText(isRow ? idOf(own(given)) : given, name)
      } catch {
        return undefined
      }
    },
    parentsOf: (row) => several(options.touch?.(own(row)) ?? []),
    listsOf: (row) => {
      const scopes = several(options.lists?.(own(row)) ?? [])
      return [list(), ...scopes.filter((scope) => scope !== '').map((scope) => list(scope))]
    },
    record: (row) => record(own(row)),
    find: options.find && (async (ids) => (await options.find?.(ids)) ?? []),
    persist:
      options.persist &&
      (async (ids, at) => {
        await options.persist?.(ids, at)
      }),
  }
  // A function's own `name` is not ours to set.
  return Object.assign((row: Row) => record(row), { entity: name, ref, list, all })
}

const optionNames: ReadonlySet<string> = new Set([
  'id',
  'updatedAt',
  'touch',
  'lists',
  'find',
  'persist',
])

/**
 * The version of several records: their number, for people, and every id and version in order. The newest `updatedAt` alone
 * would not do: one record may leave the list as another, older one comes in.
 */
function versionOf(records: readonly EntityRecord[]): string {
  const hash = createHash('sha1')
  for (const { dependency, version } of records) hash.update(`${dependency} ${version}\n`)
  return `${records.length}-${hash.digest('base64url')}`
}

function reader<Row extends object>(by: string | ((row: Row) => unknown)): (row: Row) => unknown {
  return typeof by === 'function' ? by : (row) => Reflect.get(row, by)
}

function isList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given)
}

function idText(id: unknown, where: string, field = ''): string {
  const isId =
    (typeof id === 'string' && id !== '') ||
    (typeof id === 'number' && Number.isFinite(id)) ||
    typeof id === 'bigint'
  if (isId) return bounded(String(id))
  throw fail('ERR_CACHEFLOW_ENTITY', id, field === '' ? where : `the ${field} of ${where}`, {
    mend: 'An id is a number, a bigint or a non-empty string.',
  })
}

function moment(updatedAt: unknown, what: string): Timestamp {
  const found = timestampOf(updatedAt)
  if (found) return found
  throw fail('ERR_CACHEFLOW_ENTITY', updatedAt, `the updatedAt of ${what}`, {
    mend: 'It is a Date, milliseconds since 1970 or an ISO 8601 string; was the column selected?',
  })
}

function listVersion({ count, updatedAt }: ListVersion, where: string): string {
  const isCount = typeof count === 'bigint' || Number.isSafeInteger(count)
  if (!isCount || count < 0) {
    throw fail('ERR_CACHEFLOW_ENTITY', count, `the count of ${where}`, {
      mend: 'Give the number of records: { count: 12, updatedAt: newest }.',
    })
  }
  if (updatedAt === null) return `${count}`
  return `${count}-${moment(updatedAt, where).text}`
}
