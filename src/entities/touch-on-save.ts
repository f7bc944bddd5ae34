import { type Entity, type EntityModel, type EntityRef, modelOf } from './entity.ts'
import { several } from '../values/to-list.ts'
import type { Touched } from './touch.ts'

/** The options of updates(). */
export interface UpdateOptions<Row, Args extends readonly unknown[] = never> {
  /** Further parents beside those that the entity declares: `(row) => blog.ref(row.blogId)`. Default none. */
  readonly parent?: (row: Row) => EntityRef | readonly EntityRef[]
  /**
   * The row as it was, read before the function runs: its parents and lists are touched too.
   * Default: `find` of the entity reads it, where the first argument is a row or an id.
   */
  readonly was?: (...args: Args) => Promise<Row | null | undefined> | Row | null | undefined
}

/**
 * Wraps a function that saves a row: when it has resolved, the row is touched, and only then the wrapped one resolves. A list
 * of rows touches each; no row (a deleted one, say) touches what `was` gave.
 */
export function updating<Row extends object, Args extends readonly unknown[], Saved>(
  touch: (touched: readonly Touched[]) => Promise<unknown>,
  entity: Entity<Row>,
  save: (...args: Args) => Promise<Saved> | Saved,
  { parent, was }: UpdateOptions<Row, Args>,
): (...args: Args) => Promise<Saved> {
  const model = modelOf(entity.ref('0'))
  return async function update(this: unknown, ...args: Args): Promise<Saved> {
    const before = was === undefined ? await rowBefore(model, args[0]) : await was(...args)
    const saved = await Reflect.apply(save, this, args)
    const touched = [before, ...several<unknown>(saved)].flatMap((row): readonly Touched[] =>
      isRow<Row>(row) ? [entity(row), ...several(parent?.(row) ?? [])] : [],
    )
    if (touched.length > 0) await touch(touched)
    return saved
  }
}

/** A record that moves leaves a parent and lists behind, which the saved row does not name any more. */
async function rowBefore(model: EntityModel | undefined, given: unknown): Promise<unknown> {
  const id = model?.hasOthers === true && model.find ? model.idIn(given) : undefined
  if (id === undefined) return undefined
  try {
    const [row] = (await model?.find?.([id])) ?? []
    return row
  } catch {
    // Saving is what was asked for, and will tell of a database that is gone.
    return undefined
  }
}

/** What a function that saves rows returns is one, or nothing. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a guard for the entity's own rows
function isRow<Row extends object>(given: unknown): given is Row {
  return typeof given === 'object' && given !== null
}
