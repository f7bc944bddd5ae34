import { describe, expect, it } from 'vitest'
import { cacheFragment, cacheFragments, dependsOn, entity, fastly, track } from 'cacheflow'
import type { Application } from '../support/application.ts'
import { type RouteVisit, routerSites } from '../support/router-site.ts'

interface Post {
  readonly id: number
  title: string
  updatedAt: number
}
interface Comment {
  readonly id: number
  readonly postId: number
  text: string
  updatedAt: number
}

const post = entity<Post>('post')
const comment = entity<Comment>('comment', { touch: (row) => post.ref(row.postId) })

/** A blog with two posts, made of dolls: page > card > comment. */
class Blog {
  readonly posts: Post[] = [
    { id: 1, title: 'one', updatedAt: 100 },
    { id: 2, title: 'two', updatedAt: 100 },
  ]
  readonly comments: Comment[] = [
    { id: 11, postId: 1, text: 'first', updatedAt: 100 },
    { id: 12, postId: 1, text: 'second', updatedAt: 100 },
    { id: 21, postId: 2, text: 'third', updatedAt: 100 },
  ]
  /** The bodies that ran, in order. */
  made: string[] = []

  async page(): Promise<string> {
    this.made.push('page')
    const cards = await cacheFragments('posts/card', this.posts.map(post), (row) => this.#card(row))
    return `<main>${cards}</main>`
  }

  async #card(row: Post): Promise<string> {
    this.made.push(`card ${row.id}`)
    const own = this.comments.filter(({ postId }) => postId === row.id)
    const texts = await Promise.all(
      own.map((each) =>
        cacheFragment('comments/item', comment(each), () => {
          this.made.push(`comment ${each.id}`)
          return `<li>${each.text}</li>`
        }),
      ),
    )
    return `<h2>${row.title}</h2><ul>${texts.join('')}</ul>`
  }

  /** What ran since it was asked last. */
  ran(): string[] {
    const { made } = this
    this.made = []
    return made.toSorted()
  }
}

const all = ['card 1', 'card 2', 'comment 11', 'comment 12', 'comment 21', 'page']

