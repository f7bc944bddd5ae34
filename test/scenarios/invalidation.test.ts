import { Router } from 'express'
import { describe, expect, it } from 'vitest'
import type { InvalidationTarget } from 'cacheflow'
import {
  type Answer,
  type Application,
  type Options,
  expressApplication,
} from '../support/application.ts'
import { type Stop, Stops } from '../support/stops.ts'

/**
 * A blog whose records have versions, and whose handlers can be held before and after they read them. Every page names
 * what it depends on in another way, so that each can be tried against an invalidation.
 */
class Blog {
  readonly stops = new Stops()
  readonly versions = new Map<string, number>()
  readonly app: Application

  static async open(options: Options = {}): Promise<Blog> {
    const stops = new Stops()
    const versions = new Map<string, number>()
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      /** Reads the record, and is held before and after it. */
      const read = async (path: string, record: string): Promise<string> => {
        await stops.pass(`before ${path}`)
        const text = `${record} ${versions.get(record) ?? 1}`
        await stops.pass(`after ${path}`)
        return text
      }
      express.get('/posts', cache.route({ tags: ['posts'] }), async (request, response) => {
        response.send(await read(request.originalUrl, 'posts'))
      })
      express.get('/early', async (request, response) => {
        response.locals.cacheflow.tag('early')
        response.send(await read(request.originalUrl, 'early'))
      })
      express.get('/late', async (request, response) => {
        const text = await read(request.originalUrl, 'late')
        response.locals.cacheflow.tag('late')
        response.send(text)
      })
      express.get('/streamed', async (request, response) => {
        response.write('streamed: ')
        const text = await read(request.originalUrl, 'streamed')
        response.locals.cacheflow.tag('streamed')
        response.end(text)
      })
      express.get('/depends', async (request, response) => {
        response.locals.cacheflow.dependsOn({ url: '/posts/1' }, { tag: 'depends' })
        response.send(await read(request.originalUrl, 'depends'))
      })
      express.get('/about', async (request, response) => {
        response.send(await read(request.originalUrl, 'about'))
      })
      express.get('/language', async (request, response) => {
        const language = request.get('accept-language') ?? 'none'
        response.send(`${language} ${await read(`${request.originalUrl} ${language}`, 'language')}`)
      })
      express.post('/about', (_request, response) => {
        response.sendStatus(204)
      })
      const shops = Router()
      shops.get('/:shop/items/:item', async (request, response) => {
        response.send(await read(request.originalUrl, `item ${request.params.item}`))
      })
      express.use('/shops', shops)
    }, options)
    return new Blog(app, stops, versions)
  }

  private constructor(app: Application, stops: Stops, versions: Map<string, number>) {
    this.app = app
    this.stops = stops
    this.versions = versions
  }

  /** How many makings were stored or refused. */
  get ended(): number {
    return this.app.seen('store').length + this.app.seen('uncacheable').length
  }

  /** Changes a record: only the test says of it, by invalidating. */
  write(record: string): void {
    this.versions.set(record, (this.versions.get(record) ?? 1) + 1)
  }

  /** The body and whether it was a hit: `post 1, hit`. */
  async see(path: string, headers: Record<string, string> = {}): Promise<string> {
    return seen(await this.app.get(path, headers))
  }

  /** Starts a request and waits until its handler is held after its reads (or before them). */
  async hold(path: string, where: 'before' | 'after' = 'after', name = path): Promise<Held> {
    const stop = this.stops.place(`${where} ${name}`)
    const language = /^\S+ (.*)$/.exec(name)?.[1]
    const answer = this.app.get(path, language === undefined ? {} : { 'Accept-Language': language })
    await stop.reached
    return { stop, answer: answer.then(seen) }
  }
}

interface Held {
  readonly stop: Stop
  readonly answer: Promise<string>
}

function seen({ body, headers }: Answer): string {
  const status = String(headers['cache-status'])
  const how = status.startsWith('cacheflow; hit')
    ? 'hit'
    : /collapsed/.test(status)
      ? 'collapsed'
      : /; stored/.test(status)
        ? 'made'
        : status
  return `${body}, ${how}`
}

interface Case {
  readonly path: string
  readonly record: string
  readonly targets: (blog: Blog) => readonly InvalidationTarget[]
}

