import { cacheFragment } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5, { type Request, type Response } from 'express'
import express4 from 'express4'
import Koa3, { type Context } from 'koa'
import Koa2 from 'koa2'
import { Router as KoaRouter } from '@koa/router'
import type { CacheflowOptions, FragmentOptions } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { Application } from '../support/application.ts'

type Options = CacheflowOptions<unknown>

/** Ways to what every page has in its key. */
const expressWays: Readonly<Record<string, (req: Request) => unknown>> = {
  "req.get('host')": (req) => req.get('host'),
  'req.headers.host': (req) => req.headers.host,
  'req.hostname': (req) => req.hostname,
  'req.host': (req) => req.host,
  'req.subdomains': (req) => req.subdomains,
  'req.protocol': (req) => req.protocol,
  'req.secure': (req) => req.secure,
  'req.socket.encrypted': (req) => Reflect.get(req.socket, 'encrypted') as unknown,
  'req.originalUrl': (req) => req.originalUrl,
  'req.url': (req) => req.url,
  'req.path': (req) => req.path,
  'req.query': (req) => req.query['a'],
  'req.params': (req) => req.params['id'],
  'req.baseUrl': (req) => req.baseUrl,
  'req.route': (req) => Reflect.get(req.route as object, 'path') as unknown,
  'req.method': (req) => req.method,
  'req.fresh': (req) => req.fresh,
  'req._parsedUrl': (req) => String(Reflect.get(req, '_parsedUrl')),
  "req.range('items')": (req) => req.range(100),
  traceparent: (req) => req.get('traceparent'),
  'cache-control': (req) => req.get('cache-control'),
  'user-agent': (req) => req.get('user-agent'),
  'res.req.url': (req) => req.res?.req.url,
}

const koaWays: Readonly<Record<string, (ctx: Context) => unknown>> = {
  'ctx.host': (ctx) => ctx.host,
  'ctx.hostname': (ctx) => ctx.hostname,
  'ctx.subdomains': (ctx) => ctx.subdomains,
  'ctx.origin': (ctx) => ctx.origin,
  'ctx.href': (ctx) => ctx.href,
  'ctx.URL': (ctx) => ctx.URL.pathname,
  'ctx.URL, remembered': (ctx) => Reflect.get(ctx.request, 'URL') as unknown,
  'ctx.protocol': (ctx) => ctx.protocol,
  'ctx.secure': (ctx) => ctx.secure,
  'ctx.url': (ctx) => ctx.url,
  'ctx.originalUrl': (ctx) => ctx.originalUrl,
  'ctx.request.originalUrl': (ctx) => ctx.request.originalUrl,
  'ctx.path': (ctx) => ctx.path,
  'ctx.query': (ctx) => ctx.query['a'],
  'ctx.querystring': (ctx) => ctx.querystring,
  'ctx.search': (ctx) => ctx.search,
  'ctx.params': (ctx) => Reflect.get(ctx['params'] as object, 'id') as unknown,
  'ctx.request.params': (ctx) => Reflect.get(ctx.request, 'params') as unknown,
  'ctx.routerPath': (ctx) => ctx['routerPath'] as unknown,
  'ctx._matchedRoute': (ctx) => ctx['_matchedRoute'] as unknown,
  'ctx.captures': (ctx) => ctx['captures'] as unknown,
  'ctx.method': (ctx) => ctx.method,
  'ctx.fresh': (ctx) => ctx.fresh,
  'ctx.req.url': (ctx) => ctx.req.url,
  "ctx.get('host')": (ctx) => ctx.get('host'),
  "ctx.get('range')": (ctx) => ctx.get('range'),
}

type Shown = (read: () => unknown, options?: FragmentOptions) => Promise<string>

const show: Shown = (read, options = {}) =>
  cacheFragment('part', options, () => `part ${String(read())}`)

