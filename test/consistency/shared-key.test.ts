import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { onGround } from './ground.ts'
import type { Shelf } from './shelf.ts'
import { site, visit } from './site.ts'

let server: RedisServer
let shelf: Shelf
onGround((ground) => {
  ;({ server, shelf } = ground)
})

/** What the page shows, of all instances. */
let text = ''

/** An instance whose page has one key under all addresses. */
function start(): Promise<Application> {
  const mount: Parameters<typeof site>[1] = (app, cache) => {
    app.use(cache)
    app.get('/p', (_request, response) => void response.send(text))
  }
  return site(server.port, mount, { maxAge: '1h', query: { ignore: ['from'] } })
}

async function body(app: Application, from: string): Promise<string> {
  return (await visit(app, `/p?from=${from}`)).body
}

/** Made for one address by the first, and held by both. */
async function pair(): Promise<[Application, Application]> {
  text = 'old'
  const [a, b] = await Promise.all([start(), start()])
  expect(await body(a, 'one')).toBe('old')
  await until('it rests in Redis', async () => (await shelf.keys('v:')).length > 0)
  expect(await body(b, 'two')).toBe('old')
  expect(b.runs).toBe(0)
  return [a, b]
}

describe('a page that has one key under several addresses', () => {
  it.each(['one', 'two', 'three'])(
    'is not shown any more at the address that was invalidated, in no instance (%s)',
    async (from) => {
      const [a, b] = await pair()
      text = 'new'
      const { sequence } = await a.cache.invalidate({ url: `/p?from=${from}` })
      await until('the other has heard of it', () => (b.cache.status()?.applied ?? 0) >= sequence)
      const late = await start()
      expect(await Promise.all([a, b, late].map((app) => body(app, from)))).toEqual([
        'new',
        'new',
        'new',
      ])
    },
  )

  it('is shown at the others as it was, until it is made anew', async () => {
    const [a, b] = await pair()
    text = 'new'
    await a.cache.invalidate({ url: '/p?from=two' })
    expect(await body(a, 'one')).toBe('old')
    expect(await body(a, 'two')).toBe('new')
    expect(await body(a, 'one')).toBe('new')
    await until('the other has it', async () => (await body(b, 'two')) === 'new')
  })

  it('becomes stale at the address that was invalidated softly', async () => {
    const [a, b] = await pair()
    text = 'new'
    const { sequence } = await a.cache.invalidate({ url: '/p?from=two' }, { soft: true })
    await until('the other has heard of it', () => (b.cache.status()?.applied ?? 0) >= sequence)
    const late = await start()
    for (const app of [a, b, late]) {
      await body(app, 'two')
      await until('it is made anew', async () => (await body(app, 'two')) === 'new')
    }
  })

  it('is taken from Redis by an instance that starts later, at the address that it was made for', async () => {
    const [a] = await pair()
    text = 'new'
    await a.cache.invalidate({ tag: 'unrelated' })
    const late = await start()
    expect(await body(late, 'one')).toBe('old')
  })
})

/** Pages of two routes, of which each has tags of its own, rest under one key. */
function twoRoutes(): Promise<Application> {
  return site(server.port, (app, cache) => {
    app.use(cache)
    for (const name of ['a', 'b']) {
      const route = cache.route({ maxAge: '1h', key: () => 'one', tags: [`of ${name}`] })
      app.get(`/${name}/:id`, route, (_request, response) => void response.send(text))
    }
  })
}

describe('a page that has one key under two routes', () => {
  it.each([
    { route: '/b/:id' },
    { route: '/b/:id', params: { id: 7 } },
    { tag: 'of b' },
    { url: '/b/7' },
  ])(
    'is not shown any more at the route of which something was invalidated: %j',
    async (target) => {
      text = 'old'
      const [a, b] = await Promise.all([twoRoutes(), twoRoutes()])
      const shown = async (app: Application, path: string): Promise<string> =>
        (await visit(app, path)).body
      expect(await shown(a, '/a/7')).toBe('old')
      await until('it rests in Redis', async () => (await shelf.keys('v:')).length > 0)
      expect(await shown(b, '/b/7')).toBe('old')
      text = 'new'
      const { sequence } = await a.cache.invalidate(target)
      await until('the other has heard of it', () => (b.cache.status()?.applied ?? 0) >= sequence)
      const late = await twoRoutes()
      expect(await shown(b, '/a/7')).toBe('old')
      for (const app of [a, b, late]) expect(await shown(app, '/b/7')).toBe('new')
    },
  )
})

/** One key for all URLs, given where no route is known yet; each handler names a tag. */
function oneKey(): Promise<Application> {
  const mount: Parameters<typeof site>[1] = (app, cache) => {
    app.use(cache)
    for (const name of ['a', 'b']) {
      app.get(`/${name}/:id`, (_request, response) => {
        response.locals.cacheflow.tag(`of ${name}`)
        response.send(text)
      })
    }
  }
  return site(server.port, mount, { maxAge: '1h', key: () => 'one' })
}

describe('a page that has one key in the whole application', () => {
  const targets = [{ route: '/b/:id' }, { route: '/b/:id', params: { id: 7 } }, { tag: 'of b' }]
  it.each(targets.flatMap((target) => [false, true].map((soft) => ({ target, soft }))))(
    'is not shown any more at a URL that has run before and of which something was invalidated: %j',
    async ({ target, soft }) => {
      text = 'first'
      const app = await oneKey()
      const shown = async (path: string): Promise<string> => (await visit(app, path)).body
      expect(await shown('/b/7')).toBe('first')
      await app.cache.invalidate({ all: true })
      text = 'old'
      expect(await shown('/a/7')).toBe('old')
      expect(await shown('/b/7')).toBe('old')
      text = 'new'
      await app.cache.invalidate(target, { soft })
      expect(await shown('/a/7')).toBe('old')
      if (!soft) expect(await shown('/b/7')).toBe('new')
      await until('it is made anew', async () => (await shown('/b/7')) === 'new')
    },
  )
})