const cases: readonly (readonly [string, Case])[] = [
  [
    "a route's tag",
    { path: '/posts', record: 'posts', targets: () => [{ tag: 'posts' }, { tag: ['x', 'posts'] }] },
  ],
  [
    'a tag named before the read',
    { path: '/early', record: 'early', targets: () => [{ tag: 'early' }] },
  ],
  [
    'a tag named after the read',
    { path: '/late', record: 'late', targets: () => [{ tag: 'late' }] },
  ],
  [
    'a tag named when the head is out already',
    { path: '/streamed', record: 'streamed', targets: () => [{ tag: 'streamed' }] },
  ],
  [
    'a path or a tag that the page depends on',
    {
      path: '/depends',
      record: 'depends',
      targets: () => [{ url: '/posts/1' }, { tag: 'depends' }],
    },
  ],
  [
    'its path',
    { path: '/about?page=2', record: 'about', targets: () => [{ url: '/about?page=2' }] },
  ],
  [
    'its URL',
    {
      path: '/about',
      record: 'about',
      targets: ({ app }) => [
        { url: `${app.origin}/about` },
        { url: `${app.origin.toUpperCase()}/about` },
      ],
    },
  ],
  [
    'its key',
    { path: '/about', record: 'about', targets: ({ app }) => [{ key: `${app.origin}/about` }] },
  ],
  [
    'its route',
    {
      path: '/shops/a/items/7',
      record: 'item 7',
      targets: () => [
        { route: '/shops/:shop/items/:item' },
        { route: '/shops/:shop/items/:item', params: { item: 7 } },
        { route: '/shops/:shop/items/:item', params: { shop: 'a' } },
        { route: '/shops/:shop/items/:item', params: { shop: 'a', item: '7' } },
      ],
    },
  ],
  ['all', { path: '/about', record: 'about', targets: () => [{ all: true }] }],
]

describe.each(cases)('what depends on %s', (_name, { path, record, targets }) => {
  it('falls with it, and is made anew', async () => {
    const blog = await Blog.open()
    for (const target of targets(blog)) {
      const version = blog.versions.get(record) ?? 1
      await blog.see(path)
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version}, hit`)
      blog.write(record)
      const receipt = await blog.app.cache.invalidate(target)
      expect(receipt).toEqual({
        sequence: blog.app.cache.stats().sequence,
        responses: 1,
        fragments: 0,
        keys: [blog.app.origin + path],
        instances: 0,
        confirmedBy: [],
      })
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version + 1}, made`)
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version + 1}, hit`)
      expect(blog.app.seen('miss').at(-1)).toMatchObject({ reason: 'invalidated' })
    }
  })

  it.each(['before', 'after'] as const)(
    'is not stored when its making began before the invalidation and was held %s its read',
    async (where) => {
      const blog = await Blog.open()
      for (const target of targets(blog)) {
        const refused = blog.app.refusals.length
        const ended = blog.ended
        const held = await blog.hold(path, where)
        blog.write(record)
        await blog.app.cache.invalidate(target)
        held.stop.release()
        await held.answer
        await blog.app.until(() => blog.ended > ended)
        expect(blog.app.refusals.slice(refused)).toEqual(['invalidated'])
        expect(blog.app.cache.stats().entries).toBe(0)
        const version = blog.versions.get(record)
        expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version}, made`)
        expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version}, hit`)
        await blog.app.cache.invalidate({ all: true })
      }
    },
  )

  it('is stored when its making began after the invalidation', async () => {
    const blog = await Blog.open()
    for (const target of targets(blog)) {
      await blog.app.cache.invalidate(target)
      const held = await blog.hold(path)
      held.stop.release()
      await held.answer
      expect(await blog.see(path)).toMatch(/, hit$/)
      await blog.app.cache.invalidate({ all: true })
    }
  })

  it('is never the answer of a making that was overtaken, for who comes after the invalidation', async () => {
    const blog = await Blog.open()
    for (const target of targets(blog)) {
      const overtaken = await blog.hold(path)
      blog.write(record)
      await blog.app.cache.invalidate(target)
      const version = blog.versions.get(record)
      const later = Promise.all([blog.see(path), blog.see(path)])
      // What is known of the making tells that it was overtaken, and nobody waits for it; but for a tag that it has yet
      // to name.
      if (record !== 'late' && record !== 'streamed') await later
      overtaken.stop.release()
      await overtaken.answer
      for (const answer of await later) {
        expect(answer.startsWith(`${prefix(path)}${record} ${version}, `)).toBe(true)
      }
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version}, hit`)
      await blog.app.cache.invalidate({ all: true })
    }
  })

  it('softly: is served once more while it is renewed, and then no more', async () => {
    const blog = await Blog.open()
    for (const target of targets(blog)) {
      const version = blog.versions.get(record) ?? 1
      const refreshed = blog.app.seen('refresh').length
      await blog.see(path)
      blog.write(record)
      const receipt = await blog.app.cache.invalidate(target, { soft: true })
      expect([receipt.responses, receipt.keys]).toEqual([1, [blog.app.origin + path]])
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version}, hit`)
      await blog.app.happened('refresh', refreshed + 1)
      expect(blog.app.seen('refresh').at(-1)).toMatchObject({ reason: 'soft', outcome: 'stored' })
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version + 1}, hit`)
      await blog.app.cache.invalidate({ all: true })
    }
  })

  it('softly: a making that began before is stored as stale, so that the next visitor starts another', async () => {
    const blog = await Blog.open()
    for (const target of targets(blog)) {
      const version = blog.versions.get(record) ?? 1
      const refreshed = blog.app.seen('refresh').length
      const held = await blog.hold(path)
      blog.write(record)
      await blog.app.cache.invalidate(target, { soft: true })
      held.stop.release()
      expect(await held.answer).toBe(`${prefix(path)}${record} ${version}, made`)
      await blog.see(path)
      await blog.app.happened('refresh', refreshed + 1)
      expect(await blog.see(path)).toBe(`${prefix(path)}${record} ${version + 1}, hit`)
      await blog.app.cache.invalidate({ all: true })
    }
  })
})

