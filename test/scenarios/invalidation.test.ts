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
  const how = /^cacheflow; hit/.test(status)
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
        const held = await blog.hold(path, where)
        blog.write(record)
        await blog.app.cache.invalidate(target)
        held.stop.release()
        await held.answer
        await blog.app.happened('refuse', refused + 1)
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
