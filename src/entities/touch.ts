import { AsyncLocalStorage } from 'node:async_hooks'
import { fail } from '../events/errors.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import { type EntityModel, type EntityRecord, type EntityRef, modelOf } from './entity.ts'
import type { InvalidationReceipt } from '../invalidation/target.ts'

/** The arguments of touch(): records that were read, or references. */
export type Touched = EntityRef | EntityRecord

/** The result of a touch. */
export interface TouchReceipt {
  /** The records that were given, and the parents that they touched: `entity:comment:3`, `entity:post:7`. */
  readonly records: readonly Dependency[]
  /** undefined within a transaction, at whose end it is carried out. */
  readonly invalidation: InvalidationReceipt | undefined
}

interface Buffer {
  readonly touched: Touched[]
  /** Dependencies that were invalidated within the transaction, to be invalidated again behind its commit. */
  readonly dependencies: Dependency[]
}

export interface TouchesOptions {
  readonly invalidate: (dependencies: readonly Dependency[]) => Promise<InvalidationReceipt>
  readonly clock: () => number
  /** Told of every touch that was carried out. */
  readonly onTouch: (records: readonly Dependency[], parents: readonly Dependency[]) => void
}

/**
 * Touch propagation: the change of a record is a change of its parents, as far as their entities declare it. Parents get a new
 * `updatedAt`, where their entity says how to write it, and everything that encloses one of them falls.
 */
export class Touches {
  readonly #options: TouchesOptions
  readonly #transactions = new AsyncLocalStorage<Buffer>()
  readonly #stopped = new AsyncLocalStorage<true>()
  #queue: Touched[] = []
  #flush: Promise<TouchReceipt> | undefined

  constructor(options: TouchesOptions) {
    this.#options = options
  }