/** The one page that sends a part of its body before it reads. */
function prefix(path: string): string {
  return path === '/streamed' ? 'streamed: ' : ''
}

describe('an invalidation', () => {
  it('fells nothing that does not depend on its target', async () => {
    const blog = await Blog.open()
    const paths = [
      '/posts',
      '/early',
      '/late',
      '/about',
      '/about?page=2',
      '/shops/a/items/7',
      '/shops/b/items/7',
    ]
    for (const path of paths) await blog.see(path)
    const receipts = [
      await blog.app.cache.invalidate({ tag: 'no such tag' }),
      await blog.app.cache.invalidate({ url: '/about?page=3' }),
      await blog.app.cache.invalidate({ url: 'http://other.example/about' }),
      await blog.app.cache.invalidate({ key: `${blog.app.origin}/about?` }),
      await blog.app.cache.invalidate({ route: '/shops/:shop/items' }),
      await blog.app.cache.invalidate({ route: '/shops/:shop/items/:item', params: { item: 8 } }),
      await blog.app.cache.invalidate({
        route: '/shops/:shop/items/:item',
        params: { shop: 'b', item: 8 },
      }),
    ]
    expect(receipts.flatMap(({ responses, keys }) => [responses, keys.length])).toEqual(
      receipts.flatMap(() => [0, 0]),
    )
    expect(receipts.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7])
    for (const path of paths) expect(await blog.see(path)).toMatch(/, hit$/)
    const { keys } = await blog.app.cache.invalidate({
      route: '/shops/:shop/items/:item',
      params: { shop: 'a', item: 7 },
    })
    expect(keys).toEqual([`${blog.app.origin}/shops/a/items/7`])
    for (const path of paths.slice(0, 5)) expect(await blog.see(path)).toMatch(/, hit$/)
    expect(await blog.see('/shops/b/items/7')).toMatch(/, hit$/)
    expect(await blog.see('/shops/a/items/7')).toMatch(/, made$/)
  })

  it('refuses no making of what does not depend on its target', async () => {
    const blog = await Blog.open()
    const paths = ['/posts', '/early', '/late', '/streamed', '/about', '/shops/a/items/7']
    const held = await Promise.all(paths.map((path) => blog.hold(path)))
    await blog.app.cache.invalidate({ tag: ['other', 'a', 'b'] })
    await blog.app.cache.invalidate({ route: '/shops/:shop/items/:item', params: { item: 8 } })
    await blog.app.cache.invalidate({ url: '/about?page=2' })
    for (const { stop } of held) stop.release()
    await Promise.all(held.map(({ answer }) => answer))
    expect(blog.app.refusals).toEqual([])
    for (const path of paths) expect(await blog.see(path)).toMatch(/, hit$/)
  })

  it('refuses only the one making that it overtook', async () => {
    const blog = await Blog.open()
    const [early, about] = [await blog.hold('/early'), await blog.hold('/about')]
    await blog.app.cache.invalidate({ tag: 'early' })
    for (const { stop } of [early, about]) stop.release()
    await Promise.all([early.answer, about.answer])
    expect(blog.app.seen('uncacheable')).toMatchObject([
      { key: `${blog.app.origin}/early`, reason: 'invalidated', detail: 'tag:early' },
    ])
    expect(await blog.see('/about')).toMatch(/, hit$/)
  })

  it('tells of itself: each dependency, its number, and the keys that fell by it', async () => {
    const blog = await Blog.open()
    for (const path of ['/posts', '/early', '/about']) await blog.see(path)
    const receipt = await blog.app.cache.invalidate({ tag: ['posts', 'early', 'other'] })
    expect(receipt).toMatchObject({ sequence: 1, responses: 2 })
    expect(blog.app.seen('invalidate')).toMatchObject([
      { dependency: 'tag:posts', sequence: 1, soft: false, keys: [`${blog.app.origin}/posts`] },
      { dependency: 'tag:early', sequence: 1, soft: false, keys: [`${blog.app.origin}/early`] },
      { dependency: 'tag:other', sequence: 1, soft: false, keys: [] },
    ])
    const all = await blog.app.cache.invalidate({ all: true }, { soft: true })
    expect(all).toMatchObject({ sequence: 2, responses: 1, keys: [`${blog.app.origin}/about`] })
    expect(blog.app.seen('invalidate').at(-1)).toMatchObject({ dependency: 'all', soft: true })
  })

  it('counts a response once, whichever of its tags it falls by', async () => {
    const blog = await Blog.open({ tags: ['site'] })
    await blog.see('/posts')
    for (const soft of [true, false]) {
      const receipt = await blog.app.cache.invalidate({ tag: ['site', 'posts'] }, { soft })
      expect(receipt).toMatchObject({ responses: 1, keys: [`${blog.app.origin}/posts`] })
    }
  })

  it('of what has variants fells them all, those being made too', async () => {
    const blog = await Blog.open()
    await blog.see('/language', { 'Accept-Language': 'de' })
    await blog.see('/language', { 'Accept-Language': 'en' })
    const render = await blog.hold('/language', 'after', '/language fr')
    blog.write('language')
    const receipt = await blog.app.cache.invalidate({ key: `${blog.app.origin}/language` })
    expect(receipt).toMatchObject({ responses: 2, keys: [`${blog.app.origin}/language`] })
    render.stop.release()
    expect(await render.answer).toMatch(/^fr language 1, /)
    expect(blog.app.refusals).toEqual(['invalidated'])
    for (const language of ['de', 'en', 'fr']) {
      const see = (): Promise<string> => blog.see('/language', { 'Accept-Language': language })
      expect(await see()).toBe(`${language} language 2, made`)
      expect(await see()).toBe(`${language} language 2, hit`)
    }
  })

  it('lets those who waited before it go on by themselves, and stores nothing of what they waited for', async () => {
    const blog = await Blog.open()
    const render = await blog.hold('/about')
    const waiting = blog.see('/about')
    await blog.app.arrived(2)
    blog.write('about')
    await blog.app.cache.invalidate({ url: '/about' })
    render.stop.release()
    expect(await render.answer).toMatch(/^about 1, /)
    expect(await waiting).toMatch(/^about 2, /)
    expect(await blog.see('/about')).toMatch(/^about 2, /)
  })

  it('while nothing is stored and nothing is made is only a number', async () => {
    const blog = await Blog.open()
    expect(await blog.app.cache.invalidate({ all: true })).toEqual({
      sequence: 1,
      responses: 0,
      fragments: 0,
      keys: [],
      instances: 0,
      confirmedBy: [],
    })
    expect(await blog.see('/about')).toBe('about 1, made')
    expect(blog.app.seen('miss').at(-1)).toMatchObject({ reason: 'uri-miss' })
  })

  it('by a POST to the same URL is one as well (RFC 9111 4.4), for makings too', async () => {
    const blog = await Blog.open()
    const render = await blog.hold('/about')
    blog.write('about')
    expect((await blog.app.ask('/about', { method: 'POST' })).status).toBe(204)
    render.stop.release()
    await render.answer
    expect(blog.app.refusals).toEqual(['invalidated'])
    expect(await blog.see('/about')).toBe('about 2, made')
    blog.write('about')
    await blog.app.ask('/about', { method: 'POST' })
    expect(await blog.see('/about')).toBe('about 3, made')
  })

  it('of an older making does not undo what a younger one stored', async () => {
    const blog = await Blog.open({ collapse: false })
    const older = await blog.hold('/about')
    blog.write('about')
    await blog.app.cache.invalidate({ tag: 'unrelated' })
    expect(await blog.see('/about')).toBe('about 2, made')
    older.stop.release()
    await older.answer
    expect(await blog.see('/about')).toBe('about 2, hit')
  })

  it('wrong in its target or its options is a rejected promise with a code, and changes nothing', async () => {
    const { app } = await Blog.open()
    for (const [run, code] of [
      [() => app.cache.invalidate({} as never), 'ERR_CACHEFLOW_TARGET'],
      [() => app.cache.invalidate({ tag: '' }), 'ERR_CACHEFLOW_TAG'],
      [() => app.cache.invalidate({ tag: 'a', soft: true } as never), 'ERR_CACHEFLOW_TARGET'],
      [() => app.cache.invalidate({ tag: 'a' }, { soft: 'yes' } as never), 'ERR_CACHEFLOW_OPTION'],
      [() => app.cache.invalidate({ tag: 'a' }, { soft: null } as never), 'ERR_CACHEFLOW_OPTION'],
      [() => app.cache.invalidate({ tag: 'a' }, null as never), 'ERR_CACHEFLOW_OPTION'],
      [() => app.cache.invalidate({ tag: 'a' }, true as never), 'ERR_CACHEFLOW_OPTION'],
      [
        () => app.cache.invalidate({ tag: 'a' }, { sfot: true } as never),
        'ERR_CACHEFLOW_UNKNOWN_OPTION',
      ],
    ] as const) {
      await expect(run()).rejects.toMatchObject({ name: 'CacheflowError', code })
    }
    expect(app.cache.stats().sequence).toBe(0)
  })

  it('after close() is carried out: nothing is stored any more', async () => {
    const { app } = await Blog.open()
    await app.cache.close()
    expect(await app.cache.invalidate({ all: true })).toMatchObject({ responses: 0, sequence: 1 })
  })
})

