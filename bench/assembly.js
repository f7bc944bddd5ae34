/**
 * What it costs to put a page of fragments together: one page of ten sections of ten cards each, a fragment for each, all in
 * memory. In one process, in turns, so that all meet the same machine; shown are medians of rounds, and ratios by the base.
 */
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { Cacheable } from 'cacheable'
import { cacheFragment, cacheFragments, createCacheflow, entity } from '../dist/src/index.js'
import ejs from 'ejs'
import { LRUCache } from 'lru-cache'

import { median } from './statistics.js'

const sections = Array.from({ length: 10 }, (_, section) => ({
  id: section,
  updatedAt: 1,
  cards: Array.from({ length: 10 }, (_card, card) => ({
    id: section * 10 + card,
    updatedAt: 1,
    name: `Card ${section * 10 + card}`,
    text: 'A sentence that says what it is made of. '.repeat(6),
  })),
}))
const cards = sections.flatMap(({ cards: own }) => own)

const cardView = ({ id, name, text }) =>
  `<li class="card"><a href="/products/${id}"><h3>${name}</h3></a><p>${text}</p></li>`
const sectionView = ({ id }, inner) => `<section><h2>Section ${id}</h2><ul>${inner}</ul></section>`
const pageView = (inner) => `<!doctype html><title>Page</title><main>${inner}</main>`

const card = entity('card', {
  touch: ({ id }) => section.ref(Math.floor(id / 10)),
})
const section = entity('section')

let ran = 0
const cache = createCacheflow({ memory: { maxSize: '256MiB' } })
const doll = {
  card: (row) => {
    ran++
    return cardView(row)
  },
  section: async (row) => {
    ran++
    return sectionView(row, await cacheFragments('card', row.cards.map(card), doll.card))
  },
  shell: async () => pageView(await cacheFragments('section', sections.map(section), doll.section)),
  page: () =>
    cacheFragment('page', () => {
      ran++
      return doll.shell()
    }),
}

const lru = new LRUCache({ max: 10_000 })
for (const row of cards) lru.set(`card:${row.id}`, cardView(row))
for (const row of sections)
  lru.set(`section:${row.id}`, sectionView(row, row.cards.map(cardView).join('')))

const bento = new BentoCache({
  default: 'memory',
  stores: {
    memory: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000, serialize: false })),
  },
})
const cacheable = new Cacheable()
const viaBento = (key, factory) => bento.getOrSet({ key, ttl: '1h', factory })
const viaCacheable = async (key, factory) => {
  const known = await cacheable.get(key)
  if (known !== undefined) return known
  const made = await factory()
  await cacheable.set(key, made, '1h')
  return made
}
const peer = (via) => ({
  flat: async () => {
    const texts = await Promise.all(cards.map((row) => via(`card:${row.id}`, () => cardView(row))))
    return texts.join('')
  },
  nested: async () => {
    const texts = await Promise.all(
      sections.map((row) =>
        via(`section:${row.id}`, async () => sectionView(row, row.cards.map(cardView).join(''))),
      ),
    )
    return pageView(texts.join(''))
  },
})
const bentoPage = peer(viaBento)
const cacheablePage = peer(viaCacheable)

const template = ejs.compile(
  '<!doctype html><title>Page</title><main><% for (const section of sections) { %><section><h2>Section <%= section.id %></h2><ul>' +
    '<% for (const { id, name, text } of section.cards) { %><li class="card"><a href="/products/<%= id %>"><h3><%= name %></h3></a><p><%= text %></p></li><% } %>' +
    '</ul></section><% } %></main>',
)

/** @type {[name: string, run: () => unknown][]} */
const subjects = [
  [
    '100 raw lru-cache look-ups and one join',
    () => cards.map(({ id }) => lru.get(`card:${id}`)).join(''),
  ],
  [
    '10 raw lru-cache look-ups and one join',
    () => sections.map(({ id }) => lru.get(`section:${id}`)).join(''),
  ],
  ['cacheflow: outermost doll', () => cache.run(doll.page)],
  [
    'cacheflow: the shell is made, its 10 sections (with 100 cards inside) are stored',
    () => cache.run(doll.shell),
  ],
  [
    'cacheflow: 100 cards, each looked up',
    () => cache.run(() => cacheFragments('card', cards.map(card), doll.card)),
  ],
  ['bentocache: the shell is made, its 10 sections are stored', bentoPage.nested],
  ['bentocache: 100 cards, each looked up', bentoPage.flat],
  ['cacheable: the shell is made, its 10 sections are stored', cacheablePage.nested],
  ['cacheable: 100 cards, each looked up', cacheablePage.flat],
  [
    'cacheflow: one card has changed',
    async () => {
      const row = cards[Math.floor(Math.random() * cards.length)]
      row.updatedAt++
      await cache.touch(card(row))
      return cache.run(doll.page)
    },
  ],
  [
    'all of it rendered by template literals',
    () =>
      pageView(sections.map((row) => sectionView(row, row.cards.map(cardView).join(''))).join('')),
  ],
  ['all of it rendered by EJS', () => template({ sections })],
]

/** Runs all subjects in turns. @returns a table as Markdown */
export async function assemblyReport({ rounds = 15, milliseconds = 40 } = {}) {
  const times = new Map(subjects.map(([name]) => [name, []]))
  const bodies = await bodiesOfOneChange()
  for (let round = -3; round < rounds; round++) {
    for (const [name, run] of subjects) {
      const time = await measured(run, milliseconds)
      if (round >= 0) times.get(name).push(time)
    }
  }
  await bento.disconnectAll()
  const base = times.get(subjects[0][0])
  const rows = subjects.map(([name]) => {
    const own = times.get(name)
    const ratios = own.map((time, i) => time / base[i])
    return `| ${name} | ${median(own).toFixed(1)} | ${median(ratios).toFixed(2)} |`
  })
  return [
    `### Page assembly: 1 + 10 + 100 fragments in memory`,
    '',
    '| | µs a page | by 100 raw look-ups |',
    '| --- | --- | --- |',
    ...rows,
    '',
    `One card changed: ${bodies} bodies ran.`,
  ].join('\n')
}

async function bodiesOfOneChange() {
  await cache.run(doll.page)
  ran = 0
  cards[42].updatedAt++
  await cache.touch(card(cards[42]))
  await cache.run(doll.page)
  return ran
}

/** Microseconds of one run. */
async function measured(run, milliseconds) {
  const start = performance.now()
  let runs = 0
  do {
    for (let i = 0; i < 20; i++) await run()
    runs += 20
  } while (performance.now() - start < milliseconds)
  return ((performance.now() - start) * 1000) / runs
}

if (process.argv[1] === import.meta.filename) console.log(await assemblyReport())
