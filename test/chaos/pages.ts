import type { Express } from 'express'
import type { Driver } from './drivers/driver.ts'
import {
  type Thing,
  type View,
  allSections,
  authorOf,
  frontItems,
  itemsIn,
  sectionOf,
  thing,
  token,
} from './site.ts'

/** Reads versions from the database; it takes its time. */
export type ReadRows = (...things: readonly Thing[]) => Promise<readonly number[]>

/** The pages of the site, made of fragments up to four levels deep, some of them shared by many pages. */
export class Pages {
  readonly #driver: Driver
  readonly #read: ReadRows

  constructor(driver: Driver, read: ReadRows) {
    this.#driver = driver
    this.#read = read
  }

  mount(app: Express): void {
    const banner = thing('banner')
    this.#driver.mount(app)
    this.#driver.page(app, '/', [banner], () => this.#front())
    this.#driver.page(app, '/sections/:id', [], async ({ params }) => {
      const parts = [this.#menu(), this.#shelf(Number(params['id']))]
      return (await Promise.all(parts)).join('')
    })
    this.#driver.page(app, '/items/:id', [], async ({ params }) => {
      const item = Number(params['id'])
      return `${await this.#title(sectionOf(item))}${await this.#card(item)}`
    })
  }

  /** A view that has no page: it is made of fragments alone, as in a job. */
  show({ kind, id }: View): Promise<string> {
    return this.#driver.job(() => {
      if (kind === 'card') return this.#card(id)
      return kind === 'shelf' ? this.#shelf(id) : this.#menu()
    })
  }

  async #front(): Promise<string> {
    const banner = await this.#shown(thing('banner'))
    const list = thing('list', 0)
    const top = this.#driver.show('top', { of: thing('section', 0), also: [list] }, async () => {
      const shown = await this.#shown(list)
      return `${shown}${await this.#each(frontItems, (item) => this.#card(item))}`
    })
    return `${banner}${await this.#menu()}${await top}`
  }

  #menu(): Promise<string> {
    const menu = thing('menu')
    return this.#driver.show('menu', { of: thing('section', 0), also: [menu] }, async () => {
      const shown = await this.#shown(menu)
      return `${shown}${await this.#each(allSections, (section) => this.#title(section))}`
    })
  }

  #title(id: number): Promise<string> {
    const section = thing('section', id)
    return this.#driver.show('title', { of: section }, () => this.#shown(section))
  }

  #shelf(id: number): Promise<string> {
    const section = thing('section', id)
    const list = thing('list', id)
    return this.#driver.show('shelf', { of: section, also: [list] }, async () => {
      const [shown, cards] = await Promise.all([
        this.#shown(section, list),
        this.#each(itemsIn(id), (item) => this.#card(item)),
      ])
      return `${shown}${cards}`
    })
  }

  #card(id: number): Promise<string> {
    const item = thing('item', id)
    const price = thing('price', id)
    return this.#driver.show('card', { of: item, also: [price] }, async () => {
      const shown = await this.#shown(item, price)
      return `<p>${shown}${await this.#author(authorOf(id))}</p>`
    })
  }

  /** Its record is read by the encloser, as a row of a join would be. */
  async #author(id: number): Promise<string> {
    const author = thing('author', id)
    const [version = 0] = await this.#read(author)
    return this.#driver.show('author', { of: author, version }, async () => token(author, version))
  }

  async #shown(...shown: readonly Thing[]): Promise<string> {
    const versions = await this.#read(...shown)
    return shown.map((each, place) => token(each, versions[place] ?? 0)).join('')
  }

  async #each(ids: readonly number[], one: (id: number) => Promise<string>): Promise<string> {
    return (await Promise.all(ids.map(one))).join('')
  }
}
