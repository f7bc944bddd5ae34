import type { Random } from '../support/random.ts'

/**
 * What the pages of the harness show. Each thing has a version in the database, and each is invalidated in its own way:
 * a record by its name or by a touch, a price by the fragments that show it, a menu by its tag, a banner by its route.
 */
export type ThingKind = 'item' | 'price' | 'list' | 'section' | 'author' | 'menu' | 'banner'

export interface Thing {
  /** Its place in `things`: how reads and promises name it. */
  readonly index: number
  readonly kind: ThingKind
  readonly id: number
}

const sections = 6
const itemsOfSection = 4
const authors = 4

const sizes: readonly (readonly [ThingKind, number])[] = [
  ['item', sections * itemsOfSection],
  ['price', sections * itemsOfSection],
  ['list', sections],
  ['section', sections],
  ['author', authors],
  ['menu', 1],
  ['banner', 1],
]

/** Everything that has a version. */
export const things: readonly Thing[] = sizes
  .flatMap(([kind, size]) => Array.from({ length: size }, (_, id) => ({ kind, id })))
  .map((thing, index) => ({ ...thing, index }))

const byName = new Map(things.map((thing) => [`${thing.kind}:${thing.id}`, thing]))

export function thing(kind: ThingKind, id = 0): Thing {
  const found = byName.get(`${kind}:${id}`)
  if (found === undefined) throw new Error(`there is no ${kind} ${id}`)
  return found
}

export function nameOf({ kind, id }: Thing): string {
  return `${kind}:${id}`
}

export const allSections: readonly number[] = Array.from({ length: sections }, (_, id) => id)

export function itemsIn(section: number): number[] {
  return Array.from({ length: itemsOfSection }, (_, place) => section * itemsOfSection + place)
}

export function sectionOf(item: number): number {
  return Math.floor(item / itemsOfSection)
}

/** Authors are shared by sections, so that one author is enclosed by cards of all of them. */
export function authorOf(item: number): number {
  return item % authors
}

/** The items on the front page: the first of some sections. */
export const frontItems: readonly number[] = allSections
  .slice(0, 4)
  .map((section) => section * itemsOfSection)

/** One thing a visitor can look at: pages over HTTP, fragments within the process. */
export interface View {
  readonly kind: 'front' | 'section' | 'item' | 'card' | 'shelf' | 'menu'
  readonly id: number
}

/** Where a view has a page of its own. */
export function pathOf({ kind, id }: View): string | undefined {
  if (kind === 'front') return '/'
  if (kind === 'section') return `/sections/${id}`
  return kind === 'item' ? `/items/${id}` : undefined
}

const cardOf = (item: number): Thing[] => [
  thing('item', item),
  thing('price', item),
  thing('author', authorOf(item)),
]
const menu = (): Thing[] => [thing('menu'), ...allSections.map((id) => thing('section', id))]
const shelfOf = (section: number): Thing[] => [
  thing('section', section),
  thing('list', section),
  ...itemsIn(section).flatMap(cardOf),
]

/** The things a whole and right view shows, each as often as it shows them. */
export function shownIn({ kind, id }: View): Thing[] {
  switch (kind) {
    case 'front':
      return [thing('banner'), ...menu(), thing('list', 0), ...frontItems.flatMap(cardOf)]
    case 'section':
      return [...menu(), ...shelfOf(id)]
    case 'item':
      return [thing('section', sectionOf(id)), ...cardOf(id)]
    case 'card':
      return cardOf(id)
    case 'shelf':
      return shelfOf(id)
    case 'menu':
      return menu()
  }
}

const kinds = [
  'front',
  'section',
  'section',
  'item',
  'item',
  'card',
  'card',
  'shelf',
  'menu',
] as const

/** Half of everything happens around a few hot items, so that reads meet invalidations. */
function drawItem(random: Random): number {
  return random.chance(0.5) ? random.below(3) : random.below(sections * itemsOfSection)
}

export function drawView(random: Random): View {
  const kind = random.one(kinds)
  const item = drawItem(random)
  return { kind, id: kind === 'section' || kind === 'shelf' ? sectionOf(item) : item }
}

/** What a write changes. Items and prices change most; what every page shows, rarely. */
export function drawThing(random: Random): Thing {
  const item = drawItem(random)
  const chance = random.next()
  if (chance < 0.4) return thing('item', item)
  if (chance < 0.6) return thing('price', item)
  if (chance < 0.75) return thing('list', sectionOf(item))
  if (chance < 0.85) return thing('author', authorOf(item))
  if (chance < 0.93) return thing('section', sectionOf(item))
  return chance < 0.97 ? thing('menu') : thing('banner')
}

/** A thing as bodies show it: which one, and the version it was made from. */
export function token({ index }: Thing, version: number): string {
  return `<b>${index}@${version}</b>`
}

/** What a body shows: index and version, in turns. */
export function tokensIn(body: string): number[] {
  const found: number[] = []
  for (const [, index, version] of body.matchAll(/<b>(\d+)@(\d+)<\/b>/g)) {
    found.push(Number(index), Number(version))
  }
  return found
}
