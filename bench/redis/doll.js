/**
 * One page of ten sections of ten cards, and how each cache puts it together.
 */
import KeyvRedis from '@keyv/redis'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisDriver } from 'bentocache/drivers/redis'
import { Cacheable } from 'cacheable'
import { cacheFragment, cacheFragments, entity } from '../../dist/src/index.js'

export const sections = Array.from({ length: 10 }, (_, id) => ({
  id,
  updatedAt: 1,
  cards: Array.from({ length: 10 }, (_card, card) => ({
    id: id * 10 + card,
    updatedAt: 1,
    text: 'A sentence that says what it is made of. '.repeat(6),
  })),
}))
export const cards = sections.flatMap(({ cards: own }) => own)

const cardText = ({ id, text }) =>
  `<li class="card"><a href="/products/${id}"><h3>Card ${id}</h3></a><p>${text}</p></li>`
const sectionText = ({ id }, inner) => `<section><h2>Section ${id}</h2><ul>${inner}</ul></section>`
const pageText = (inner) => `<!doctype html><title>Page</title><main>${inner}</main>`

/** The 111 texts by name, of which each fragment or value is one. */
export const TEXTS = new Map([
  ...cards.map((row) => [`card:${row.id}`, cardText(row)]),
  ...sections.map((row) => [
    `section:${row.id}`,
    sectionText(row, row.cards.map(cardText).join('')),
  ]),
])
TEXTS.set('page', pageText(sections.map(({ id }) => TEXTS.get(`section:${id}`)).join('')))
export const names = [...TEXTS.keys()]

export const card = entity('card', { touch: ({ id }) => section.ref(Math.floor(id / 10)) })
export const section = entity('section')

let ran = 0

/** How many bodies of cacheflow's fragments have run since the last call. */
export function bodies() {
  const before = ran
  ran = 0
  return before
}

/** The 111 texts as fragments side by side, none in another. */
export async function flat() {
  const texts = await Promise.all(
    names.map((name) =>
      cacheFragment('flat', { key: name }, () => {
        ran++
        return TEXTS.get(name)
      }),
    ),
  )
  return texts.length
}

const cardBody = (row) => {
  ran++
  return cardText(row)
}
const sectionBody = async (row) => {
  ran++
  return sectionText(row, await cacheFragments('card', row.cards.map(card), cardBody))
}

/** The ten sections, each around its ten cards. */
export const shell = async () =>
  pageText(await cacheFragments('section', sections.map(section), sectionBody))

/** The page around them. */
export const page = () =>
  cacheFragment('page', () => {
    ran++
    return shell()
  })

export const pageKey = 'fragment:page'

/** bentocache as its documentation has it for several processes, but for the bus, which no reader needs. */
export function bentocache(client) {
  const cache = new BentoCache({
    default: 'both',
    stores: {
      both: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 10_000 }))
        .useL2Layer(redisDriver({ connection: client })),
    },
  })
  const get = (key, factory) => cache.getOrSet({ key, ttl: '1h', factory })
  return {
    cache,
    flat: () => Promise.all(names.map((name) => get(name, () => TEXTS.get(name)))),
    page: () =>
      get('page', async () => {
        const inner = await Promise.all(
          sections.map((row) =>
            get(`section:${row.id}`, async () => {
              const own = await Promise.all(
                row.cards.map((each) => get(`card:${each.id}`, () => cardText(each))),
              )
              return sectionText(row, own.join(''))
            }),
          ),
        )
        return pageText(inner.join(''))
      }),
  }
}

/** cacheable over a memory and Redis. */
export function cacheable(port) {
  const secondary = new KeyvRedis(`redis://127.0.0.1:${port}`)
  const cache = new Cacheable({ secondary })
  return {
    cache,
    each: () => Promise.all(names.map((name) => cache.get(name))),
    many: () => cache.getMany(names),
    fill: () => cache.setMany(names.map((key) => ({ key, value: TEXTS.get(key), ttl: '1h' }))),
    end: () => cache.disconnect(),
  }
}
