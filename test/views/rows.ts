import { type Entity, entity } from 'cacheflow'

export interface Row {
  readonly id: string
  readonly parent: Row | undefined
  items: readonly Row[]
  title: string
  updatedAt: number
  /** Nothing to show, but it notes that the template came here. */
  readonly seen: string
  /** Throws while it is set to. */
  readonly broken: string
}

/** Whatever is in a template: rows within rows. A change of one touches the one that it is in. */
export const node: Entity<Row> = entity<Row>('node', {
  touch: ({ parent }) => parent && node(parent),
})

/** Rows to any depth, which note what templates see of them. */
export class Rows {
  readonly all: Row[] = []
  readonly top: readonly Row[]
  isBroken = false
  #seen = new Set<string>()

  /** @param counts how many rows at each depth */
  constructor(...counts: readonly number[]) {
    this.top = this.#made(undefined, counts)
  }

  /** The rows that templates have seen since it was asked last, each once (some engines look twice). */
  seen(): string[] {
    const seen = [...this.#seen].toSorted()
    this.#seen.clear()
    return seen
  }

  find(id: string): Row {
    const row = this.all.find((each) => each.id === id)
    if (row === undefined) throw new Error(`no row ${id}`)
    return row
  }

  /** A row as it is when its title has been saved. */
  change(id: string, title: string): Row {
    const row = this.find(id)
    row.title = title
    row.updatedAt++
    return row
  }

  locals(): { rows: readonly Row[]; node: typeof node } {
    return { rows: this.top, node }
  }

  #made(parent: Row | undefined, [count = 0, ...deeper]: readonly number[]): Row[] {
    return Array.from({ length: count }, (_, at) => {
      const id = parent === undefined ? `${at + 1}` : `${parent.id}.${at + 1}`
      const note = (): void => {
        this.#seen.add(id)
      }
      const isBroken = (): boolean => this.isBroken
      const row: Row = {
        id,
        parent,
        title: `<${id}> & $& $1 $' \``,
        updatedAt: 100,
        items: [],
        get seen() {
          note()
          return ''
        },
        get broken() {
          if (isBroken()) throw new Error(`row ${id} is broken`)
          return ''
        },
      }
      row.items = this.#made(row, deeper)
      this.all.push(row)
      return row
    })
  }
}
