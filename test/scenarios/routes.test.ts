import express5, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import onHeaders from 'on-headers'
import { describe, expect, it } from 'vitest'
import type { InvalidationTarget } from 'cacheflow'
import { type ExpressCacheflow, cacheflow } from 'cacheflow/express'
import { Application } from '../support/application.ts'
import { meeting } from '../support/latch.ts'
import { type RouteVisit, type SiteRoutes, routerSites } from '../support/router-site.ts'

let count = 0
/** A body of its own each time. */
function unique(): string {
  return `made ${++count}`
}

const see = ({ url, originalUrl, query }: RouteVisit): string =>
  JSON.stringify({ url, originalUrl, query })

describe.each(routerSites)('the options of a route ($name)', ({ open, way }) => {
  it('maxAge: hold on its route alone', async () => {
    const app = await open({
      '/long': { options: { maxAge: '1h' }, handler: unique },
      '/default': { options: {}, handler: unique },
      '/none': { options: { maxAge: false }, handler: unique },
      '/zero': { options: { maxAge: 0 }, handler: unique },
    })
    const first = new Map<string, string>()
    for (const path of ['/long', '/default', '/none', '/zero']) {
      first.set(path, (await app.get(path)).body)
    }
    const isHit = async (path: string): Promise<boolean> =>
      (await app.get(path)).body === first.get(path)
    expect(await isHit('/long')).toBe(true)
    expect(await isHit('/default')).toBe(true)
    expect(await isHit('/none')).toBe(false)
    expect(await isHit('/zero')).toBe(false)
    app.advance(61)
    expect(await isHit('/default')).toBe(false)
    app.advance(3_600 - 62)
    expect(await isHit('/long')).toBe(true)
    app.advance(1)
    expect(await isHit('/long')).toBe(false)
  })

  it("maxAge: 'http' leaves it to headers, and what has none is not stored", async () => {
    const app = await open({ '/': { options: { maxAge: 'http' }, handler: unique } })
    expect((await app.get('/')).body).not.toBe((await app.get('/')).body)
    expect(app.refusals).toEqual(['no-lifetime', 'no-lifetime'])
  })

  it('staleWhileRevalidate: serves stale in its window while one request renews', async () => {
    const app = await open({
      '/': { options: { maxAge: '1m', staleWhileRevalidate: '1m' }, handler: unique },
    })
    const { body } = await app.get('/')
    app.advance(90)
    const stale = await app.get('/')
    expect([stale.body, stale.headers['cache-status']]).toEqual([body, 'cacheflow; hit; ttl=-30'])
    await app.happened('refresh')
    const fresh = await app.get('/')
    expect(fresh.body).not.toBe(body)
    expect(fresh.headers['cache-status']).toBe('cacheflow; hit; ttl=60')
    app.advance(121)
    expect((await app.get('/')).headers['cache-status']).toContain('fwd=stale')
  })

  it('staleIfError: stands in for a failure in its window', async () => {
    let isDown = false
    const app = await open({
      '/': {
        options: { maxAge: '1m', staleIfError: '1h' },
        handler: () => {
          if (isDown) throw new Error('down')
          return 'page'
        },
      },
    })
    await app.get('/')
    app.advance(90)
    isDown = true
    expect(await app.get('/')).toMatchObject({ status: 200, body: 'page' })
    app.advance(3_600)
    expect((await app.get('/')).status).toBe(500)
  })

  it('key: replaces path and query', async () => {
    const app = await open({
      '/key/:id': {
        options: { key: () => 'the same' },
        handler: ({ params }) => String(params['id']),
      },
      '/other': { options: { key: () => 'other' }, handler: unique },
    })
    expect((await app.get('/key/1')).body).toBe('1')
    expect((await app.get('/key/2?x=1')).body).toBe('1')
    expect((await app.get('/other')).body).toMatch(/^made/)
    expect(app.seen('hit').map(({ key }) => key)).toEqual([`${app.origin} key 8:the same`])
  })

  it('vary: keeps variants by inputs that the handler need not read', async () => {
    const app = await open({ '/': { options: { vary: ['X-Tenant'] }, handler: unique } })
    const [a, b] = [
      await app.get('/', { 'X-Tenant': 'a' }),
      await app.get('/', { 'X-Tenant': 'b' }),
    ]
    expect(a.body).not.toBe(b.body)
    expect((await app.get('/', { 'x-tenant': 'a' })).body).toBe(a.body)
    expect((await app.get('/', { 'X-Tenant': 'b' })).body).toBe(b.body)
    expect(a.headers.vary?.toLowerCase()).toContain('x-tenant')
  })

  it('vary: cookie:name keeps a variant for each value, whatever other cookies there are', async () => {
    const app = await open({
      '/': { options: { vary: ['cookie:theme'] }, handler: unique },
    })
    const ask = async (cookie: string): Promise<string> =>
      (await app.get('/', { Cookie: cookie })).body
    const dark = await ask('theme=dark; id=1')
    expect(await ask('id=2; theme=dark')).toBe(dark)
    expect(await ask('theme=light; id=1')).not.toBe(dark)
    expect((await app.get('/')).body).not.toBe(dark)
  })

  it('tags: fell the route, those of cacheflow() too', async () => {
    const app = await open(
      {
        '/a': { options: { tags: ['a', 'both'] }, handler: unique },
        '/b': { options: { tags: ['b', 'both'] }, handler: unique },
      },
      { tags: ['site'] },
    )
    for (const [tag, felled] of [
      ['a', ['/a']],
      ['b', ['/b']],
      ['both', ['/a', '/b']],
      ['site', ['/a', '/b']],
    ] as const) {
      await app.get('/a')
      await app.get('/b')
      const { keys } = await app.cache.invalidate({ tag })
      expect(keys.toSorted()).toEqual(felled.map((path) => app.origin + path))
    }
    expect(app.seen('store')[0]?.tags.toSorted()).toEqual(['a', 'both', 'site'])
  })

  it('session: shares among those it names, and with nobody where it names nobody', async () => {
    const app = await open({
      '/': {
        options: {
          session: ({ headers }) => {
            const user = headers['x-user']
            return typeof user === 'string' ? user : null
          },
        },
        handler: (visit) => `${visit.header('x-user')} ${unique()}`,
      },
    })
    const ask = async (user: string): Promise<string> =>
      (
        await app.get('/', {
          'X-User': user,
          Authorization: `Bearer ${user}`,
          Cookie: `sid=${user}`,
        })
      ).body
    const [alice, bob] = [await ask('alice'), await ask('bob')]
    expect(alice.startsWith('alice ')).toBe(true)
    expect(bob.startsWith('bob ')).toBe(true)
    expect(await ask('alice')).toBe(alice)
    expect(await ask('bob')).toBe(bob)
    const hits = app.seen('hit').length
    const [one, two] = [await app.get('/'), await app.get('/')]
    expect(one.body).not.toBe(two.body)
    expect(app.seen('hit').length).toBe(hits)
    expect(app.seen('bypass').at(-1)?.reason).toBe('session')
  })

  it('query only: the other parameters are no part of the key, and the handler cannot see them', async () => {
    const app = await open({ '/p': { options: { query: { only: ['page', 'q'] } }, handler: see } })
    const first = await app.get('/p?utm=x&page=2&q=a%20b&session=secret')
    expect(JSON.parse(first.body)).toEqual({
      url: '/p?page=2&q=a%20b',
      originalUrl: '/p?page=2&q=a%20b',
      query: { page: '2', q: 'a b' },
    })
    expect((await app.get('/p?page=2&q=a%20b')).body).toBe(first.body)
    expect((await app.get('/p?utm=x&page=2&q=a%20b')).body).toBe(first.body)
    expect(app.seen('hit').length).toBe(1)
    const bare = await app.get('/p?utm=x')
    expect(JSON.parse(bare.body)).toEqual({ url: '/p', originalUrl: '/p', query: {} })
    await app.get('/p?page=3')
    expect(app.seen('hit').length).toBe(1)
  })

  it('query ignore: these are no part of the key, and the handler cannot see them', async () => {
    const app = await open({ '/p': { options: { query: { ignore: ['utm'] } }, handler: see } })
    const first = await app.get('/p?a=1&utm=x&b=2')
    expect(JSON.parse(first.body)).toEqual({
      url: '/p?a=1&b=2',
      originalUrl: '/p?a=1&b=2',
      query: { a: '1', b: '2' },
    })
    expect((await app.get('/p?a=1&b=2')).body).toBe(first.body)
    expect((await app.get('/p?a=1&b=2&utm=y')).body).toBe(first.body)
    expect((await app.get('/p?%75tm=z&a=1&b=2')).body).toBe(first.body)
    expect(app.seen('hit').length).toBe(2)
    expect(JSON.parse((await app.get('/p?b=2&a=1')).body)).toMatchObject({ url: '/p?b=2&a=1' })
  })

  it('query: what falls by a URL falls however the ignored parameters stood in it', async () => {
    const app = await open({ '/p': { options: { query: { ignore: ['utm'] } }, handler: unique } })
    for (const url of ['/p?a=1', '/p?utm=x&a=1', `${app.origin}/p?a=1&utm=y`]) {
      const { body } = await app.get('/p?a=1&utm=x')
      await app.cache.invalidate({ url })
      expect([
        url,
        (await app.get(new URL(url, app.origin).href.slice(app.origin.length))).body,
      ]).not.toEqual([url, body])
    }
  })

  it('false: keeps the route out of the cache, and nobody waits there for anybody', async () => {
    const bothInside = meeting(2)
    const off = {
      options: false,
      handler: async () => {
        await bothInside()
        return unique()
      },
    } as const
    // Whoever waited would wait longer than the test.
    const app = await open({ '/off': off }, { collapse: { timeout: '1h' } })
    const [one, two] = await Promise.all([app.get('/off'), app.get('/off')])
    expect(one.body).not.toBe(two.body)
    expect(app.seen('store')).toEqual([])
    expect(one.headers['cache-status']).toBe('cacheflow; fwd=bypass')
    const third = await app.get('/off')
    expect([one.body, two.body]).not.toContain(third.body)
  })

  it('nearest: the route wins field by field over what is around it, and that over cacheflow()', async () => {
    const app = await open(
      {
        '/a': {
          around: { maxAge: '10m', tags: ['around'] },
          options: { tags: ['own'] },
          handler: unique,
        },
        '/b': { around: { maxAge: '10m' }, options: { maxAge: '20m' }, handler: unique },
      },
      { maxAge: '5m', tags: ['site'] },
    )
    await app.get('/a')
    await app.get('/b')
    expect(app.seen('store').map(({ ttl }) => ttl)).toEqual([600, 1_200])
    expect(app.seen('store')[0]?.tags).toEqual(['site', 'around', 'own'])
  })

  it('nearest: the parameters that count are those of the route, whatever was hidden around it', async () => {
    const app = await open(
      { '/p': { options: { query: { only: ['utm'] } }, handler: see } },
      { query: { ignore: ['utm'] } },
    )
    const first = await app.get('/p?utm=x&a=1')
    expect(JSON.parse(first.body)).toEqual({
      url: '/p?utm=x',
      originalUrl: '/p?utm=x',
      query: { utm: 'x' },
    })
    expect(JSON.parse((await app.get('/p?utm=y')).body)).toMatchObject({ query: { utm: 'y' } })
    expect((await app.get('/p?a=2&utm=x')).body).toBe(first.body)
  })

  it('a request that meets its route is told of once: one hit, one miss or one bypass', async () => {
    const app = await open({
      '/key': { options: { key: () => 'k' }, handler: unique },
      '/session': { options: { session: () => 'all' }, handler: unique },
      '/query': { options: { query: { only: [] } }, handler: unique },
      '/plain': { options: { tags: ['a'] }, handler: unique },
    })
    const before = app.cache.stats()
    for (const path of ['/key', '/session', '/query', '/plain']) {
      const told = app.events.length
      await app.get(path)
      await app.get(path)
      const names = app.events.slice(told).map(({ name }) => name)
      expect([path, names]).toEqual([path, ['miss', 'store', 'hit']])
    }
    const { hits, misses, bypasses } = app.cache.stats()
    expect([hits - before.hits, misses - before.misses, bypasses - before.bypasses]).toEqual([
      4, 4, 0,
    ])
  })

  it('without options the route is as the application says', async () => {
    const app = await open({ '/': { handler: unique } }, { maxAge: '5m' })
    const { body, headers } = await app.get('/')
    if (way === 'route') {
      // Nothing of the cache stands there at all.
      expect(headers['cache-status']).toBeUndefined()
    }
    expect((await app.get('/')).body === body).toBe(way !== 'route')
  })

  it('the pattern is remembered, and fells what has some or all of its parameters', async () => {
    const routes: SiteRoutes = {
      '/shops/:shop/:item': { options: {}, handler: unique },
      '/shops/:shop': { options: {}, handler: unique },
    }
    const app = await open(routes)
    const paths = ['/shops/a/1', '/shops/a/2', '/shops/b/1', '/shops/a', '/shops/a%2F1/x']
    for (const path of paths) await app.get(path)
    expect(app.seen('store').map(({ route }) => route)).toEqual([
      ...[1, 2, 3].map(() => '/shops/:shop/:item'),
      '/shops/:shop',
      '/shops/:shop/:item',
    ])
    const fells = async (target: Parameters<typeof app.cache.invalidate>[0]): Promise<string[]> => {
      const { keys } = await app.cache.invalidate(target)
      for (const path of paths) await app.get(path)
      return keys.map((key) => key.slice(app.origin.length)).toSorted()
    }
    const route = '/shops/:shop/:item'
    expect(await fells({ route, params: { shop: 'a' } })).toEqual(['/shops/a/1', '/shops/a/2'])
    expect(await fells({ route, params: { item: 1 } })).toEqual(['/shops/a/1', '/shops/b/1'])
    expect(await fells({ route, params: { item: 1, shop: 'a' } })).toEqual(['/shops/a/1'])
    expect(await fells({ route, params: { shop: 'a/1' } })).toEqual(['/shops/a%2F1/x'])
    expect(await fells({ route: '/shops/:shop', params: { shop: 'a' } })).toEqual(['/shops/a'])
    expect((await fells({ route })).length).toBe(4)
  })
})

