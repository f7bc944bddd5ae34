import { AsyncResource } from 'node:async_hooks'
import { cacheFragment } from 'cacheflow'
import type { CacheflowOptions, ResponseContext } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5 from 'express'
import express4 from 'express4'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { DependencyTracker } from '../../src/fragments/dependency-tracker.ts'
import { Application } from '../support/application.ts'

/** What a page of the site is made with. */
interface Page {
  readonly request: IncomingMessage
  readonly draft: ResponseContext
}

type Render = (page: Page) => Promise<string>

interface Site {
  readonly name: string
  open(render: Render, options?: CacheflowOptions<unknown>): Promise<Application>
}

/** The cache stands in a router or at a route, so that the first request is not known from its arrival on. */
function expressSite(major: 4 | 5, place: 'first' | 'router' | 'sub' | 'route'): Site {
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  return {
    name: `Express ${major}, ${place}`,
    open: (render, options = {}) =>
      Application.start((made) => {
        const cache = forExpress({
          clock: () => made.now,
          fragments: { strict: false },
          ...options,
        })
        const app = express()
        app.set('env', 'test')
        app.use((req, res, next) => {
          res.locals['who'] = req.headers['x-who']
          next()
        })
        const inner = place === 'router' ? express.Router() : place === 'sub' ? express() : app
        if (place !== 'route') inner.use(cache)
        const show: express5.RequestHandler = (req, res, next) => {
          render({ request: req, draft: res.locals.cacheflow }).then((text) => {
            res.set('Cache-Control', 'no-store').send(text)
          }, next)
        }
        inner.get('/:n', ...(place === 'route' ? [cache.route({})] : []), show)
        if (inner !== app) app.use(inner)
        return { cache, listener: app }
      }),
  }
}

function koaSite(major: 2 | 3, place: 'first' | 'behind'): Site {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  return {
    name: `Koa ${major}, ${place}`,
    open: (render, options = {}) =>
      Application.start((made) => {
        const cache = forKoa({ clock: () => made.now, fragments: { strict: false }, ...options })
        const app = new Koa()
        app.silent = true
        if (place === 'behind') app.use((_, next) => next())
        app.use(cache)
        app.use(async (ctx) => {
          ctx.body = await render({ request: ctx.req, draft: ctx.state['cacheflow'] })
          ctx.set('Cache-Control', 'no-store')
        })
        return { cache, listener: app.callback() }
      }),
  }
}

const sites: readonly Site[] = [
  ...([5, 4] as const).flatMap((major) =>
    (['first', 'router', 'sub', 'route'] as const).map((place) => expressSite(major, place)),
  ),
  ...([3, 2] as const).flatMap((major) =>
    (['first', 'behind'] as const).map((place) => koaSite(major, place)),
  ),
]

/** A connection that was opened before any request: its callbacks run in a context of their own. */
const outside = AsyncResource.bind((run: () => void) => run())

/** What a callback needs to run in the context of one request, which waits until the other is done. */
class Crossing {
  readonly #entered: Promise<void>
  #enter: () => void = () => undefined
  readonly #left: Promise<void>
  #leave: () => void = () => undefined
  #run: (act: () => void) => void = (act) => act()

  constructor() {
    this.#entered = new Promise((resolve) => (this.#enter = resolve))
    this.#left = new Promise((resolve) => (this.#leave = resolve))
  }

  /** Lends the running context, as who releases a connection does. */
  async lend(): Promise<void> {
    this.#run = AsyncResource.bind((act: () => void) => act())
    this.#enter()
    await this.#left
  }

  /** Resolves when a request lends its context. */
  get isOpen(): Promise<void> {
    return this.#entered
  }

  /** Runs a callback in the lent context. */
  within<Result>(act: () => Result): Result {
    let result: Result | undefined
    this.#run(() => (result = act()))
    return result as Result
  }

  close(): void {
    this.#leave()
  }
}

/** Asks for a page that lends its context, and then for one that runs its callbacks there. */
async function crossed(
  site: Site,
  render: (page: Page, crossing: Crossing) => Promise<string>,
  options: CacheflowOptions<unknown> = {},
): Promise<{ readonly app: Application; ask(path: string, who: string): Promise<string> }> {
  let crossing = new Crossing()
  const app = await site.open(async (page) => {
    if (page.request.url?.endsWith('lends') === true) {
      await crossing.lend()
      return 'lent'
    }
    return render(page, crossing)
  }, options)
  await app.get('/0')
  app.events.length = 0
  return {
    app,
    async ask(path, who) {
      crossing = new Crossing()
      const lending = app.get('/lends', { 'X-Who': 'lender' })
      await crossing.isOpen
      const { body } = await app.get(path, { 'X-Who': who })
      crossing.close()
      await lending
      return body
    },
  }
}