function onExpress(
  major: 4 | 5,
  handler: (req: Request, res: Response) => Promise<string>,
  options: Options,
): Promise<Application> {
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  return Application.start((made) => {
    const cache = forExpress({ clock: () => made.now, fragments: { strict: false }, ...options })
    const app = express()
    app.use(cache)
    app.all('/p/:id', (req, res, next) => {
      handler(req, res).then((text) => res.send(text), next)
    })
    return { cache, listener: app }
  })
}

function onKoa(
  major: 2 | 3,
  handler: (ctx: Context) => Promise<string>,
  options: Options,
): Promise<Application> {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  return Application.start((made) => {
    const cache = forKoa({ clock: () => made.now, fragments: { strict: false }, ...options })
    const app = new Koa()
    app.silent = true
    app.use(cache)
    const router = new KoaRouter()
    router.all('/p/:id', async (ctx) => {
      ctx.body = await handler(ctx)
    })
    app.use(router.routes() as unknown as Koa3.Middleware)
    return { cache, listener: app.callback() }
  })
}

const sites = [
  ...([5, 4] as const).flatMap((major) =>
    Object.entries(expressWays).map(([way, read]) => ({
      name: `Express ${major}, ${way}`,
      open: (options: Options, given?: FragmentOptions) =>
        onExpress(major, (req) => show(() => read(req), given), options),
    })),
  ),
  ...([3, 2] as const).flatMap((major) =>
    Object.entries(koaWays).map(([way, read]) => ({
      name: `Koa ${major}, ${way}`,
      open: (options: Options, given?: FragmentOptions) =>
        onKoa(
          major,
          (ctx) => {
            // Koa remembers it, and so does everybody who asks later.
            if (way.endsWith('remembered')) void ctx.URL
            return show(() => read(ctx), given)
          },
          options,
        ),
    })),
  ),
]

