import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryDirectory } from '../support/process.ts'
import { RedisServer } from '../support/redis-server.ts'
import { type Page, ShopCluster } from '../support/shop-cluster.ts'
import { until } from '../support/until.ts'

const isHit = ({ headers }: Page): boolean => /; hit/.test(String(headers['cache-status']))
const authorization = `Basic ${Buffer.from('admin:demo').toString('base64')}`

/** A page of each kind that is warmed; the last one is the first of the best sellers. */
async function warmedPages(shop: ShopCluster, of?: string): Promise<Page[]> {
  const ask = (path: string): Promise<Page> => shop.ask(path, of === undefined ? {} : { of })
  const home = await ask('/')
  const [, seller = ''] = /id="loved"[^]*?href="(\/products\/\d+)"/.exec(home.body) ?? []
  return [home, await ask('/categories/mugs'), await ask(seller)]
}

describe('The shop of `npm run shop`', { timeout: 90_000 }, () => {
  it('warms itself under its own address, says so in a line, and its pages tell that it was a warmer', async () => {
    const shop = await ShopCluster.alone({ SHOP_DB: ':memory:' })
    onTestFinished(() => shop[Symbol.asyncDispose]())
    await until('it is warmed', () => shop.lines.some((line) => line.startsWith('cacheflow warm')))
    expect(shop.lines).toContainEqual(
      expect.stringMatching(/^cacheflow warm all: 65 warmed, \d fresh, 0 skipped, 0 failed, /),
    )
    for (const page of await warmedPages(shop)) {
      expect([page.status, isHit(page), page.told.has('warmer')]).toEqual([200, true, true])
    }
    const made = await shop.ask('/products/7')
    expect([made.status, isHit(made), made.told.has('warmer')]).toEqual([200, false, false])
  })

  it('warms itself under the address that it is told, where that is another one', async () => {
    const shop = await ShopCluster.alone({
      SHOP_DB: ':memory:',
      SHOP_ORIGIN: 'http://shop.example',
    })
    onTestFinished(() => shop[Symbol.asyncDispose]())
    await until('it is warmed', () => shop.lines.some((line) => line.startsWith('cacheflow warm')))
    const [here, there] = [
      await shop.ask('/'),
      await shop.ask('/', { headers: { host: 'shop.example' } }),
    ]
    expect([isHit(here), isHit(there)]).toEqual([false, true])
  })
})

describe('The shop of `npm run shop:cluster`', { timeout: 120_000 }, () => {
  it('is warmed by one instance, for both, under the name of the front door, and again after an edit', async () => {
    const redis = await RedisServer.start()
    onTestFinished(() => redis[Symbol.asyncDispose]())
    const shop = await ShopCluster.start({
      REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      SHOP_DB: join(temporaryDirectory(), 'shop-warming.db'),
    })
    onTestFinished(() => shop[Symbol.asyncDispose]())
    const warming = async (of: string): Promise<{ state: string; report: { by?: string } }> => {
      const { body } = await shop.ask('/_cache/status', { of, headers: { authorization } })
      return (JSON.parse(body) as { warming: { state: string; report: { by?: string } } }).warming
    }
    // Whoever asks for the status is a visitor, and while there are visitors warming leaves the shop to them.
    const lines = (): string[] => shop.lines.filter((line) => line.includes('cacheflow warm'))
    await until('one of them has said that all is warm', () => lines().length > 0)
    await until('both have heard so', async () => {
      const both = [await warming('A'), await warming('B')]
      return both.every(({ state }) => state === 'warm')
    })
    expect(lines()).toEqual([
      expect.stringMatching(
        /^[AB] {2}cacheflow warm all: 65 warmed, \d fresh, 0 skipped, 0 failed, /,
      ),
    ])
    const reports = [await warming('A'), await warming('B')]
    expect(reports.filter(({ report }) => report.by === undefined)).toHaveLength(1)
    for (const instance of ['A', 'B']) {
      const pages = await warmedPages(shop, instance)
      expect(pages.map(isHit)).toEqual([true, true, true])
      expect(pages.map(({ told }) => told.has('warmer'))).toEqual([true, true, true])
    }

    for (const of of ['A', 'B']) {
      await until(`it is in the memory of ${of}`, async () =>
        isHit(await shop.ask('/products/7', { of })),
      )
    }
    const form = {
      name: 'The Edited Teapot',
      description: 'It pours well.',
      price: '41.50',
      stock: '5',
      category: 'teapots',
    }
    await shop.ask('/admin/products/7', { of: 'A', form, headers: { authorization } })
    for (const of of ['A', 'B']) {
      await until(`${of} has what fell again`, () =>
        shop.lines.some((line) => line.startsWith(`${of}  cacheflow warm afterInvalidation:`)),
      )
      const page = await shop.ask('/products/7', { of })
      expect([isHit(page), page.told.has('warmer')]).toEqual([true, true])
      expect(page.body).toContain('The Edited Teapot')
    }
  })
})
