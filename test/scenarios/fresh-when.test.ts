import { describe, expect, it } from 'vitest'
import type { CacheflowOptions } from 'cacheflow'
import type { Answer, Application } from '../support/application.ts'
import { type RouteVisit, type SiteRoutes, routerSites } from '../support/router-site.ts'

interface Post {
  readonly id: number
  updatedAt: number
  title: string
}

const monday = Date.UTC(2026, 2, 2, 10)
const mondayText = 'Mon, 02 Mar 2026 10:00:00 GMT'

/** A page made from one record, and what was rendered. */
class Blog {
  readonly post: Post = { id: 1, updatedAt: monday, title: 'one' }
  readonly rendered: string[] = []

  routes(
    options: NonNullable<SiteRoutes[string]['options']> = { maxAge: 0 },
    render: (visit: RouteVisit, post: Post) => string = (_visit, { title }) => title,
  ): SiteRoutes {
    return {
      '/posts/:id': {
        options,
        handler: (visit) => {
          if (visit.draft.freshWhen(this.post)) return undefined
          const body = render(visit, this.post)
          this.rendered.push(body)
          return body
        },
      },
    }
  }

  change(title: string): void {
    this.post.title = title
    this.post.updatedAt += 60_000
  }
}

function etagOf({ headers }: Answer): string {
  return String(headers.etag)
}