describe.each(routerSites)('fragments ($name)', ({ open }) => {
  const blogSite = async (): Promise<{ app: Application; blog: Blog }> => {
    const blog = new Blog()
    const app = await open({ '/': { options: {}, handler: () => blog.page() } })
    return { app, blog }
  }
  const site = async (
    handler: (visit: RouteVisit) => string | Promise<string>,
    options: Parameters<typeof open>[1] = {},
    route: object = {},
  ): Promise<Application> => open({ '/': { options: route, handler } }, options)

  it('are rendered once, and a page of them comes from the cache as a whole', async () => {
    const { app, blog } = await blogSite()
    const first = await app.get('/')
    expect(first.body).toBe(
      '<main><h2>one</h2><ul><li>first</li><li>second</li></ul><h2>two</h2><ul><li>third</li></ul></main>',
    )
    expect(blog.ran()).toEqual(all)
    expect((await app.get('/')).body).toBe(first.body)
    expect(blog.ran()).toEqual([])
  })

  it('touching a comment renews the comment, its card and the page, and nothing else', async () => {
    const { app, blog } = await blogSite()
    await app.get('/')
    blog.ran()
    const [changed] = blog.comments
    if (!changed) throw new Error('no comment')
    changed.text = 'changed'
    changed.updatedAt++
    const receipt = await app.cache.touch(comment(changed))
    expect(receipt.records).toEqual(['entity:comment:11', 'entity:post:1'])
    expect(receipt.invalidation).toMatchObject({ responses: 1, fragments: 2 })
    const page = await app.get('/')
    expect(page.body).toContain('<li>changed</li><li>second</li>')
    expect(blog.ran()).toEqual(['card 1', 'comment 11', 'page'])
  })

  it('invalidating a record makes everything that encloses it fall, at any depth', async () => {
    const { app, blog } = await blogSite()
    await app.get('/')
    blog.ran()
    expect(app.cache.impact(comment.ref(21))).toMatchObject({ responses: 1, fragments: 2 })
    const receipt = await app.cache.invalidate(comment.ref(21))
    expect(receipt).toMatchObject({ responses: 1, fragments: 2 })
    await app.get('/')
    expect(blog.ran()).toEqual(['card 2', 'comment 21', 'page'])
  })

  it('of a changed record are made anew in the same slot, and the others stay', async () => {
    const { app, blog } = await blogSite()
    await app.get('/')
    blog.ran()
    const entries = app.cache.stats().entries
    const [first] = blog.posts
    if (!first) throw new Error('no post')
    first.title = 'changed'
    first.updatedAt++
    // The response alone: its fragments are looked up by version.
    await app.cache.invalidate({ url: '/' })
    expect((await app.get('/')).body).toContain('<h2>changed</h2><ul><li>first</li>')
    expect(blog.ran()).toEqual(['card 1', 'page'])
    expect(app.cache.stats().entries).toBe(entries)
    expect(app.seen('fragment').filter(({ reason }) => reason === 'version')).toMatchObject([
      { key: 'fragment:posts/card post:1', fragment: 'posts/card', stored: true },
    ])
  })

  it('fall by their name, and by name and record', async () => {
    const { app, blog } = await blogSite()
    await app.get('/')
    blog.ran()
    await app.cache.invalidate({ fragment: 'comments/item', of: comment.ref(12) })
    await app.get('/')
    expect(blog.ran()).toEqual(['card 1', 'comment 12', 'page'])
    await app.cache.invalidate({ fragment: 'posts/card' })
    await app.get('/')
    expect(blog.ran()).toEqual(['card 1', 'card 2', 'page'])
    await app.cache.invalidate({ key: 'fragment:comments/item comment:11' })
    await app.get('/')
    expect(blog.ran()).toEqual(['card 1', 'comment 11', 'page'])
  })

  it('give their tags to what encloses them, on hits as on misses', async () => {
    let made = 0
    const app = await site(async ({ draft }) => {
      draft.maxAge('1m')
      const text = await cacheFragment('a', { tags: ['a'] }, () =>
        cacheFragment('b', (fragment) => {
          fragment.tag('b')
          return `made ${++made}`
        }),
      )
      return `page ${text}`
    })
    await app.get('/')
    await app.cache.invalidate({ url: '/' })
    expect((await app.get('/')).body).toBe('page made 1')
    expect(app.seen('store').map(({ tags }) => tags)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    await app.cache.invalidate({ tag: 'b' })
    expect((await app.get('/')).body).toBe('page made 2')
  })

  it('limit the life of what encloses them to their own', async () => {
    let made = 0
    const app = await site(
      () => cacheFragment('a', () => cacheFragment('b', { maxAge: '10s' }, () => `${++made}`)),
      {},
      { maxAge: '1h' },
    )
    await app.get('/')
    app.advance(4)
    await app.cache.invalidate({ url: '/' })
    expect((await app.get('/')).headers['cache-status']).toBe('cacheflow; fwd=uri-miss; stored')
    app.advance(5)
    expect((await app.get('/')).headers['cache-status']).toBe('cacheflow; hit; ttl=1')
    app.advance(1)
    expect((await app.get('/')).body).toBe('2')
  })

  it('by which the request is read vary with it, and so does the page', async () => {
    const app = await site((visit) =>
      cacheFragment('greeting', { vary: ['X-Kind'] }, () => `hello ${visit.header('x-kind')}`),
    )
    await app.get('/', { 'X-Kind': 'a' })
    await app.cache.invalidate({ url: '/' })
    const a = await app.get('/', { 'X-Kind': 'a' })
    expect([a.body, a.headers.vary]).toEqual(['hello a', 'X-Kind'])
    expect((await app.get('/', { 'X-Kind': 'b' })).body).toBe('hello b')
    expect((await app.get('/', { 'X-Kind': 'a' })).headers['cache-status']).toContain('hit')
    const key = app.seen('fragment')[0]?.key ?? ''
    expect(key).toMatch(/^fragment:greeting x-kind=/)
    expect(app.cache.explain(key).kind).toBe('fragment')
  })

  it('S-40: that read of the visitor what their key does not have are not stored', async () => {
    const app = await site(
      (visit) => cacheFragment('greeting', () => `hello ${visit.header('x-kind')}`),
      { fragments: { strict: false } },
    )
    expect((await app.get('/', { 'X-Kind': 'a' })).body).toBe('hello a')
    expect((await app.get('/', { 'X-Kind': 'b' })).body).toBe('hello b')
    const refusals = app
      .seen('fragment')
      .map(({ uncacheable: refusal, detail }) => [refusal, detail])
    expect(refusals).toEqual([
      ['reads', 'x-kind'],
      ['reads', 'x-kind'],
    ])
  })

  it('S-40: that read credentials are for those whom session names, and their page is private', async () => {
    const app = await site((visit) =>
      cacheFragment('greeting', { session: 'editors' }, () => visit.header('authorization')),
    )
    const first = await app.get('/', { Authorization: 'Bearer a' })
    expect(first.body).toBe('Bearer a')
    const second = await app.get('/', { Authorization: 'Bearer b' })
    expect(second.body).toBe('Bearer a')
    expect(app.seen('store')).toEqual([])
    // Somebody without credentials, to whom the application shows it all the same.
    await app.get('/')
    expect(app.seen('uncacheable').at(-1)).toMatchObject({
      reason: 'session-read',
      detail: 'a fragment for editors',
    })
  })

  it('S-40: in development a read that the key does not have is an error, with its stack', async () => {
    let thrown: unknown
    const app = await site(
      (visit) =>
        cacheFragment('greeting', () => {
          try {
            return visit.header('cookie')
          } catch (error) {
            thrown = error
            throw error
          }
        }),
      { fragments: { strict: true } },
    )
    expect((await app.get('/', { Cookie: 'sid=1' })).status).toBe(500)
    expect(String(thrown)).toContain('ERR_CACHEFLOW_FRAGMENT_READS')
    expect((thrown as Error).stack).toContain('fragments.test.ts')
  })

  it('of one key with two bodies in a page are an error in development', async () => {
    const app = await site(
      async () => {
        const texts: string[] = []
        for (const title of ['one', 'two']) texts.push(await cacheFragment('card', () => title))
        return texts.join()
      },
      { fragments: { strict: true } },
    )
    expect((await app.get('/')).status).toBe(500)
  })

  it('that fail are not stored, and neither is the page around them', async () => {
    let fails = true
    const app = await site(() =>
      cacheFragment('price', { onError: () => 'no price today' }, () => {
        if (fails) throw new Error('no database')
        return '5 EUR'
      }),
    )
    expect((await app.get('/')).body).toBe('no price today')
    fails = false
    expect((await app.get('/')).body).toBe('5 EUR')
    expect((await app.get('/')).headers['cache-status']).toContain('hit')
  })

  it('that fail without onError fail the page as without a cache', async () => {
    const app = await site(() =>
      cacheFragment('price', () => Promise.reject(new Error('no database'))),
    )
    expect((await app.get('/')).status).toBe(500)
    expect(app.seen('fragment')).toMatchObject([
      { uncacheable: 'failed', detail: 'Error: no database' },
    ])
  })

  it('are made once for all pages that ask for them at one time', async () => {
    let made = 0
    const app = await site(
      async (visit) => {
        const text = await cacheFragment('slow', async () => {
          made++
          await new Promise((resolve) => setTimeout(resolve, 20))
          return 'slow'
        })
        return `${visit.query['n']} ${text}`
      },
      {},
      {},
    )
    const answers = await Promise.all([1, 2, 3, 4].map((n) => app.get(`/?n=${n}`)))
    expect(answers.map(({ body }) => body)).toEqual(['1 slow', '2 slow', '3 slow', '4 slow'])
    expect(made).toBe(1)
  })

  it('M-41: that were begun before an invalidation are shown to their own page alone', async () => {
    let release: () => void = () => undefined
    let price = 'old'
    const app = await site(async (visit) => {
      const text = await cacheFragment('price', async () => {
        dependsOn({ tag: 'prices' })
        const read = price
        if (visit.query['wait'] === '1') await new Promise<void>((resolve) => (release = resolve))
        return read
      })
      return text
    })
    const early = app.get('/?wait=1')
    while (app.cache.stats().inFlight === 0 || app.runs === 0) await new Promise(setImmediate)
    price = 'new'
    await app.cache.invalidate({ tag: 'prices' })
    // Who comes now does not join what was begun before.
    const late = await app.get('/?wait=0')
    release()
    expect([(await early).body, late.body]).toEqual(['old', 'new'])
    expect((await app.get('/?wait=2')).body).toBe('new')
  })

  it('M-41: whose data was read by the handler before an invalidation are not stored behind it', async () => {
    let price = 'old'
    let release: () => void = () => undefined
    const app = await site(async (visit) => {
      const read = price
      if (visit.query['wait'] === '1') await new Promise<void>((resolve) => (release = resolve))
      return cacheFragment('price', { tags: ['prices'] }, () => read)
    })
    const early = app.get('/?wait=1')
    while (app.runs === 0) await new Promise(setImmediate)
    price = 'new'
    await app.cache.invalidate({ tag: 'prices' })
    release()
    expect((await early).body).toBe('old')
    expect((await app.get('/')).body).toBe('new')
  })

  it('softly invalidated are shown while they are made anew in the background', async () => {
    let made = 0
    const app = await site(() => cacheFragment('list', { tags: ['list'] }, () => `made ${++made}`))
    await app.get('/')
    await app.cache.invalidate({ tag: 'list' }, { soft: true })
    await app.cache.invalidate({ url: '/' })
    expect((await app.get('/')).body).toBe('made 1')
    await app.until(() => app.seen('fragment').some(({ reason }) => reason === 'expired'))
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('are cached on pages that are not: of a visitor with credentials, of a POST', async () => {
    let made = 0
    const app = await site(() => cacheFragment('list', () => `made ${++made}`))
    await app.get('/', { Authorization: 'Bearer a' })
    await app.get('/', { Authorization: 'Bearer b' })
    expect((await app.get('/', { Authorization: 'Bearer c' })).body).toBe('made 1')
  })

  it('attach what the page needs once, also when they come from the cache', async () => {
    const app = await site(async ({ draft }) => {
      const card = (n: number): Promise<string> =>
        cacheFragment(`card ${n}`, (fragment) => {
          fragment.addAsset('scripts', '/card.js').addAsset('scripts', `/${n}.js`)
          return `card ${n}`
        })
      const cards = [await card(1), await card(2), await card(1)].join()
      return `${cards} ${draft.assets('scripts').join()}`
    })
    const first = await app.get('/')
    expect(first.body).toBe('card 1,card 2,card 1 /card.js,/1.js,/2.js')
    await app.cache.invalidate({ url: '/' })
    expect((await app.get('/')).body).toBe(first.body)
  })

  it('track() lets what is made depend on data that is read inside, though there is none', async () => {
    const rows: Post[] = []
    const app = await site(() =>
      cacheFragment('posts/list', async () => {
        const found = await track(post.list('author=1'), async () => rows)
        return `${found.length} posts`
      }),
    )
    expect((await app.get('/')).body).toBe('0 posts')
    const created = { id: 9, title: 'new', updatedAt: 1 }
    rows.push(created)
    await app.cache.invalidate(post.list('author=1'))
    expect((await app.get('/')).body).toBe('1 posts')
  })

  it('whose promise is written without being awaited keep their page from being stored', async () => {
    for (const strict of [false, true]) {
      const app = await site(
        // oxlint-disable-next-line typescript/restrict-template-expressions -- the mistake itself
        () => `<p>${cacheFragment('part', () => 'part') as unknown as string}</p>`,
        { fragments: { strict } },
      )
      const answer = await app.get('/')
      if (strict) expect(answer.status).toBe(500)
      else expect(answer.body).toBe('<p>[object Promise]</p>')
      if (!strict) expect(app.refusals).toEqual(['promise'])
      expect(app.seen('store')).toEqual([])
    }
  })

  it('may hold the words that a promise is written as, and so may their page', async () => {
    const app = await site(() =>
      cacheFragment('comment', () => '<p>I got [object Promise] in my page</p>'),
    )
    await app.get('/')
    expect(app.seen('fragment')).toMatchObject([{ stored: true }])
    expect(app.refusals).toEqual([])
  })

  it('of a list depend on the list, and keep what the call says where it is empty', async () => {
    const rows: Post[] = []
    const app = await site(
      () =>
        cacheFragments(
          'posts/card',
          post.all(rows, 'front'),
          { tags: ['cards'], dependsOn: { tag: 'site' }, maxAge: '10s', vary: ['x-kind'] },
          (row) => `<b>${row.title}</b>`,
        ),
      {},
      { maxAge: '1h' },
    )
    const empty = await app.get('/', { 'X-Kind': 'a' })
    expect([empty.body, empty.headers.vary]).toEqual(['', 'X-Kind'])
    expect(app.seen('store')).toMatchObject([{ tags: ['cards'], ttl: 10 }])
    for (const target of [{ tag: 'cards' }, { tag: 'site' }, { fragment: 'posts/card' }] as const) {
      expect(app.cache.impact(target).responses).toBe(1)
    }
    rows.push({ id: 1, title: 'first', updatedAt: 1 })
    await app.cache.invalidate(post.list('front'))
    expect((await app.get('/', { 'X-Kind': 'a' })).body).toBe('<b>first</b>')
    rows.push({ id: 2, title: 'second', updatedAt: 1 })
    await app.cache.invalidate(post.list('front'))
    expect((await app.get('/', { 'X-Kind': 'a' })).body).toBe('<b>first</b><b>second</b>')
  })

  it('of an empty list have their options checked', async () => {
    const app = await site(() =>
      cacheFragments(
        'posts/card',
        post.all([]),
        JSON.parse('{ "maxage": "1s" }') as { maxAge: '1s' },
        () => '',
      ),
    )
    expect((await app.get('/')).status).toBe(500)
  })

  it('and their records reach the tag header of a CDN with the page that shows them', async () => {
    const app = await site(
      async ({ draft }) => {
        draft.tag('home')
        return cacheFragment('posts/card', post({ id: 7, title: 'Tea', updatedAt: 1 }), () => 'Tea')
      },
      { surrogate: fastly() },
    )
    expect((await app.get('/')).headers['surrogate-key']).toBe(
      'home fragment:posts/card entity:post:7',
    )
  })
})
