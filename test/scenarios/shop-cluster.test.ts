import { mkdtemp, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../support/process.ts'
import { redisBinary } from '../support/redis-binary.ts'
import { RedisServer } from '../support/redis-server.ts'
import { type Page, ShopCluster } from '../support/shop-cluster.ts'
import { until } from '../support/until.ts'

// The example is plain JavaScript: this is what the tests use of it.
const redisFile: string = new URL('../../examples/shop/cluster/redis.js', import.meta.url).pathname
const { findRedis } = (await import(redisFile)) as {
  findRedis(
    given: string | undefined,
    where?: { usual?: string; path?: string },
  ): Promise<{ url: string; stop(): Promise<void> }>
}

const password = 'geheim'
const headers = { authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` }
const nowhere = 'redis://127.0.0.1:1'

/** How long an instance serves what it holds without having heard of Redis, milliseconds. */
const maxStaleness = 2_000

let redis: RedisServer
let shop: ShopCluster
let databases = 0

/** A folder as PATH has them, whose `redis-server` is the server that the tests found or fetched. */
async function folderWithRedis(): Promise<string> {
  const folder = await mkdtemp(join(temporaryDirectory(), 'path-'))
  const program = `#!/bin/sh\nexec '${redisBinary()}' "$@"\n`
  await writeFile(join(folder, 'redis-server'), program, { mode: 0o755 })
  return folder
}

function environment(): Record<string, string> {
  return {
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    SHOP_DB: join(temporaryDirectory(), `shop-${++databases}.db`),
    SHOP_ADMIN_PASSWORD: password,
    // Here visitors make the pages; shop-warming.test.ts has what warmers do.
    SHOP_WARMING: 'off',
  }
}

beforeAll(async () => {
  redis = await RedisServer.start()
  shop = await ShopCluster.start(environment())
  // What is made before an instance knows of the others is not shared.
  await connected()
}, 90_000)

afterAll(async () => {
  await shop?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

const page = '/products/7'
const isHit = ({ headers: received }: Page) => /; hit/.test(String(received['cache-status']))

/** The fragments of a page by their keys, each with the moment at which it was made. */
function fragmentsOf({ body }: Page): Map<string, string> {
  const found = body.matchAll(/<!--fragment (\d+) (.*?)-->/gs)
  return new Map(Array.from(found, ([, madeAt = '', key = '']) => [key, madeAt]))
}

function changedIn(before: Page, after: Page): string[] {
  const old = fragmentsOf(before)
  return [...fragmentsOf(after)].filter(([key, at]) => old.get(key) !== at).map(([key]) => key)
}

async function reviewOf(id: number): Promise<string> {
  const { body } = await shop.ask(`/admin/products/${id}`, { of: 'A', headers })
  return /\/admin\/reviews\/(\d+)/.exec(body)?.[1] ?? expect.fail(`no review of ${id}`)
}

function save(instance: string, review: string, title: string): Promise<Page> {
  const form = { rating: '5', title, body: 'It pours well.' }
  return shop.ask(`/admin/reviews/${review}`, { of: instance, form, headers })
}

/** Asks until an instance answers from its memory. */
async function warm(instance: string, path: string): Promise<Page> {
  let answer = await shop.ask(path, { of: instance })
  await until(`${path} is in the memory of ${instance}`, async () => {
    answer = await shop.ask(path, { of: instance })
    return isHit(answer) && !answer.told.has('redis')
  })
  return answer
}

interface Status {
  readonly instance: string
  readonly stats: { readonly entries: number }
  readonly status: {
    readonly connected: boolean
    readonly unconfirmed: number
    readonly epoch: string
  }
}

async function statusOf(instance: string): Promise<Status> {
  const { body } = await shop.ask('/_cache/status', { of: instance, headers })
  return JSON.parse(body) as Status
}

async function connected(): Promise<void> {
  await until('both instances are connected', async () => {
    const both = [await statusOf('A'), await statusOf('B')]
    return both.every(({ status }) => status.connected && status.unconfirmed === 0)
  })
}

describe('The shop as two instances', () => {
  it('makes a page in one, has it from Redis in the other and from then on in its memory', async () => {
    const made = await shop.ask('/categories/mugs', { of: 'A' })
    expect([made.status, isHit(made), made.told.get('instance')]).toEqual([200, false, 'A'])
    await warm('A', '/categories/mugs')
    // It is written behind the visitor's back.
    await until('the page is in Redis', async () => {
      const keys = await redis.command('KEYS', '{shop}:rd:v:*/categories/mugs')
      return Array.isArray(keys) && keys.length === 1
    })
    const fetched = await shop.ask('/categories/mugs', { of: 'B' })
    expect(isHit(fetched)).toBe(true)
    expect([fetched.told.get('instance'), fetched.told.has('redis')]).toEqual(['B', true])
    expect(fetched.body).toBe(made.body)
    const remembered = await shop.ask('/categories/mugs', { of: 'B' })
    expect(isHit(remembered)).toBe(true)
    expect([remembered.told.get('instance'), remembered.told.has('redis')]).toEqual(['B', false])
    expect(String(remembered.headers['server-timing']).match(/instance;/g)).toHaveLength(1)
  })

  it('asks the instances in turn at the front door, under one name', async () => {
    await warm('A', '/categories/pans')
    await warm('B', '/categories/pans')
    const answers: Page[] = []
    for (let turn = 0; turn < 4; turn++) answers.push(await shop.ask('/categories/pans'))
    const names = answers.map(({ told }) => told.get('instance'))
    expect(names.toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['A', 'A', 'B', 'B'])
    expect(answers.map(isHit)).toEqual([true, true, true, true])
  })

  it('shows an edit in every instance as soon as the form is answered, whichever it was sent to', async () => {
    const review = await reviewOf(7)
    for (let round = 0; round < 10; round++) {
      await Promise.all([warm('A', page), warm('B', page)])
      const [one, other] = round % 2 === 0 ? ['A', 'B'] : ['B', 'A']
      const saved = await save(one ?? '', review, `Round ${round}`)
      expect(saved.status).toBe(303)
      expect(saved.headers['location']).toMatch(/\?fallen=[1-9]\d*&instances=1$/)
      const [there, here] = [
        await shop.ask(page, { of: other ?? '' }),
        await shop.ask(page, { of: one ?? '' }),
      ]
      expect([there.body, here.body].map((body) => body.includes(`Round ${round}<`))).toEqual([
        true,
        true,
      ])
    }
  })

  it('makes anew of a page exactly the fragments of what was edited, in both instances', async () => {
    const review = await reviewOf(12)
    const [own, list, far] = ['/products/12', '/categories/teapots', '/products/70']
    const before = new Map<string, Page>()
    for (const instance of ['A', 'B']) {
      for (const path of [own, list, far]) before.set(instance + path, await warm(instance, path))
    }
    await save('A', review, 'As good as new')
    for (const instance of ['B', 'A']) {
      const old = (path: string): Page => before.get(instance + path) ?? expect.fail(path)
      const [newOwn, newList] = [await warm(instance, own), await warm(instance, list)]
      expect(fragmentsOf(newOwn).size).toBeGreaterThan(5)
      expect(changedIn(old(own), newOwn)).toEqual([`fragment:reviews/item review:${review}`])
      expect(fragmentsOf(newList).size).toBeGreaterThan(20)
      for (const key of changedIn(old(list), newList)) expect(key).toMatch(/ product:12$/)
      expect(changedIn(old(list), newList).length).toBeGreaterThan(0)
      const kept = await shop.ask(far, { of: instance })
      expect([isHit(kept), kept.told.has('redis'), kept.body]).toEqual([true, false, old(far).body])
    }
  })

  it('goes on without an error while Redis is away, and shares again when it is back', async () => {
    const review = await reviewOf(9)
    await Promise.all([warm('A', '/products/9'), warm('B', '/products/9')])
    const { status: old } = await statusOf('A')
    await redis.kill()
    const killed = performance.now()
    const seen = new Set<number>()
    while (performance.now() < killed + 1.5 * maxStaleness) {
      for (const instance of ['A', 'B']) {
        for (const path of ['/products/9', '/categories/knives', '/']) {
          seen.add((await shop.ask(path, { of: instance })).status)
        }
      }
    }
    expect([...seen]).toEqual([200])

    const saved = await save('A', review, 'While it was away')
    expect([saved.status, saved.headers['location']]).toEqual([
      303,
      `/admin/reviews/${review}?unconfirmed=1`,
    ])
    const told = performance.now()
    const notice = await shop.ask(String(saved.headers['location']), { of: 'A', headers })
    expect(notice.body).toContain('Redis does not answer')
    expect((await shop.ask('/products/9', { of: 'A' })).body).toContain('While it was away')
    await until('the other instance shows it', async () =>
      (await shop.ask('/products/9', { of: 'B' })).body.includes('While it was away'),
    )
    expect(performance.now() - told).toBeLessThan(1.5 * maxStaleness)

    await redis.restart()
    await connected()
    const [a, b] = [await statusOf('A'), await statusOf('B')]
    expect([a.instance, b.instance, a.status.epoch === b.status.epoch]).toEqual(['A', 'B', true])
    expect(a.status.epoch).not.toBe(old.epoch)
    await Promise.all([warm('A', '/products/9'), warm('B', '/products/9')])
    const again = await save('B', review, 'And back')
    expect(again.headers['location']).toMatch(/&instances=1$/)
    expect((await shop.ask('/products/9', { of: 'A' })).body).toContain('And back')
  }, 60_000)

  it('shows in the back office how it stands with Redis', async () => {
    const { body } = await shop.ask('/_cache/', { of: 'B', headers })
    expect(body).toContain('of instance B')
    expect(body).toContain('<h2>Redis</h2>')
    expect(body).toMatch(/<dt>Connection<\/dt><dd>stands/)
    expect((await shop.ask('/_cache/status', { of: 'B' })).status).toBe(401)
  })
})

describe('npm run shop:cluster', () => {
  it('ends everything that it has started with Ctrl-C', async () => {
    const own = await ShopCluster.start(environment())
    const { ports } = own
    expect(await Promise.all(ports.map(isOpen))).toEqual([true, true, true])
    expect(await own.interrupt()).toBe('code 0')
    expect(await Promise.all(ports.map(isOpen))).toEqual([false, false, false])
    expect(redis.isRunning).toBe(true)
  }, 90_000)

  it('starts a server of its own where none answers, and stops it', async () => {
    const own = await findRedis(undefined, { usual: nowhere, path: await folderWithRedis() })
    const port = Number(new URL(own.url).port)
    expect(await isOpen(port)).toBe(true)
    await own.stop()
    expect(await isOpen(port)).toBe(false)
  })

  it('takes the Redis that answers', async () => {
    const usual = `redis://127.0.0.1:${redis.port}`
    const found = await findRedis(undefined, { usual })
    expect(found.url).toBe(usual)
    await found.stop()
    expect(redis.isRunning).toBe(true)
  })

  it('says in one line how to get a Redis where there is none', async () => {
    await expect(findRedis(undefined, { usual: nowhere, path: '' })).rejects.toThrow(
      /^The shop needs a Redis: `apt-get install redis-server`, `brew install redis`, or REDIS_URL=redis:\/\/host:6379 for one that runs elsewhere\.$/,
    )
    expect(await ShopCluster.run({ ...environment(), REDIS_URL: nowhere })).toEqual([
      'code 1',
      'No Redis answers at the address in REDIS_URL.',
    ])
  })
})

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
