import { describe, expect, it } from 'vitest'
import { type Made, type Visit, application, hosts } from '../support/application.ts'
import { latch } from '../support/latch.ts'

/** GET is a page that says how often it was made; whatever else, is answered as the test wants. */
function pageAnd(unsafe: (visit: Visit) => Made) {
  return (visit: Visit): Made => {
    const { method } = visit.request
    return method === 'GET' || method === 'HEAD' ? {} : unsafe(visit)
  }
}

describe.each(hosts)('invalidation behind %s', (host) => {
  it('M-38: a successful unsafe method fells its target, whatever its query and variant', async () => {
    const methods = ['POST', 'PUT', 'PATCH', 'DELETE', 'MKCOL', 'LOCK', 'PURGE', 'LINK']
    for (const method of methods) {
      const app = await application(
        pageAnd(() => ({ status: 204, body: null })),
        { vary: ['x-a'] },
        host,
      )
      for (const a of ['1', '2']) await app.get('/page', { 'X-A': a })
      await app.get('/page?x=1', { 'X-A': '1' })
      await app.ask('/page', { method })
      expect([method, app.cache.stats().sequence]).toEqual([method, 1])
      for (const a of ['1', '2']) {
        const { headers } = await app.get('/page', { 'X-A': a })
        expect([method, headers['cache-status']]).toEqual([
          method,
          'cacheflow; fwd=uri-miss; stored',
        ])
      }
      // Another query is another resource.
      const { headers } = await app.get('/page?x=1', { 'X-A': '1' })
      expect(headers['cache-status']).toBe('cacheflow; hit; ttl=60')
    }
  })

  it('M-39: so do Location and Content-Location on the same origin, absolute or relative', async () => {
    for (const name of ['Location', 'Content-Location']) {
      const app = await application(
        pageAnd(({ request }) => ({
          status: 201,
          fields: { [name]: String(request.headers['x-names']) },
        })),
        {},
        host,
      )
      for (const reference of [
        '/list/page?x=1',
        'page?x=1',
        '../list/page?x=1#new',
        './page?x=1',
      ]) {
        await app.get('/list/page?x=1')
        const runs = app.runs
        await app.ask('/list/new', { method: 'POST', headers: { 'X-Names': reference } })
        await app.get('/list/page?x=1')
        expect([name, reference, app.runs]).toEqual([name, reference, runs + 2])
      }
      await app.ask('/', { method: 'POST', headers: { 'X-Names': `${app.origin}/list/page?x=1` } })
      const runs = app.runs
      await app.get('/list/page?x=1')
      expect([name, app.runs]).toEqual([name, runs + 1])
    }
  })

  it('M-41: a response whose making began before an invalidation of its URL is not stored', async () => {
    const held = latch()
    const app = await application(
      async ({ run, request }) => {
        if (request.method !== 'GET') return {}
        if (run === 1) await held.opened
        return {}
      },
      {},
      host,
    )
    const early = app.get('/')
    await app.arrived(1)
    await app.ask('/', { method: 'POST' })
    // Who comes after it does not share in what was begun before it, either.
    const late = app.get('/')
    expect((await late).body).toBe('made 3')
    held.open()
    expect((await early).body).toBe('made 1')
    expect(app.refusals).toEqual(['invalidated'])
    expect((await app.get('/')).body).toBe('made 3')
  })
})