const whoIn = ({ request }: Page): string => String(request.headers['x-who'] ?? 'nobody')

/** Ways to what a request says, seen by no key of a fragment. */
const ways: Readonly<Record<string, (page: Page, path: string) => string>> = {
  'a header': (page) => whoIn(page),
  rawHeaders: ({ request }) =>
    request.rawHeaders[request.rawHeaders.findIndex((name) => name === 'X-Who') + 1] ?? '',
  'the URL': ({ request }) => request.url ?? '',
}

describe.each(sites)('a fragment whose request is read in another context ($name)', (site) => {
  it.each(Object.entries(ways))(
    'is not stored where its own body reads %s in the context of another request',
    async (_, read) => {
      const { app, ask } = await crossed(site, async (page, crossing) =>
        cacheFragment('who', () => crossing.within(() => `<b>${read(page, '')}</b>`)),
      )
      const first = await ask('/alice', 'alice')
      expect(first).toContain('alice')
      expect(await ask('/bob', 'bob')).toBe(first.replace('alice', 'bob'))
      expect(app.seen('fragment')).toMatchObject([
        { stored: false, uncacheable: 'context' },
        { stored: false, uncacheable: 'context' },
      ])
    },
  )

  it.each(Object.entries(ways))(
    'is not stored where its own body reads %s in no context',
    async (_, read) => {
      const app = await site.open(async (page) =>
        cacheFragment(
          'who',
          () =>
            new Promise<string>((resolve) => outside(() => resolve(`<b>${read(page, '')}</b>`))),
        ),
      )
      await app.get('/0', { 'X-Who': 'nobody' })
      const first = await app.get('/alice', { 'X-Who': 'alice' })
      expect(first.body).toContain('alice')
      const second = await app.get('/bob', { 'X-Who': 'bob' })
      expect(second.body).toBe(first.body.replace('alice', 'bob'))
    },
  )

  it.each(Object.entries(ways))(
    'is not stored where its own body reads %s in the context of its page',
    async (_, read) => {
      const app = await site.open(async (page) => {
        const asPage = AsyncResource.bind((run: () => void) => run())
        return cacheFragment('who', async () => {
          await new Promise(setImmediate)
          return new Promise<string>((resolve) => asPage(() => resolve(`<b>${read(page, '')}</b>`)))
        })
      })
      await app.get('/0', { 'X-Who': 'nobody' })
      const first = await app.get('/alice', { 'X-Who': 'alice' })
      expect(first.body).toContain('alice')
      const second = await app.get('/bob', { 'X-Who': 'bob' })
      expect(second.body).toBe(first.body.replace('alice', 'bob'))
    },
  )

  it('is stored where its page reads what it likes before, beside it at once, and after', async () => {
    const app = await site.open(async (page) => {
      const text = cacheFragment('slow', async () => {
        await new Promise(setImmediate)
        return 'slow'
      })
      const who = whoIn(page)
      return `${await text} ${who} ${page.request.url}`
    })
    await app.get('/0')
    await app.get('/alice', { 'X-Who': 'alice' })
    expect((await app.get('/bob', { 'X-Who': 'bob' })).body).toBe('slow bob /bob')
    expect(app.seen('fragment').at(-1)?.reason).toBe('fresh')
  })

  it('is stored where another is made beside it that varies by what its body reads', async () => {
    const app = await site.open(async (page) =>
      (
        await Promise.all([
          cacheFragment('slow', async () => {
            await new Promise(setImmediate)
            await new Promise(setImmediate)
            return 'slow'
          }),
          cacheFragment('who', { vary: ['x-who'] }, () => whoIn(page)),
        ])
      ).join(' '),
    )
    await app.get('/0')
    await app.get('/alice', { 'X-Who': 'alice' })
    expect((await app.get('/alice', { 'X-Who': 'alice' })).body).toBe('slow alice')
    expect(
      app
        .seen('fragment')
        .slice(-2)
        .map(({ reason }) => reason),
    ).toEqual(['fresh', 'fresh'])
  })

  it.each(Object.entries(ways))(
    'is not stored where it is made in the context of another request and reads %s',
    async (_, read) => {
      const { ask } = await crossed(site, async (page, crossing) =>
        crossing.within(() => cacheFragment('who', () => `<b>${read(page, '')}</b>`)),
      )
      const first = await ask('/alice', 'alice')
      expect(first).toContain('alice')
      expect(await ask('/bob', 'bob')).toBe(first.replace('alice', 'bob'))
    },
  )

  it('is not stored where it goes by the context of a request whose client has left', async () => {
    let other: (() => Promise<string>) | undefined
    let began = (): void => undefined
    const isBegun = new Promise<void>((resolve) => (began = resolve))
    let gone = (): void => undefined
    const isGone = new Promise<void>((resolve) => (gone = resolve))
    const app = await site.open(async (page) => {
      if (page.request.url === '/leaves') {
        other = AsyncResource.bind(() => cacheFragment('late', { vary: ['x-who'] }, () => 'late'))
        began()
        await once(page.request.socket, 'close')
        gone()
        return 'left'
      }
      return other === undefined ? 'first' : other()
    })
    await app.get('/0')
    const client = request({ host: '127.0.0.1', port: app.port, path: '/leaves' })
    client.on('error', () => undefined).end()
    await isBegun
    client.destroy()
    await isGone
    expect((await app.get('/1')).body).toBe('late')
    expect(app.seen('fragment')).toMatchObject([{ stored: false, uncacheable: 'context' }])
  })
})

