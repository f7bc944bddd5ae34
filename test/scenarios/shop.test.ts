import { createServer, request as nodeRequest, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { until } from '../support/until.ts'

// The shop is plain JavaScript: this is what the tests use of it.
interface Shop {
  app: RequestListener
  cache: {
    close(): Promise<void>
    stats(): { entries: number }
    impact(target: { all: true }): { responses: number }
    on(name: 'fragment', listener: (event: { key: string; stored: boolean }) => void): () => void
    on(name: 'warm', listener: (report: Report) => void): () => void
    warm(app: RequestListener, options: { origin: string }): Promise<Report>
    invalidate(target: { tag: string }): Promise<{ keys: readonly string[]; responses: number }>
  }
  journal: {
    events: { name: string; about: string; reason: string }[]
    follow(app: RequestListener, done: () => void): RequestListener
  }
}
interface Report {
  name: string
  warmed: number
  failures: number
}
interface Database {
  close(): void
  execute(sql: string): Promise<{ rows: Record<string, unknown>[] }>
}
const [shopFile, databaseFile]: string[] = ['shop.js', 'database.js'].map(
  (name) => new URL(`../../examples/shop/${name}`, import.meta.url).pathname,
)
const { createShop } = (await import(shopFile ?? '')) as {
  createShop(options: object): Shop
}
const { openDatabase } = (await import(databaseFile ?? '')) as {
  openDatabase(location: string): Promise<Database>
}

let database: Database
let shop: Shop
let server: Server
let origin: string

beforeEach(async () => {
  database = await openDatabase(':memory:')
  shop = createShop({ database, adminPassword: 'geheim', cookieSecret: 'test' })
  server = createServer(shop.journal.follow(shop.app, () => undefined)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await shop.cache.close()
  database.close()
})

type HeaderList = Record<string, string>

async function get(path: string, headers: HeaderList = {}) {
  const response = await fetch(origin + path, { headers, redirect: 'manual' })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

async function post(path: string, form: HeaderList, headers: HeaderList = {}) {
  const response = await fetch(origin + path, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
    redirect: 'manual',
  })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

type Answer = Awaited<ReturnType<typeof get>>
const isHit = (answer: Answer) => /cacheflow;\s*hit/.test(answer.headers.get('cache-status') ?? '')

/** Asks until the answer is a hit (storing happens after the response was sent), and says whether it became one. */
async function becomesHit(path: string, headers: HeaderList = {}): Promise<boolean> {
  for (let attempt = 0; attempt < 5; attempt++) {
    if (isHit(await get(path, headers))) return true
  }
  return false
}

const shopkeeper = { authorization: `Basic ${Buffer.from('admin:geheim').toString('base64')}` }

// Teapots are products 1 to 60, mugs 61 to 120; pans come next.
const teapot = { id: 7, page: '/products/7' }
const farAwayTeapot = { id: 40, page: '/products/40' }
const mug = { id: 70, page: '/products/70' }

async function edit(id: number, change: HeaderList) {
  const { rows } = await database.execute(
    `SELECT p.name, description, price_cents / 100 AS price, stock, c.slug AS category
     FROM products p JOIN categories c ON c.id = p.category_id WHERE p.id = ${id}`,
  )
  const values = Object.entries(rows[0] ?? {}).map(([name, value]) => [name, String(value)])
  return post(`/admin/products/${id}`, { ...Object.fromEntries(values), ...change }, shopkeeper)
}

describe('The shop, for its visitors', () => {
  it('has 2,400 products in 40 categories, the same on every machine', async () => {
    const { rows } = await database.execute(
      `SELECT (SELECT count(*) FROM products) AS products, (SELECT count(*) FROM categories) AS categories,
         (SELECT name FROM products WHERE id = 1) AS first, (SELECT sum(price_cents) FROM products) AS worth`,
    )
    const again = await openDatabase(':memory:')
    const { rows: others } = await again.execute(
      `SELECT (SELECT count(*) FROM products) AS products, (SELECT count(*) FROM categories) AS categories,
         (SELECT name FROM products WHERE id = 1) AS first, (SELECT sum(price_cents) FROM products) AS worth`,
    )
    again.close()
    expect(rows[0]).toMatchObject({ products: 2400, categories: 40 })
    expect({ ...rows[0] }).toEqual({ ...others[0] })
  })

  it('makes a list once and then answers it from the cache, byte for byte', async () => {
    const first = await get('/categories/teapots')
    expect(isHit(first)).toBe(false)
    expect(first.headers.get('cache-status')).toContain('fwd=uri-miss')
    expect(await becomesHit('/categories/teapots')).toBe(true)
    const second = await get('/categories/teapots')
    expect(second.status).toBe(200)
    expect(second.body).toBe(first.body)
    expect(second.headers.get('age')).toMatch(/^\d+$/)
    expect(second.headers.get('etag')).toBeTruthy()
    expect(second.headers.get('content-security-policy')).toBe(
      first.headers.get('content-security-policy'),
    )
  })

  it('stores each order and each page of a list by itself, and no list for a tracking parameter', async () => {
    const lists = ['', '?page=2', '?sort=price-low', '?page=2&sort=price-low']
    const bodies = new Set<string>()
    for (const query of lists) {
      const answer = await get(`/categories/teapots${query}`)
      expect(isHit(answer), query).toBe(false)
      bodies.add(answer.body)
    }
    expect(bodies.size).toBe(4)
    expect(await becomesHit('/categories/teapots?page=2')).toBe(true)
    const tracked = await get('/categories/teapots?page=2&utm_source=letter&fbclid=1')
    expect(isHit(tracked)).toBe(true)
    expect((await get('/products/1?utm_source=letter')).status).toBe(200)
    expect(await becomesHit('/products/1')).toBe(true)
  })

  it('keys a search by its words', async () => {
    const copper = await get('/search?q=copper')
    const kettle = await get('/search?q=kettle')
    expect(isHit(kettle)).toBe(false)
    expect(kettle.body).not.toBe(copper.body)
    expect(await becomesHit('/search?q=copper')).toBe(true)
    expect((await get('/search?q=copper')).body).toBe(copper.body)
    expect((await get('/search?q=kettle')).body).toBe(kettle.body)
    expect((await get('/search?q=%3Cscript%3E')).body).not.toContain('<script>')
  })

  it('answers a conditional request with 304, on the first visit of the cache and later', async () => {
    const first = await get(teapot.page)
    const etag = first.headers.get('etag') ?? ''
    const modified = first.headers.get('last-modified') ?? ''
    expect(etag).toMatch(/^W\/"/)
    expect(await becomesHit(teapot.page)).toBe(true)
    for (const condition of [{ 'if-none-match': etag }, { 'if-modified-since': modified }]) {
      const answer = await get(teapot.page, condition)
      expect(answer.status).toBe(304)
      expect(answer.body).toBe('')
    }
    // The record is the same, but the invalidation says that something else is not: the tag is another.
    await shop.cache.invalidate({ tag: `product:${teapot.id}` })
    const renewed = await get(teapot.page, { 'if-none-match': etag })
    expect([renewed.status, renewed.body]).toEqual([200, first.body])
    const newer = renewed.headers.get('etag') ?? ''
    expect(newer).not.toBe(etag)
    expect((await get(teapot.page, { 'if-none-match': newer })).status).toBe(304)
  })

  it('lets browsers keep pages only with a question, and assets for a year', async () => {
    for (const page of ['/', '/categories/mugs', teapot.page]) {
      const made = await get(page)
      expect(made.headers.get('cache-control'), page).toBe('no-cache')
      expect(await becomesHit(page)).toBe(true)
      expect((await get(page)).headers.get('cache-control'), page).toBe('no-cache')
    }
    const { body } = await get('/')
    const stylesheet = /href="(\/assets\/shop\.css\?v=[0-9a-f]{8})"/.exec(body)?.[1] ?? ''
    const css = await get(stylesheet)
    expect(css.status).toBe(200)
    expect(css.headers.get('cache-control')).toContain('immutable')
  })

  it('answers HEAD from the stored page, with its length and without its body', async () => {
    await get('/categories/mugs')
    expect(await becomesHit('/categories/mugs')).toBe(true)
    const stored = await get('/categories/mugs')
    const head = await fetch(`${origin}/categories/mugs`, { method: 'HEAD' })
    expect(head.status).toBe(200)
    expect(head.headers.get('cache-status')).toContain('hit')
    expect(head.headers.get('etag')).toBe(stored.headers.get('etag'))
    expect(await head.text()).toBe('')
  })

  it('gives products as JSON under the lifetime of its own header', async () => {
    const answer = await get('/api/products/7')
    expect(JSON.parse(answer.body)).toMatchObject({ id: 7, category: 'teapots' })
    expect(answer.headers.get('cache-control')).toBe('public, max-age=0, s-maxage=600')
    expect(await becomesHit('/api/products/7')).toBe(true)
    expect((await get('/api/products/7')).headers.get('cache-control')).toBe(
      'public, max-age=0, s-maxage=600',
    )
    expect((await get('/api/products/99999')).status).toBe(404)
  })

  it('never stores addresses that do not exist', async () => {
    for (const path of [
      '/nowhere',
      '/products/99999',
      '/products/abc',
      '/categories/mugs?page=99',
    ]) {
      expect((await get(path)).status, path).toBe(404)
      expect(await becomesHit(path), path).toBe(false)
    }
    expect(shop.cache.impact({ all: true }).responses).toBe(0)
  })
})

describe('The shop, warmed', () => {
  it('has its home page, its categories and its best sellers before the first visitor comes', async () => {
    const report = await shop.cache.warm(shop.app, { origin })
    expect(report).toMatchObject({ name: 'all', warmed: 1 + 40 + 24, failures: 0 })
    const home = await get('/')
    const { rows } = await database.execute('SELECT slug FROM categories')
    const categories = rows.map(({ slug }) => `/categories/${String(slug)}`)
    const [, loved = ''] = /id="loved"([^]*?)<\/section>/.exec(home.body) ?? []
    const sellers = [...new Set(loved.match(/\/products\/\d+/g))]
    expect([categories.length, sellers.length]).toEqual([40, 8])
    expect(isHit(home)).toBe(true)
    for (const path of [...categories, ...sellers]) expect(isHit(await get(path)), path).toBe(true)
    expect(isHit(await get(teapot.page))).toBe(false)
  })

  it('makes again what an edit fells, before a visitor comes for it', async () => {
    await shop.cache.warm(shop.app, { origin })
    const visited = [teapot.page, '/categories/teapots?page=2', '/categories/mugs']
    for (const path of visited) expect(await becomesHit(path)).toBe(true)
    const reports: Report[] = []
    shop.cache.on('warm', (report) => reports.push(report))
    await edit(teapot.id, { name: 'The Edited Teapot' })
    await until('what fell is made again', () => reports.length > 0)
    // The page that nobody has made is not among them.
    expect(reports).toEqual([
      expect.objectContaining({ name: 'afterInvalidation', warmed: 3, failures: 0 }),
    ])
    const page = await get(teapot.page)
    expect([isHit(page), page.body.includes('The Edited Teapot')]).toEqual([true, true])
    for (const path of [...visited, '/categories/teapots']) {
      expect(isHit(await get(path)), path).toBe(true)
    }
  })

  it('tells in its journal what was made by a warmer', async () => {
    await shop.cache.warm(shop.app, { origin })
    await get(teapot.page)
    const told = shop.journal.events.map(({ name, about, reason }) => `${name} ${about} ${reason}`)
    const [last, visit, run, ...warmed] = told
    expect([last, visit]).toEqual([
      expect.stringMatching(/^store \/products\/7 for 3600 s, tags: [^]*1 more$/),
      'miss /products/7 uri-miss',
    ])
    expect(run).toMatch(/^warm all 65 made, \d fresh, 0 failed$/)
    expect(warmed.filter((text) => !text.endsWith(', by a warmer'))).toEqual([])
  })
})

describe('The cart', () => {
  /** A visitor with an own cookie. */
  function visitor() {
    let cookie = ''
    const remember = <Some extends Answer>(answer: Some): Some => {
      const set = answer.headers.getSetCookie().map((line) => line.split(';')[0])
      if (set.length > 0) cookie = set.join('; ')
      return answer
    }
    return {
      get: async (path: string) => remember(await get(path, { cookie })),
      post: async (path: string, form: HeaderList) => remember(await post(path, form, { cookie })),
      get cookie() {
        return cookie
      },
    }
  }
  const countOf = async (who: ReturnType<typeof visitor>) =>
    (JSON.parse((await who.get('/cart/count')).body) as { count: number }).count

  it('of one visitor is never shown to another', async () => {
    const ann = visitor()
    const ben = visitor()
    const nobody = visitor()
    await ann.post('/cart/items', { product: '7', quantity: '2' })
    await ben.post('/cart/items', { product: '70', quantity: '5' })
    for (let round = 0; round < 3; round++) {
      expect((await ann.get('/cart')).body).toContain('/products/7"')
      const bens = (await ben.get('/cart')).body
      expect(bens).toContain('/products/70"')
      expect(bens).not.toContain('/products/7"')
      expect((await nobody.get('/cart')).body).toContain('It is empty')
      expect(await countOf(ann)).toBe(2)
      expect(await countOf(ben)).toBe(5)
      expect(await countOf(nobody)).toBe(0)
    }
  })

  it('is never stored and never shared, also when visitors come at the same moment', async () => {
    const visitors = [visitor(), visitor(), visitor(), visitor()]
    await Promise.all(
      visitors.map((who, index) =>
        who.post('/cart/items', { product: '7', quantity: String(index + 1) }),
      ),
    )
    const counts = await Promise.all(visitors.map(countOf))
    expect(counts).toEqual([1, 2, 3, 4])
    const answer = await visitors[0]!.get('/cart')
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
    expect(isHit(answer)).toBe(false)
    expect(shop.cache.impact({ all: true }).responses).toBe(0)
  })

  it('does not make the pages of the shop private: they are hits with and without its cookie', async () => {
    const ann = visitor()
    const page = await get(teapot.page)
    await ann.post('/cart/items', { product: '7' })
    expect(ann.cookie).toContain('cart=')
    expect(await becomesHit(teapot.page, { cookie: ann.cookie })).toBe(true)
    const hers = await ann.get(teapot.page)
    expect(hers.body).toBe(page.body)
    expect(hers.headers.getSetCookie()).toEqual([])
    expect(isHit(await get(teapot.page))).toBe(true)
  })

  it('renews what pages say about the stock when it is ordered', async () => {
    await edit(teapot.id, { stock: '3' })
    expect((await get(teapot.page)).body).toContain('Only 3 left')
    expect(await becomesHit(teapot.page)).toBe(true)
    await becomesHit(mug.page)

    const ann = visitor()
    await ann.post('/cart/items', { product: '7', quantity: '3' })
    const ordered = await ann.post('/cart/order', {})
    expect(ordered.status).toBe(303)
    expect((await ann.get('/cart')).body).toContain('Thank you')

    const page = await get(teapot.page)
    expect(isHit(page)).toBe(false)
    expect(page.body).toContain('Sold out')
    expect(isHit(await get(mug.page))).toBe(true)

    await ann.post('/cart/items', { product: '7', quantity: '1' })
    await ann.post('/cart/order', {})
    expect((await ann.get('/cart')).body).toContain('Somebody was faster')
  })

  it('does not listen to forms of other sites', async () => {
    const form = { product: '7' }
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      expect((await rawPost('/cart/items', form, headers)).status).toBe(403)
    }
    expect((await rawPost('/cart/items', form, { origin })).status).toBe(303)
  })
})

describe('The back office', () => {
  it('asks for the password every time, and what it shows is never stored', async () => {
    for (const path of ['/admin/', '/admin/products/7', '/_cache/']) {
      expect((await get(path)).status, path).toBe(401)
      for (let round = 0; round < 3; round++) {
        const answer = await get(path, shopkeeper)
        expect(answer.status, path).toBe(200)
        expect(isHit(answer), path).toBe(false)
        expect(answer.headers.get('cache-control')).toContain('no-store')
      }
      expect((await get(path)).status, path).toBe(401)
      const wrong = `Basic ${Buffer.from('admin:wrong').toString('base64')}`
      expect((await get(path, { authorization: wrong })).status, path).toBe(401)
    }
    expect(shop.cache.impact({ all: true }).responses).toBe(0)
    expect((await post('/admin/products/7', { name: 'Mine now' })).status).toBe(401)
    expect((await get(teapot.page)).body).not.toContain('Mine now')
  })

  it('lives in folders, so that browsers do not send the password along with the pages of the shop', async () => {
    const answer = await get('/admin')
    expect(answer.status).toBe(308)
    expect(answer.headers.get('location')).toBe('/admin/')
    expect((await get('/_cache')).headers.get('location')).toBe('/_cache/')
  })

  it('renews the edited product and its category, and nothing else', async () => {
    const renewed = [
      teapot.page,
      '/api/products/7',
      '/categories/teapots',
      '/categories/teapots?page=2',
      '/departments/kitchen',
    ]
    const kept = [farAwayTeapot.page, mug.page, '/categories/mugs', '/departments/garden', '/']
    for (const path of [...renewed, ...kept]) expect(await becomesHit(path), path).toBe(true)
    const { body: before } = await get('/')
    expect(before).not.toContain(`href="${teapot.page}"`)

    const saved = await edit(teapot.id, { name: 'The Edited Teapot', price: '41.50' })
    expect(saved.status).toBe(303)
    expect(saved.headers.get('location')).toBe('/admin/products/7?fallen=5')

    for (const path of kept) expect(isHit(await get(path)), path).toBe(true)
    for (const path of renewed) expect(isHit(await get(path)), path).toBe(false)
    const page = await get(teapot.page)
    expect(page.body).toContain('The Edited Teapot')
    expect(page.body).toContain('$41.50')
    expect((await get('/api/products/7')).body).toContain('"cents":4150')
  })

  it('renews pages that show the product among others', async () => {
    // Product 6 shows its neighbours 7 to 10.
    const neighbour = '/products/6'
    expect((await get(neighbour)).body).toContain(`href="${teapot.page}"`)
    expect(await becomesHit(neighbour)).toBe(true)
    const search = `/search?q=${encodeURIComponent(await nameOf(teapot.id))}`
    expect(await becomesHit(search)).toBe(true)

    await edit(teapot.id, { name: 'The Edited Teapot' })
    for (const path of [neighbour, search]) {
      expect(isHit(await get(path)), path).toBe(false)
    }
    expect((await get(neighbour)).body).toContain('The Edited Teapot')
  })

  it('renews the home page when a product changes that it shows', async () => {
    const shown = /href="\/products\/(\d+)"/.exec((await get('/')).body)?.[1]
    expect(await becomesHit('/')).toBe(true)
    await edit(Number(shown), { name: 'The Edited Favourite' })
    const home = await get('/')
    expect(isHit(home)).toBe(false)
    expect(home.body).toContain('The Edited Favourite')
  })

  it('gives a conditional request for an edited page the new page', async () => {
    const etag = (await get(teapot.page)).headers.get('etag') ?? ''
    expect(await becomesHit(teapot.page)).toBe(true)
    await edit(teapot.id, { price: '1.00' })
    const answer = await get(teapot.page, { 'if-none-match': etag })
    expect(answer.status).toBe(200)
    expect(answer.body).toContain('$1.00')
    expect(answer.headers.get('etag')).not.toBe(etag)
  })

  it('renews both categories when a product moves', async () => {
    const lists = ['/categories/teapots?sort=name', '/categories/mugs?sort=name']
    for (const path of lists) expect(await becomesHit(path)).toBe(true)
    await edit(teapot.id, { name: 'Aaa Wanderer', category: 'mugs' })
    const [teapots, mugs] = await Promise.all(lists.map((path) => get(path)))
    expect(teapots?.body).not.toContain('Aaa Wanderer')
    expect(mugs?.body).toContain('Aaa Wanderer')
  })

  it('renews an edited review, the cards of its product and the pages that show one of them, and nothing else', async () => {
    const { rows } = await database.execute('SELECT id, author FROM reviews WHERE product_id = 7')
    const [review] = rows
    const neighbour = '/products/6'
    const pages = [teapot.page, neighbour, farAwayTeapot.page, mug.page, '/categories/teapots']
    for (const page of pages) await get(page)
    const before = await get(teapot.page)

    const made: string[] = []
    shop.cache.on('fragment', ({ key, stored }) => stored && made.push(key))
    const form = { rating: '1', title: 'It drips', body: 'On every table.' }
    const saved = await post(`/admin/reviews/${review?.['id']}`, form, shopkeeper)
    expect([saved.status, saved.headers.get('location')]).toEqual([
      303,
      expect.stringMatching(/^\/admin\/reviews\/\d+\?fallen=[1-9]\d*$/),
    ])
    expect(isHit(await get(farAwayTeapot.page))).toBe(true)
    expect(isHit(await get(mug.page))).toBe(true)
    const after = await get(teapot.page)
    expect(isHit(after)).toBe(false)
    expect(after.body).toContain('It drips')
    expect(after.body).not.toBe(before.body)
    expect(isHit(await get(neighbour))).toBe(false)
    expect(made.toSorted()).toEqual(
      [
        'fragment:products/card product:7',
        'fragment:products/facts product:7',
        `fragment:reviews/item review:${review?.['id']}`,
      ].toSorted(),
    )
  })

  it('shows what is wrong with a form, and neither saves nor renews anything', async () => {
    expect(await becomesHit(teapot.page)).toBe(true)
    const answer = await edit(teapot.id, { price: 'much', stock: '-1', category: 'nowhere' })
    expect(answer.status).toBe(422)
    expect(answer.body.match(/class="problem"/g)).toHaveLength(3)
    expect(isHit(await get(teapot.page))).toBe(true)
  })

  it('looks into the cache, and invalidates a tag or everything', async () => {
    for (const path of [teapot.page, mug.page, '/']) {
      expect(await becomesHit(path)).toBe(true)
    }
    const page = await get('/_cache/', shopkeeper)
    expect(page.body).toContain('/products/7')
    expect(page.body).toContain('miss')

    const one = await post('/_cache/tag', { tag: 'product:7' }, shopkeeper)
    expect(one.headers.get('location')).toBe('./?fallen=1')
    expect(isHit(await get(teapot.page))).toBe(false)
    expect(isHit(await get(mug.page))).toBe(true)
    expect(
      shop.journal.events.some(({ reason }) => reason === 'invalidated by tag:product:7'),
    ).toBe(true)

    const all = await post('/_cache/all', {}, shopkeeper)
    expect(all.status).toBe(303)
    expect(isHit(await get(mug.page))).toBe(false)
    expect(isHit(await get('/'))).toBe(false)
  })
})

async function nameOf(id: number): Promise<string> {
  const { rows } = await database.execute(`SELECT name FROM products WHERE id = ${id}`)
  return String(rows[0]?.['name'])
}

/** fetch() keeps Origin and Sec-Fetch-Site for itself; node:http sends what it is told. */
function rawPost(path: string, form: HeaderList, headers: HeaderList): Promise<{ status: number }> {
  return new Promise((resolve, reject) => {
    const sent = nodeRequest(origin + path, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      response.resume()
      resolve({ status: response.statusCode ?? 0 })
    })
    sent.end(new URLSearchParams(form).toString())
  })
}