/** Both majors of Express with what the test mounts below the cache. */
const expresses = [
  ['Express 5', express5],
  // The two majors have types of their own, equal in all that is used here.
  ['Express 4', express4 as unknown as typeof express5],
] as const

type Mount = (app: Express, cache: ExpressCacheflow, express: typeof express5) => void

function openExpress(express: typeof express5, mount: Mount): Promise<Application> {
  return Application.start((made) => {
    const cache = cacheflow({ clock: () => made.now })
    const app = express()
    app.set('env', 'test')
    app.use(cache)
    mount(app, cache, express)
    return { cache, listener: app }
  })
}

const page: RequestHandler = (_request, response) => void response.send(unique())

describe.each(expresses)('the matched route in %s', (_name, express) => {
  /** The paths whose responses fall with the target, of those asked for. */
  async function fallen(
    app: Application,
    paths: readonly string[],
    target: InvalidationTarget,
  ): Promise<string[]> {
    for (const path of paths) await app.get(path)
    const { keys } = await app.cache.invalidate(target)
    return keys.map((key) => key.slice(app.origin.length)).toSorted()
  }

  it('has the paths where its routers and applications are mounted', async () => {
    const app = await openExpress(express, (root, _cache, { Router }) => {
      const items = Router()
      items.get('/items/:item', page)
      const shop = Router()
      shop.use('/shop', items)
      const api = express()
      api.use('/v1', shop)
      root.use('/api', api)
    })
    const route = '/api/v1/shop/items/:item'
    const path = '/api/v1/shop/items/7'
    expect(await fallen(app, [path], { route })).toEqual([path])
    expect(await fallen(app, [path], { route, params: { item: 7 } })).toEqual([path])
    expect(await fallen(app, [path], { route, params: { item: 8 } })).toEqual([])
    expect(await fallen(app, [path], { route: '/items/:item' })).toEqual([])
    expect(app.seen('store')[0]?.route).toBe(route)
  })

  it('is the same route however the request wrote the mount path', async () => {
    const app = await openExpress(express, (root, _cache, { Router }) => {
      const posts = Router()
      posts.get('/Posts/:id', page)
      root.use('/Blog', posts)
    })
    const paths = ['/Blog/Posts/1', '/BLOG/posts/1', '/blog/POSTS/1', '/blog/posts/1/']
    for (const route of ['/Blog/Posts/:id', '/blog/posts/:id']) {
      expect((await fallen(app, paths, { route, params: { id: 1 } })).length).toBe(paths.length)
    }
  })

  it('has a parameter of the mount path as the request wrote it', async () => {
    const app = await openExpress(express, (root, _cache, { Router }) => {
      const items = Router({ mergeParams: true })
      items.get('/items/:item', page)
      root.use('/shops/:shop', items)
    })
    const path = '/shops/a/items/7'
    expect(await fallen(app, [path], { route: '/shops/a/items/:item' })).toEqual([path])
    const one = { route: '/shops/a/items/:item', params: { item: 7 } }
    expect(await fallen(app, [path, '/shops/b/items/7'], one)).toEqual([path])
  })

  it('of several paths falls by each of them', async () => {
    const app = await openExpress(express, (root) => {
      root.get(['/posts/:id', '/articles/:id'], page)
    })
    const paths = ['/posts/1', '/articles/1']
    expect(await fallen(app, paths, { route: '/articles/:id', params: { id: 1 } })).toContain(
      '/articles/1',
    )
    expect(await fallen(app, paths, { route: '/posts/:id' })).toContain('/posts/1')
    expect(await fallen(app, paths, { route: '/posts/:id', params: { id: 2 } })).toEqual([])
  })

  it('of an expression falls by the expression as it is written', async () => {
    const app = await openExpress(express, (root) => {
      root.get(/^\/commits\/(\w+)\.\.(\w+)$/, page)
    })
    const route = String(/^\/commits\/(\w+)\.\.(\w+)$/)
    expect(await fallen(app, ['/commits/a..b'], { route })).toEqual(['/commits/a..b'])
    expect(app.seen('store')[0]?.route).toBe(route)
  })

  it('of a wildcard has its path as a parameter', async () => {
    const isFive = express === express5
    const pattern = isFive ? '/files/*path' : '/files/*'
    const app = await openExpress(express, (root) => {
      root.get(pattern, page)
    })
    const paths = ['/files/a/b', '/files/a,b', '/files/a']
    const params = (path: string): Record<string, string> => (isFive ? { path } : { 0: path })
    expect(await fallen(app, paths, { route: pattern, params: params('a/b') })).toEqual([
      '/files/a/b',
    ])
    expect(await fallen(app, paths, { route: pattern, params: params('a,b') })).toEqual([
      '/files/a,b',
    ])
    expect((await fallen(app, paths, { route: pattern })).length).toBe(3)
  })

  it('is known when cache.route() stands before it, in its router', async () => {
    const app = await openExpress(express, (root, cache, { Router }) => {
      const posts = Router()
      posts.use(cache.route({ tags: ['posts'], session: () => 'all' }))
      posts.get('/:id', page)
      root.use('/posts', posts)
    })
    expect(await fallen(app, ['/posts/1'], { route: '/posts/:id', params: { id: 1 } })).toEqual([
      '/posts/1 session 3:all',
    ])
    expect(await fallen(app, ['/posts/1'], { tag: 'posts' })).toEqual(['/posts/1 session 3:all'])
  })

  it('an error page of a failed route is that of no other route', async () => {
    const app = await openExpress(express, (root) => {
      root.get('/posts/:id', (_request, _response, next) => next())
      root.use((_request, response) => void response.status(404).send(unique()))
    })
    const { body, status } = await app.get('/posts/1')
    expect(status).toBe(404)
    expect((await app.get('/posts/1')).body).toBe(body)
    expect(await fallen(app, ['/posts/1'], { url: '/posts/1' })).toEqual(['/posts/1'])
  })
})

it('what an audience shares is stored below layers that wait for the head, too', async () => {
  const app = await Application.start((made) => {
    const cache = cacheflow({ clock: () => made.now, session: () => 'all' })
    const root = express5()
    root.use((_request, response, next) => {
      onHeaders(response, () => response.setHeader('X-Late', '1'))
      next()
    })
    root.use(cache)
    root.get('/', page)
    return { cache, listener: root }
  })
  const { body, headers } = await app.get('/')
  expect(headers['cache-control']).toBe('private, no-cache')
  expect((await app.get('/')).body).toBe(body)
  expect(app.refusals).toEqual([])
})