  /** All touches of one tick are one: what several children share is touched once. */
  touch(touched: readonly Touched[]): Promise<TouchReceipt> {
    for (const each of touched) checkTouched(each)
    const buffer = this.#transactions.getStore()
    if (buffer) {
      buffer.touched.push(...touched)
      const records = touched.map(({ dependency }) => dependency)
      return Promise.resolve({ records, invalidation: undefined })
    }
    if (this.#stopped.getStore() === true) return this.#carryOut(touched, false)
    this.#queue.push(...touched)
    this.#flush ??= Promise.resolve().then(() => {
      const queue = this.#queue
      this.#queue = []
      this.#flush = undefined
      return this.#carryOut(queue, true)
    })
    return this.#flush
  }

  /** Within a transaction, so that it is carried out again when the commit is through. */
  invalidated(dependencies: readonly Dependency[]): void {
    this.#transactions.getStore()?.dependencies.push(...dependencies)
  }

  /** Changes within it reach the records themselves and not their parents. */
  noTouching<Result>(run: () => Result): Result {
    return this.#stopped.run(true, run)
  }

  /** Touches within it are carried out when it has resolved, and dropped when it has thrown. */
  async transaction<Result>(run: () => Promise<Result>): Promise<Result> {
    const outer = this.#transactions.getStore()
    const buffer: Buffer = { touched: [], dependencies: [] }
    const result = await this.#transactions.run(buffer, run)
    if (outer) {
      outer.touched.push(...buffer.touched)
      outer.dependencies.push(...buffer.dependencies)
      return result
    }
    const { dependencies, touched } = buffer
    const follows = this.#stopped.getStore() !== true
    // One that Redis does not confirm must not keep the others back.
    const ends = await Promise.allSettled([
      dependencies.length > 0 && this.#options.invalidate([...new Set(dependencies)]),
      touched.length > 0 && this.#carryOut(touched, follows),
    ])
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return result
  }

  async #carryOut(touched: readonly Touched[], follows: boolean): Promise<TouchReceipt> {
    const given = new Set(touched.map(({ dependency }) => dependency))
    const lists = touched.flatMap((each) =>
      isRecord(each) ? (modelOf(each)?.listsOf(each.row) ?? []) : [],
    )
    const failures: unknown[] = []
    const parents = follows ? await this.#parentsOf(touched, failures) : []
    // A record that was read has been saved; one that is only named has yet to get its new time.
    const unsaved = touched.filter((each) => !isRecord(each))
    const written = unique([
      ...unsaved,
      ...parents.filter(({ dependency }) => !given.has(dependency)),
    ])
    failures.push(...(await this.#persist(written)))
    const records = [...new Set([...touched, ...parents].map(({ dependency }) => dependency))]
    const dependencies = new Set([...records, ...lists.map(({ dependency }) => dependency)])
    // Also when something could not be written: what falls without need is only made again.
    const invalidating = this.#options.invalidate([...dependencies])
    this.#options.onTouch(
      [...given],
      records.filter((record) => !given.has(record)),
    )
    // Neither of two failures hides the other's work: both are carried out before one is told.
    const [invalidated] = await Promise.allSettled([invalidating])
    if (failures.length > 0) throw failures[0]
    if (invalidated.status === 'rejected') throw invalidated.reason
    return { records, invalidation: invalidated.value }
  }

  /** The parents of all of them, their parents, and so on; each once, so that a cycle ends. */
  async #parentsOf(touched: readonly Touched[], failures: unknown[]): Promise<EntityRef[]> {
    const found = new Map<Dependency, EntityRef>()
    const seen = new Set<Dependency>()
    for (let level: readonly Touched[] = touched; level.length > 0;) {
      let rows: readonly EntityRecord[] = []
      try {
        rows = await this.#rowsOf(level)
      } catch (error) {
        failures.push(error)
        rows = level.filter(isRecord)
      }
      for (const { dependency } of level) seen.add(dependency)
      const parents = rows.flatMap((record) => modelOf(record)?.parentsOf(record.row) ?? [])
      for (const parent of parents) checkTouched(parent)
      level = unique(parents).filter(({ dependency }) => !seen.has(dependency))
      for (const parent of parents) found.set(parent.dependency, parent)
    }
    return [...found.values()]
  }

  /** The records whose parents are to be followed; those that are only named are read, an entity at a time. */
  async #rowsOf(level: readonly Touched[]): Promise<EntityRecord[]> {
    const rows: EntityRecord[] = []
    for (const [model, refs] of byModel(level)) {
      if (!model.hasParents) continue
      rows.push(...refs.filter(isRecord))
      const ids = refs.filter((ref) => !isRecord(ref)).map(({ id }) => id)
      if (ids.length === 0) continue
      if (model.find === undefined) {
        throw fail('ERR_CACHEFLOW_TOUCH', `${model.name}.ref(${ids[0]})`, 'touch()', {
          mend: `The parents of a ${model.name} are known by its row: give entity('${model.name}', { find }), or touch a row that was read.`,
        })
      }
      for (const row of await model.find(ids)) rows.push(model.record(row))
    }
    return rows
  }

  /** Entities in the order of their names, and ids in theirs: two writers never wait for each other. */
  async #persist(refs: readonly EntityRef[]): Promise<unknown[]> {
    const at = new Date(this.#options.clock())
    const groups = [...byModel(refs)].toSorted(([a], [b]) => (a.name < b.name ? -1 : 1))
    const failures: unknown[] = []
    for (const [model, own] of groups) {
      if (model.persist === undefined) continue
      const ids = own.map(({ id }) => id).toSorted(byId)
      try {
        await model.persist(ids, at)
      } catch (cause) {
        failures.push(
          fail('ERR_CACHEFLOW_PERSIST', ids, `persist of entity('${model.name}')`, { cause }),
        )
      }
    }
    return failures
  }
}

function checkTouched(given: unknown): void {
  const isRef = typeof given === 'object' && given !== null && modelOf(given) !== undefined
  if (!isRef) throw fail('ERR_CACHEFLOW_TOUCH', given, 'touch()')
}

function isRecord(touched: Touched): touched is EntityRecord {
  return 'row' in touched
}

/** Each once: as a record where it was read, for that knows its parents. */
function unique(refs: readonly Touched[]): Touched[] {
  const found = new Map<Dependency, Touched>()
  for (const ref of refs) {
    const known = found.get(ref.dependency)
    if (known === undefined || !isRecord(known)) found.set(ref.dependency, ref)
  }
  return [...found.values()]
}

function byModel(refs: readonly Touched[]): Map<EntityModel, Touched[]> {
  const groups = new Map<EntityModel, Touched[]>()
  for (const ref of refs) {
    const model = modelOf(ref)
    if (model === undefined) continue
    const group = groups.get(model)
    if (group) group.push(ref)
    else groups.set(model, [ref])
  }
  return groups
}

/** Numbers by their size, and before all other ids. */
function byId(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)]
  if (x < y) return -1
  if (x > y) return 1
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1
  return a < b ? -1 : a > b ? 1 : 0
}