describe('invalidation', () => {
  it.each([200, 201, 202, 204, 301, 303, 307])('M-38: a %i is success', async (status) => {
    const app = await application(pageAnd(() => ({ status, body: null })))
    await app.get('/')
    await app.ask('/', { method: 'POST' })
    expect((await app.get('/')).body).toBe('made 3')
  })

  it.each([400, 401, 404, 409, 422, 500, 503])('M-38: a %i is none', async (status) => {
    const app = await application(
      pageAnd(() => ({
        status,
        fields: { Location: '/other', 'Cache-Group-Invalidation': '"all"' },
      })),
    )
    await app.get('/')
    await app.get('/other')
    await app.ask('/', { method: 'POST' })
    expect((await app.get('/')).body).toBe('made 1')
    expect((await app.get('/other')).body).toBe('made 2')
    expect(app.seen('invalidate')).toEqual([])
  })

  it.each(['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH'])(
    'M-38: %s is safe and fells nothing',
    async (method) => {
      const app = await application(() => ({ fields: { Location: '/' } }))
      await app.get('/')
      app.advance(61)
      await app.ask('/', { method })
      expect(app.seen('invalidate')).toEqual([])
      expect(app.cache.stats().entries).toBe(1)
    },
  )

  it('M-38: its target is that of its own host', async () => {
    const app = await application(pageAnd(() => ({})))
    const other = { Host: 'other.example' }
    await app.get('/')
    await app.get('/', other)
    await app.ask('/', { method: 'POST', headers: other })
    expect((await app.get('/')).body).toBe('made 1')
    expect((await app.get('/', other)).body).toBe('made 4')
    // Host names compare without case.
    await app.ask('/', { method: 'POST', headers: { Host: 'OTHER.example' } })
    expect((await app.get('/', other)).body).toBe('made 6')
  })

  it('M-38: it has fallen before the client hears of the success', async () => {
    const held = latch()
    const app = await application(async ({ request }) => {
      if (request.method === 'GET') return {}
      return { body: 'done' }
    })
    await app.get('/')
    app.cache.on('invalidate', () => held.open())
    const posted = app.ask('/', { method: 'POST' })
    await held.opened
    expect(app.cache.stats().entries).toBe(0)
    await posted
  })

  it('M-38: the parameters that are no part of the key are none of the target either', async () => {
    const app = await application(
      pageAnd(({ request }) => ({
        status: 201,
        fields: request.url?.startsWith('/list') ? {} : { Location: '/list?saved=1' },
      })),
      { query: { ignore: ['saved', 'utm_source'] } },
    )
    await app.get('/list?page=2&utm_source=a')
    await app.ask('/list?utm_source=b&page=2', { method: 'POST' })
    expect((await app.get('/list?page=2')).body).toBe('made 3')
    await app.get('/list')
    await app.ask('/new', { method: 'POST' })
    expect((await app.get('/list')).body).toBe('made 6')
  })

  it("M-38: an unsafe method in a GET's clothes counts as what it is", async () => {
    const app = await application(({ request, run }) => {
      // As method-override does, for a form whose link says DELETE.
      if (request.headers['x-http-method-override'] !== undefined) {
        request.method = String(request.headers['x-http-method-override'])
      }
      return { body: `${request.method} ${run}` }
    })
    expect((await app.get('/')).body).toBe('GET 1')
    const deleted = await app.get('/', { 'X-HTTP-Method-Override': 'DELETE' })
    expect(deleted.body).toBe('DELETE 2')
    expect(app.seen('invalidate')).toHaveLength(1)
    expect((await app.get('/')).body).toBe('GET 3')
  })

  it('M-39: what belongs to another origin is not ours to fell, nor is our own path in its name', async () => {
    for (const name of ['Location', 'Content-Location']) {
      const app = await application(
        pageAnd(({ request }) => ({
          status: 201,
          fields: { [name]: String(request.headers['x-names']) },
        })),
      )
      const other = { Host: 'other.example' }
      await app.get('/page')
      await app.get('/page', other)
      for (const reference of [
        'http://other.example/page',
        '//other.example/page',
        `https://127.0.0.1:${app.port}/page`,
        `http://127.0.0.1:${app.port + 1}/page`,
        'http://[broken',
        'javascript:/page',
      ]) {
        await app.ask('/new', { method: 'POST', headers: { 'X-Names': reference } })
      }
      expect((await app.get('/page')).body).toBe('made 1')
      expect((await app.get('/page', other)).body).toBe('made 2')
    }
  })

  it('M-40: a response to an unsafe method fells the cache groups that it names', async () => {
    const app = await application(({ request }) => {
      const groups = request.headers['x-groups']
      if (request.method !== 'GET')
        return { fields: { 'Cache-Group-Invalidation': String(groups) } }
      const own: Record<string, string> = {
        '/a': '"posts", "front";weight=1',
        '/b': '"Posts"',
        '/c': '"front"',
        '/d': '"posts"',
        '/broken': '"posts", front',
      }
      const list = own[request.url ?? '']
      return { fields: list === undefined ? {} : { 'Cache-Groups': list } }
    })
    const paths = ['/a', '/b', '/c', '/d', '/none', '/broken']
    const fill = async (): Promise<void> => {
      for (const path of paths) await app.get(path)
    }
    const removed = async (groups: string, host?: string): Promise<string[]> => {
      await fill()
      const headers = { 'X-Groups': groups, ...(host === undefined ? {} : { Host: host }) }
      await app.ask('/elsewhere', { method: 'POST', headers })
      const gone: string[] = []
      for (const target of paths) {
        const runs = app.runs
        await app.get(target)
        if (app.runs > runs) gone.push(target)
      }
      return gone
    }
    expect(await removed('"posts"')).toEqual(['/a', '/d'])
    expect(await removed('"Posts"')).toEqual(['/b'])
    // /a is in both, and still /d, of "posts" alone, does not fall with "front".
    expect(await removed('"front"')).toEqual(['/a', '/c'])
    expect(await removed('"posts", "Posts";x')).toEqual(['/a', '/b', '/d'])
    expect(await removed('"other"')).toEqual([])
    // A field that is no list of strings says nothing.
    expect(await removed('posts')).toEqual([])
    expect(await removed('"posts", 7')).toEqual([])
    expect(await removed('"posts"', 'other.example')).toEqual([])
  })

  it('M-40: on a response to a safe method, or on a request, it means nothing', async () => {
    const app = await application(({ request }) => ({
      fields:
        request.url === '/a'
          ? { 'Cache-Groups': '"posts"' }
          : { 'Cache-Group-Invalidation': '"posts"' },
    }))
    await app.get('/a')
    await app.get('/b')
    await app.ask('/b', { method: 'OPTIONS' })
    await app.head('/c')
    expect((await app.get('/a')).body).toBe('made 1')
    const quiet = await application(({ request }) =>
      request.method === 'GET' ? { fields: { 'Cache-Groups': '"posts"' } } : {},
    )
    await quiet.get('/a')
    await quiet.ask('/b', { method: 'POST', headers: { 'Cache-Group-Invalidation': '"posts"' } })
    expect((await quiet.get('/a')).body).toBe('made 1')
  })

  it.each([
    ['a tag', { tag: 'posts' }],
    ['its key', 'key'],
    ['its route', { url: '/' }],
    ['everything', { all: true }],
  ] as const)('M-41: nor before an invalidation of %s', async (_what, target) => {
    const held = latch()
    const app = await application(async ({ run, draft }) => {
      draft.tag('posts')
      if (run === 1) await held.opened
      return {}
    })
    const early = app.get('/')
    await app.arrived(1)
    await app.cache.invalidate(target === 'key' ? { key: `${app.origin}/` } : target)
    held.open()
    expect((await early).body).toBe('made 1')
    expect(app.refusals).toEqual(['invalidated'])
    expect((await app.get('/')).body).toBe('made 2')
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('M-41: nor of a group, of a Location, or of what it learns to depend on only afterwards', async () => {
    const held = latch()
    const app = await application(async ({ request, draft }) => {
      if (request.method !== 'GET') {
        return { status: 201, fields: { Location: '/b', 'Cache-Group-Invalidation': '"posts"' } }
      }
      await held.opened
      if (request.url === '/c') draft.dependsOn({ url: '/b' })
      return request.url === '/a' ? { fields: { 'Cache-Groups': '"posts"' } } : {}
    })
    const early = ['/a', '/b', '/c', '/d'].map(async (path) => app.get(path))
    await app.arrived(4)
    await app.ask('/post', { method: 'POST' })
    held.open()
    await Promise.all(early)
    expect(app.refusals).toEqual(['invalidated', 'invalidated', 'invalidated'])
    expect(app.seen('store').map(({ key }) => key)).toEqual([`${app.origin}/d`])
  })

  it('M-41: a confirmation that began before it does not bring back what has fallen', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      const fields = { ETag: '"v1"' }
      if (run === 1) return { fields }
      if (run === 2) await held.opened
      return run === 2 ? { status: 304, fields, body: null } : { fields: { ETag: '"v2"' } }
    })
    await app.get('/')
    app.advance(61)
    const early = app.get('/')
    await app.arrived(2)
    await app.cache.invalidate({ url: '/' })
    held.open()
    await early
    expect(app.refusals).toEqual(['invalidated'])
    expect((await app.get('/')).body).toBe('made 3')
  })

  it('M-41: neither does a refresh in the background', async () => {
    const held = latch()
    const app = await application(
      async ({ run }) => {
        if (run === 2) await held.opened
        return {}
      },
      { staleWhileRevalidate: '1m' },
    )
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await new Promise((resolve) => setImmediate(resolve))
    await app.cache.invalidate({ url: '/' })
    held.open()
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([{ outcome: 'kept' }])
    expect(app.refusals).toEqual(['invalidated'])
    expect((await app.get('/')).body).toBe('made 3')
  })

  it('M-42: the answer to a POST never serves a GET, whatever its Content-Location and lifetime', async () => {
    const app = await application(({ request }) => ({
      fields: { 'Cache-Control': 'max-age=60', 'Content-Location': request.url ?? '' },
    }))
    expect((await app.ask('/', { method: 'POST' })).body).toBe('made 1')
    expect((await app.get('/')).body).toBe('made 2')
  })
})