describe('a fragment that reads what pages have in their key', () => {
  it.each(sites)('is not stored without it in its own: $name', async ({ open }) => {
    const app = await open({})
    await app.get('/p/7?a=1', { Host: 'evil.example' })
    const told = app.seen('fragment')
    expect(told).toMatchObject([{ stored: false, uncacheable: 'reads' }])
    // The page has it in its key, and is stored.
    expect(app.seen('uncacheable')).toEqual([])
  })

  it.each(sites.filter(({ name }) => name.includes('riginalUrl') || name.includes('host')))(
    'is an error in development, with the word that mends it: $name',
    async ({ open }) => {
      const app = await open({ fragments: { strict: true } })
      const { status, body } = await app.get('/p/7?a=1')
      expect(status).toBe(500)
      if (body.includes('ERR_')) expect(body).toMatch(/vary: \[(&#39;|')(host|url)/)
    },
  )

  it.each(sites)('is stored for each URL and method with vary: $name', async ({ open, name }) => {
    if (/range|traceparent|cache-control|user-agent|fresh|Koa 3, ctx.origin/.test(name)) return
    const app = await open({ maxAge: '1h' }, { vary: ['url', 'method'] })
    const first = await app.get('/p/7?a=1', { Host: 'one.example' })
    await app.cache.invalidate({ url: '/p/7?a=1' })
    await app.get('/p/7?a=1', { Host: 'one.example' })
    expect(app.seen('fragment').map(({ stored }) => stored)).toEqual([true, false])
    // What its key has, its page has in its own: nothing comes to Vary.
    expect(first.headers.vary ?? '').not.toMatch(/(^|, )(host|url)/i)
    const other = await app.get('/p/8?a=2', { Host: 'two.example' })
    expect(app.seen('fragment').at(-1)).toMatchObject({ reason: 'miss', stored: true })
    expect(other.status).toBe(200)
  })

  it('in another fragment keeps that from being stored', async () => {
    const app = await onExpress(
      5,
      (req) =>
        cacheFragment('outer', () =>
          cacheFragment('inner', { vary: ['host'] }, () => String(req.get('host'))),
        ),
      {},
    )
    await app.get('/p/7', { Host: 'evil.example' })
    expect(
      app.seen('fragment').map(({ fragment, uncacheable: refusal }) => [fragment, refusal]),
    ).toEqual([
      ['inner', undefined],
      ['outer', 'reads'],
    ])
  })

  it('while others are made for other requests, hears only of its own', async () => {
    const gates: (() => void)[] = []
    const app = await onExpress(
      5,
      async (req) => {
        const quiet = await cacheFragment(`quiet ${req.query['n'] as string}`, async () => {
          await new Promise<void>((resolve) => gates.push(resolve))
          return 'quiet'
        })
        return `${quiet} ${req.originalUrl}`
      },
      {},
    )
    const pages = [1, 2, 3].map((n) => app.get(`/p/7?n=${n}`))
    while (gates.length < 3) await new Promise(setImmediate)
    for (const open of gates) open()
    const bodies = (await Promise.all(pages)).map(({ body }) => body)
    expect(bodies).toEqual([1, 2, 3].map((n) => `quiet /p/7?n=${n}`))
    expect(app.seen('fragment').map(({ stored }) => stored)).toEqual([true, true, true])
  })

  it('leaves the request as it was, to be read, rewritten and enumerated', async () => {
    const app = await onExpress(
      5,
      async (req) => {
        const before = Object.keys(req).toSorted()
        await cacheFragment('x', async () => 'x')
        const after = Object.keys(req).toSorted()
        const { originalUrl } = req
        req.url = '/rewritten?b=2'
        return JSON.stringify([
          before.join() === after.join(),
          originalUrl,
          req.url,
          req.path,
          req.query,
          req.params,
          req.method,
        ])
      },
      {},
    )
    expect(JSON.parse((await app.get('/p/7?a=1')).body)).toEqual([
      true,
      '/p/7?a=1',
      '/rewritten?b=2',
      '/rewritten',
      { b: '2' },
      { id: '7' },
      'GET',
    ])
  })
})

describe('a fragment of a request whose reads are not all known', () => {
  it.each(['express', 'koa'] as const)('is not stored, as its page is not (%s)', async (kind) => {
    // In a router the cache sees its application with the first request.
    const app = await Application.start((made) => {
      const options = { clock: () => made.now }
      if (kind === 'koa') {
        const cache = forKoa(options)
        const app = new Koa3()
        app.use(async (ctx, next) => {
          ctx.state['who'] = ctx.get('x-who')
          await next()
        })
        app.use(cache)
        app.use(async (ctx) => {
          ctx.body = await cacheFragment('who', () => String(ctx.state['who']))
        })
        return { cache, listener: app.callback() }
      }
      const cache = forExpress(options)
      const app = express5()
      app.use((req, res, next) => {
        res.locals['who'] = req.get('x-who')
        next()
      })
      const router = express5.Router()
      router.use(cache)
      router.get('/', (_req, res, next) => {
        cacheFragment('who', () => String(res.locals['who'])).then((text) => res.send(text), next)
      })
      app.use(router)
      return { cache, listener: app }
    })
    await app.get('/', { 'X-Who': 'alice' })
    expect(app.seen('fragment')).toMatchObject([{ stored: false, uncacheable: 'unobserved' }])
    expect(app.refusals).toEqual(['unobserved'])
  })

  it.each([
    ['a cookie', { Cookie: 'name=alice' }],
    ['a credential', { Authorization: 'Bearer alice' }],
  ])(
    'with observe: false and %s is neither stored nor taken from the store',
    async (_what, headers) => {
      const app = await onExpress(
        5,
        (req, res) =>
          res.locals.cacheflow.fragment(
            'who',
            () =>
              `hello ${JSON.stringify(req.headers.cookie ?? req.headers.authorization ?? 'guest')}`,
          ),
        { observe: false },
      )
      const alice = await app.get('/p/1', headers)
      expect(alice.body).toContain('alice')
      expect((await app.get('/p/2')).body).toBe('hello "guest"')
      expect((await app.get('/p/3', headers)).body).toContain('alice')
      expect(
        app.seen('fragment').map(({ stored, uncacheable: refusal }) => [stored, refusal]),
      ).toEqual([
        [false, 'unobserved'],
        [true, undefined],
        [false, 'unobserved'],
      ])
    },
  )
})
