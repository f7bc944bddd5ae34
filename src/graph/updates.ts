import type { Entity, EntityRef } from './entity.ts'
import { several } from './several.ts'
import type { Touched } from './touch.ts'

/** How the success of a function becomes a touch. */
export interface UpdateOptions<Row, Args extends readonly unknown[] = never> {
  /** Further parents beside those that the entity declares: `(row) => blog.ref(row.blogId)`. Default none. */
  readonly parent?: (row: Row) => EntityRef | readonly EntityRef[]
  /** The row as it was before, read before the function runs: its parents and lists are touched too. Default none. */
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
  return async function update(this: unknown, ...args: Args): Promise<Saved> {
    const before = await was?.(...args)
    const saved = await Reflect.apply(save, this, args)
    const touched = [before, ...several<unknown>(saved)].flatMap((row): readonly Touched[] =>
      isRow<Row>(row) ? [entity(row), ...several(parent?.(row) ?? [])] : [],
    )
    if (touched.length > 0) await touch(touched)
    return saved
  }
}

/** What a function that saves rows returns is one, or nothing. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a guard for the entity's own rows
function isRow<Row extends object>(given: unknown): given is Row {
  return typeof given === 'object' && given !== null
}