describe('what is stale', () => {
  const lively = { maxAge: '10s', staleWhileRevalidate: '1m', staleIfError: '1m' } as const

  it('and felled while it is renewed is not served any more, nor is what was being made', async () => {
    const blog = await Blog.open(lively)
    await blog.see('/about')
    blog.app.advance(20)
    const stop = blog.stops.place('after /about')
    expect(await blog.see('/about')).toBe('about 1, hit')
    await stop.reached
    blog.write('about')
    await blog.app.cache.invalidate({ url: '/about' })
    expect(await blog.see('/about')).toBe('about 2, made')
    stop.release()
    await blog.app.happened('refresh')
    expect(blog.app.seen('refresh')).toMatchObject([{ outcome: 'kept' }])
    expect(await blog.see('/about')).toBe('about 2, hit')
  })

  it('and felled while the application fails does not stand in for the failure', async () => {
    const stops = new Stops()
    let isDown = false
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', async (_request, response) => {
          await stops.pass('/')
          if (isDown) throw new Error('the database is down')
          response.send('page')
        })
      },
      { ...lively, staleWhileRevalidate: false },
    )
    await app.get('/')
    app.advance(20)
    isDown = true
    expect(await app.get('/')).toMatchObject({ status: 200, body: 'page' })
    const stop = stops.place('/')
    const answer = app.get('/')
    await stop.reached
    await app.cache.invalidate({ url: '/' })
    stop.release()
    expect((await answer).status).toBe(500)
    expect((await app.get('/')).status).toBe(500)
  })

  it('and felled while it is confirmed is not stored again by the confirmation', async () => {
    const stops = new Stops()
    let version = 1
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', async (_request, response) => {
          const read = version
          await stops.pass('/')
          if (response.locals.cacheflow.freshWhen({ id: 1, updatedAt: read })) return
          response.send(`version ${read}`)
        })
      },
      { maxAge: 0 },
    )
    await app.get('/')
    const stop = stops.place('/')
    const overtaken = app.get('/')
    await stop.reached
    version = 2
    await app.cache.invalidate({ url: '/' })
    stop.release()
    await overtaken
    expect(app.refusals).toEqual(['invalidated'])
    expect((await app.get('/')).body).toBe('version 2')
    expect((await app.get('/')).body).toBe('version 2')
  })

  it('and tagged only when it is out already is taken back, since nothing could fell it', async () => {
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        response.send('page')
        response.once('finish', () => response.locals.cacheflow.tag('late'))
      })
    })
    await app.get('/')
    await app.until(() => app.seen('uncacheable').length === 1)
    expect(app.seen('uncacheable')).toMatchObject([
      {
        reason: 'draft',
        detail: 'tag() or dependsOn() was called after the response had been stored',
      },
    ])
    expect(app.cache.stats().entries).toBe(0)
  })
})