describe.each(routerSites)('freshWhen() ($name)', ({ open }) => {
  const opened = async (
    blog: Blog,
    options: CacheflowOptions<unknown> = {},
  ): Promise<Application> => open(blog.routes(), options)

  it('confirms the stored page of that version without rendering, as often as asked', async () => {
    const blog = new Blog()
    const app = await opened(blog)
    const first = await app.get('/posts/1')
    expect([first.status, first.body]).toEqual([200, 'one'])
    expect(first.headers['last-modified']).toBe(mondayText)
    for (let i = 0; i < 3; i++) {
      const again = await app.get('/posts/1')
      expect([again.status, again.body, again.headers.etag]).toEqual([
        200,
        'one',
        first.headers.etag,
      ])
      expect(again.headers['cache-status']).toBe('cacheflow; fwd=stale; fwd-status=304')
    }
    expect(blog.rendered).toEqual(['one'])
    expect(app.seen('hit').map(({ reason }) => reason)).toEqual([
      'validated',
      'validated',
      'validated',
    ])
  })

  it('renders when the record has changed, and then confirms the new page', async () => {
    const blog = new Blog()
    const app = await opened(blog)
    const first = await app.get('/posts/1')
    blog.change('two')
    const second = await app.get('/posts/1')
    expect(second.body).toBe('two')
    expect(etagOf(second)).not.toBe(etagOf(first))
    expect((await app.get('/posts/1')).body).toBe('two')
    expect(blog.rendered).toEqual(['one', 'two'])
  })

  it('answers 304 to a client that has the version, before rendering, stored or not', async () => {
    const blog = new Blog()
    const app = await opened(blog)
    const etag = etagOf(await app.get('/posts/1'))
    const stored = await app.get('/posts/1', { 'If-None-Match': etag })
    expect([stored.status, stored.body, stored.headers.etag]).toEqual([304, '', etag])
    // Another instance has nothing stored.
    const other = await opened(blog)
    const host = { Host: new URL(app.origin).host }
    const absent = await other.get('/posts/1', { ...host, 'If-None-Match': `"other", ${etag}` })
    expect([absent.status, absent.body, absent.headers.etag]).toEqual([304, '', etag])
    expect(blog.rendered).toEqual(['one'])
    blog.change('two')
    const changed = await app.get('/posts/1', { 'If-None-Match': etag })
    expect([changed.status, changed.body]).toEqual([200, 'two'])
  })

  it('answers 304 by the date to a client that has nothing else', async () => {
    const blog = new Blog()
    const app = await opened(blog)
    const date = String((await app.get('/posts/1')).headers['last-modified'])
    const other = await opened(blog)
    const asked = { Host: new URL(app.origin).host, 'If-Modified-Since': date }
    expect((await other.get('/posts/1', asked)).status).toBe(304)
    blog.change('two')
    expect((await other.get('/posts/1', asked)).status).toBe(200)
  })

  it('a client that has a younger version than the store keeps it', async () => {
    const blog = new Blog()
    const app = await opened(blog)
    await app.get('/posts/1')
    blog.change('two')
    // Another instance has made it and told the client.
    const other = await open(blog.routes())
    const younger = await other.get('/posts/1', { Host: new URL(app.origin).host })
    const answer = await app.get('/posts/1', { 'If-None-Match': etagOf(younger) })
    expect([answer.status, answer.body]).toEqual([304, ''])
    expect((await app.get('/posts/1')).body).toBe('two')
  })

  it('while the page is fresh the handler does not even run', async () => {
    const blog = new Blog()
    const app = await open(blog.routes({ maxAge: '1m' }))
    const etag = etagOf(await app.get('/posts/1'))
    const { runs } = app
    expect((await app.get('/posts/1')).body).toBe('one')
    expect((await app.get('/posts/1', { 'If-None-Match': etag })).status).toBe(304)
    expect(app.runs).toBe(runs)
    app.advance(90)
    expect((await app.get('/posts/1')).body).toBe('one')
    expect(app.runs).toBe(runs + 1)
    app.advance(30)
    expect((await app.get('/posts/1')).headers['cache-status']).toBe('cacheflow; hit; ttl=30')
    expect(blog.rendered).toEqual(['one'])
  })

  it('the tag belongs to the URL, the language and the build', async () => {
    const blog = new Blog()
    const tags = new Set<string>()
    for (const build of ['', 'a', 'b']) {
      const app = await opened(blog, { build })
      const host = 'blog.example'
      tags.add(etagOf(await app.get('/posts/1', { Host: host })))
      tags.add(etagOf(await app.get('/posts/2', { Host: host })))
      tags.add(etagOf(await app.get('/posts/1?page=2', { Host: host })))
      tags.add(etagOf(await app.get('/posts/1', { Host: host, 'Accept-Language': 'de' })))
    }
    expect(tags.size).toBe(12)
  })

  it('another build renders anew what a client has of the old one, by its date too', async () => {
    const blog = new Blog()
    const old = await opened(blog, { build: 'a' })
    const { headers } = await old.get('/posts/1', { Host: 'blog.example' })
    const app = await opened(blog, { build: 'b' })
    const asked = { Host: 'blog.example' }
    expect(
      (await app.get('/posts/1', { ...asked, 'If-None-Match': String(headers.etag) })).status,
    ).toBe(200)
    await app.cache.invalidate({ all: true })
    // The date of the record is not the date of its page then, and is not told.
    expect(headers['last-modified']).toBeUndefined()
    const byDate = { ...asked, 'If-Modified-Since': mondayText }
    expect((await app.get('/posts/1', byDate)).status).toBe(200)
  })

  it('a page whose handler reads more of the request later has a tag for each of its variants', async () => {
    const blog = new Blog()
    const routes = blog.routes(
      { maxAge: 0 },
      (visit, { title }) => `${title} for ${visit.header('x-tenant')}`,
    )
    const app = await open(routes)
    const host = { Host: 'blog.example' }
    const a = await app.get('/posts/1', { ...host, 'X-Tenant': 'a' })
    const b = await app.get('/posts/1', { ...host, 'X-Tenant': 'b' })
    expect([a.body, b.body]).toEqual(['one for a', 'one for b'])
    expect(etagOf(a)).not.toBe(etagOf(b))
    // A cache that knows nothing of the page yet must not take one variant for the other either.
    const fresh = await open(routes)
    const moved = await fresh.get('/posts/1', {
      ...host,
      'X-Tenant': 'b',
      'If-None-Match': etagOf(a),
    })
    expect([moved.status, moved.body]).toEqual([200, 'one for b'])
    const again = await app.get('/posts/1', { ...host, 'X-Tenant': 'a' })
    expect([again.body, again.headers.etag]).toEqual(['one for a', a.headers.etag])
    expect(blog.rendered).toEqual(['one for a', 'one for b', 'one for b'])
  })

  it('a private page never crosses from one visitor to the next, in one browser or through the store', async () => {
    const blog = new Blog()
    // The record is checked first, and only then the visitor's cookie is read.
    const app = await open(
      blog.routes({ maxAge: 0 }, (visit, { title }) => `${title} for ${visit.header('cookie')}`),
    )
    const alice = await app.get('/posts/1', { Cookie: 'sid=alice' })
    expect(alice.body).toBe('one for sid=alice')
    // The same browser, after another visitor has logged in.
    const bob = await app.get('/posts/1', { Cookie: 'sid=bob', 'If-None-Match': etagOf(alice) })
    expect([bob.status, bob.body]).toEqual([200, 'one for sid=bob'])
    expect(alice.headers['last-modified']).toBeUndefined()
    const byDate = await app.get('/posts/1', { Cookie: 'sid=bob', 'If-Modified-Since': mondayText })
    expect([byDate.status, byDate.body]).toEqual([200, 'one for sid=bob'])
    expect((await app.get('/posts/1')).body).toBe('one for ')
    expect(etagOf(alice)).not.toBe(etagOf(bob))
    const out = await app.get('/posts/1', { 'If-None-Match': etagOf(alice) })
    expect([out.status, out.body]).toEqual([200, 'one for '])
  })

  it('a page for credentials never crosses from one visitor to the next', async () => {
    const blog = new Blog()
    const app = await open(
      blog.routes(
        { maxAge: 0 },
        (visit, { title }) => `${title} for ${visit.header('authorization')}`,
      ),
    )
    const alice = await app.get('/posts/1', { Authorization: 'Bearer alice' })
    const etag = etagOf(alice)
    expect(alice.body).toBe('one for Bearer alice')
    const same = await app.get('/posts/1', { Authorization: 'Bearer alice', 'If-None-Match': etag })
    expect(same.status).toBe(304)
    for (const headers of [{ Authorization: 'Bearer bob' }, {}]) {
      const other = await app.get('/posts/1', { ...headers, 'If-None-Match': etag })
      expect(other.status).toBe(200)
      expect(other.body).not.toContain('alice')
    }
  })

  it('shares among those whom session() names, each audience with a tag of its own', async () => {
    const blog = new Blog()
    const app = await open(
      blog.routes(
        { maxAge: 0, session: ({ headers }) => String(headers['x-role']) },
        (visit, { title }) => `${title} for ${visit.header('x-role')}`,
      ),
    )
    const editor = await app.get('/posts/1', { 'X-Role': 'editor' })
    const reader = await app.get('/posts/1', {
      'X-Role': 'reader',
      'If-None-Match': etagOf(editor),
    })
    expect([reader.status, reader.body]).toEqual([200, 'one for reader'])
    expect((await app.get('/posts/1', { 'X-Role': 'editor' })).body).toBe('one for editor')
    expect(
      (await app.get('/posts/1', { 'X-Role': 'reader', 'If-None-Match': etagOf(reader) })).status,
    ).toBe(304)
    expect(blog.rendered).toEqual(['one for editor', 'one for reader'])
  })

  it('renders when what the page depends on was touched, though its record tells nothing of it', async () => {
    for (const soft of [false, true]) {
      const blog = new Blog()
      let comments = 'none'
      const app = await open({
        '/posts/:id': {
          options: { maxAge: 0, staleWhileRevalidate: 0 },
          handler: ({ draft }) => {
            if (draft.freshWhen(blog.post)) return undefined
            draft.dependsOn({ tag: 'comments' })
            return `comments: ${comments}`
          },
        },
      })
      const first = await app.get('/posts/1')
      const client = { 'If-None-Match': etagOf(first) }
      expect((await app.get('/posts/1', client)).status).toBe(304)
      comments = 'one'
      await app.cache.invalidate({ tag: 'comments' }, { soft })
      const second = await app.get('/posts/1', client)
      expect([second.status, second.body]).toEqual([200, 'comments: one'])
      expect(etagOf(second)).not.toBe(etagOf(first))
      expect((await app.get('/posts/1')).body).toBe('comments: one')
      const date = String(first.headers['last-modified'])
      expect((await app.get('/posts/1', { 'If-Modified-Since': date })).status).toBe(200)
      // Another page does not depend on it.
      expect((await app.get('/posts/1', { 'If-None-Match': etagOf(second) })).status).toBe(304)
    }
  })

  it('renders after a touch for a client whose page another visitor has had made since', async () => {
    const blog = new Blog()
    let author = 'ann'
    const app = await open({
      '/posts/:id': {
        options: { maxAge: 0 },
        handler: ({ draft }) => {
          if (draft.freshWhen(blog.post)) return undefined
          draft.tag('authors')
          return author
        },
      },
    })
    const old = etagOf(await app.get('/posts/1'))
    author = 'bea'
    await app.cache.invalidate({ tag: 'authors' })
    await app.get('/posts/1')
    expect((await app.get('/posts/1', { 'If-None-Match': old })).body).toBe('bea')
    await app.cache.invalidate({ all: true })
    expect((await app.get('/posts/1', { 'If-None-Match': old })).body).toBe('bea')
  })

  it("takes the application's own tag", async () => {
    let etag = '"v1"'
    const app = await open({
      '/': {
        options: { maxAge: 0 },
        handler: ({ draft }) => (draft.freshWhen({ etag }) ? undefined : `page ${etag}`),
      },
    })
    expect((await app.get('/')).headers.etag).toBe('"v1"')
    expect((await app.get('/', { 'If-None-Match': '"v1"' })).status).toBe(304)
    etag = '"v2"'
    expect((await app.get('/', { 'If-None-Match': '"v1"' })).body).toBe('page "v2"')
    expect((await app.get('/')).body).toBe('page "v2"')
  })

  it('of several records renders when one is changed, added or taken away', async () => {
    let records = [
      { id: 1, updatedAt: monday },
      { id: 2, updatedAt: monday },
    ]
    let rendered = 0
    const app = await open({
      '/': {
        options: { maxAge: 0 },
        handler: ({ draft }) => (draft.freshWhen(records) ? undefined : `list ${++rendered}`),
      },
    })
    const renders = async (): Promise<boolean> => {
      const before = rendered
      await app.get('/')
      return rendered > before
    }
    expect([await renders(), await renders()]).toEqual([true, false])
    records = [{ id: 1, updatedAt: monday + 1 }, ...records.slice(1)]
    expect([await renders(), await renders()]).toEqual([true, false])
    records = [...records, { id: 3, updatedAt: monday - 1_000 }]
    expect([await renders(), await renders()]).toEqual([true, false])
    records = records.slice(1)
    expect([await renders(), await renders()]).toEqual([true, false])
    records = []
    expect([await renders(), await renders()]).toEqual([true, false])
  })

  it('keeps the tags that fell the page, though the confirming handler names none', async () => {
    const blog = new Blog()
    const app = await open({
      '/posts/:id': {
        options: { maxAge: 0 },
        handler: ({ draft }) => {
          if (draft.freshWhen(blog.post)) return undefined
          draft.tag('authors')
          return blog.post.title
        },
      },
    })
    await app.get('/posts/1')
    await app.get('/posts/1')
    expect((await app.cache.invalidate({ tag: 'authors' })).responses).toBe(1)
  })

  it('on a HEAD answers as for a GET, without a body', async () => {
    const blog = new Blog()
    const app = await opened(blog)
    const { headers } = await app.get('/posts/1')
    const head = await app.head('/posts/1')
    expect([head.status, head.body, head.headers.etag]).toEqual([200, '', headers.etag])
    const known = await app.head('/posts/1', { 'If-None-Match': String(headers.etag) })
    expect([known.status, known.body]).toEqual([304, ''])
    expect(blog.rendered).toEqual(['one'])
  })

  it('given a wrong version fails the request with its code, and nothing is stored', async () => {
    let message = ''
    const app = await open({
      '/': {
        options: {},
        handler: ({ draft }) => {
          try {
            draft.freshWhen(null as never)
          } catch (error) {
            message = String(error)
            throw error
          }
          return 'page'
        },
      },
    })
    expect((await app.get('/')).status).toBe(500)
    expect(message).toContain('ERR_CACHEFLOW_VERSION: freshWhen() was given null')
    expect(app.seen('store')).toEqual([])
  })

  it('without a cache on the route still answers its conditions', async () => {
    const blog = new Blog()
    const app = await open(blog.routes(false))
    const first = await app.get('/posts/1')
    expect([first.status, first.body]).toEqual([200, 'one'])
    const known = await app.get('/posts/1', { 'If-None-Match': etagOf(first) })
    expect([known.status, known.body]).toEqual([304, ''])
    const plain = await app.get('/posts/1')
    expect([plain.status, plain.body]).toEqual([200, 'one'])
    expect(app.seen('store')).toEqual([])
  })
})