describe.each(sites)('a fragment of a page that has listed all headers ($name)', (site) => {
  it.each<[string, (headers: object) => unknown]>([
    ['their descriptors', (headers) => Object.getOwnPropertyDescriptors(headers)],
    ['their names', (headers) => Object.keys(headers)],
  ])('is not stored where its body reads a field behind a look at %s', async (_, look) => {
    const app = await site.open(async (page) => {
      look(page.request.headers)
      return cacheFragment('host', () => `<b>${page.request.headers.host}</b>`)
    })
    await app.get('/0')
    for (const host of ['a.example', 'b.example']) {
      expect((await app.get('/1', { Host: host })).body).toBe(`<b>${host}</b>`)
    }
  })
})

describe.each(sites)('a fragment where nothing is observed ($name)', (site) => {
  it('is stored where its call names its response, and not by the context alone', async () => {
    const app = await site.open(
      async ({ request, draft }) =>
        request.url === '/draft'
          ? draft.fragment('menu', () => 'a menu')
          : cacheFragment('menu', () => 'a menu'),
      { observe: false },
    )
    await app.get('/0')
    await app.get('/context')
    expect(
      app.seen('fragment').map(({ stored, uncacheable: refusal }) => [stored, refusal]),
    ).toEqual([
      [false, 'unobserved'],
      [false, 'unobserved'],
    ])
    app.events.length = 0
    await app.get('/draft')
    await app.get('/draft')
    expect(app.seen('fragment').map(({ reason }) => reason)).toEqual(['miss', 'fresh'])
  })

  it('shows nobody what was made by the context of a guest for who is signed in', async () => {
    const { ask } = await crossed(
      site,
      async (page, crossing) =>
        crossing.within(() => cacheFragment('who', () => `<b>${whoIn(page)}</b>`)),
      { observe: false },
    )
    expect(await ask('/alice', 'alice')).toBe('<b>alice</b>')
    expect(await ask('/bob', 'bob')).toBe('<b>bob</b>')
  })

  it('is stored by the context too where the call says who shares it', async () => {
    const app = await site.open(
      async () => cacheFragment('menu', { session: 'guests' }, () => 'a menu'),
      { observe: false },
    )
    await app.get('/0')
    await app.get('/1')
    expect(app.seen('fragment').at(-1)?.reason).toBe('fresh')
  })
})

describe.each(sites.filter(({ name }) => /router|sub|route/.test(name)))(
  'a request that was not known from its arrival on ($name)',
  (site) => {
    it('lets nothing be stored by the contexts of others while it is under way', async () => {
      const crossing = new Crossing()
      const isBegun = new Crossing()
      const app = await site.open(async (page) => {
        const { url, res } = page.request as IncomingMessage & {
          res: { locals: { who?: string } }
        }
        if (url === '/first') {
          // Said before the cache was met, so that nobody has seen it read.
          const { who } = res.locals
          void isBegun.lend()
          await crossing.isOpen
          return crossing.within(() => cacheFragment('who', () => `<b>${who}</b>`))
        }
        if (url === '/lends') {
          await crossing.lend()
          return 'lent'
        }
        return cacheFragment('who', () => '<b>nobody</b>')
      })
      const first = app.get('/first', { 'X-Who': 'alice' })
      await isBegun.isOpen
      const lending = app.get('/lends')
      expect((await first).body).toBe('<b>alice</b>')
      crossing.close()
      await lending
      expect((await app.get('/bob')).body).toBe('<b>nobody</b>')
      expect(
        app.seen('fragment').map(({ stored, uncacheable: refusal }) => [stored, refusal]),
      ).toEqual([
        [false, 'unobserved'],
        [true, undefined],
      ])
    })
  },
)

it('What is taken back is told once, though telling it strays again', () => {
  const tracker = new DependencyTracker({ startSequence: 0, verifiedAt: 0 })
  let told = 0
  tracker.onLate = () => {
    told++
    tracker.stray()
  }
  tracker.stray()
  expect(told).toBe(1)
})
