import type { CacheflowOptions } from 'cacheflow'
import { cacheflow as expressCacheflow } from 'cacheflow/express'
import { cacheflow as koaCacheflow } from 'cacheflow/koa'
import express from 'express'
import Koa from 'koa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Application } from '../support/application.ts'

type Given = Pick<CacheflowOptions<never>, 'observe' | 'maxVariants' | 'debug'>
/** Where a limiter reads the client's address: before the cache, or behind it. */
type Place = 'before' | 'behind'

async function expressSite(place: Place, given: Given = {}): Promise<Application> {
  return Application.start((made) => {
    const cache = expressCacheflow({ clock: () => made.now, ...given })
    const app = express().set('trust proxy', true)
    const counts = new Map<string | undefined, number>()
    const limiter: express.RequestHandler = (req, _res, next) => {
      counts.set(req.ip, (counts.get(req.ip) ?? 0) + 1)
      next()
    }
    app.use(...(place === 'before' ? [limiter, cache] : [cache, limiter]))
    app.get('/posts/:id', (req, res) => void res.send(`post ${req.params.id}`))
    app.get('/logged', (req, res) => {
      req.get('x-request-id')
      res.send(req.get('accept-language') === 'de' ? 'Seite' : 'page')
    })
    app.get('/basket', (req, res) => void res.send(`for ${req.get('x-basket')?.length}`))
    app.get('/mine', (req, res) => void res.send(`you are ${req.ip}`))
    return { cache, listener: app }
  })
}

async function koaSite(place: Place): Promise<Application> {
  return Application.start((made) => {
    const cache = koaCacheflow({ clock: () => made.now })
    const app = new Koa({ proxy: true })
    const limiter: Koa.Middleware = async (ctx, next) => {
      void ctx.ip
      await next()
    }
    for (const layer of place === 'before' ? [limiter, cache] : [cache, limiter]) app.use(layer)
    app.use((ctx) => void (ctx.body = 'page'))
    return { cache, listener: app.callback() }
  })
}

const address = (client: number): string => `203.0.113.${100 + client}`

/** Clients ask one after the other, each once. */
async function visit(app: Application, path: string, field: string, clients = 40): Promise<void> {
  for (let i = 0; i < clients; i++) {
    const value = field === 'x-forwarded-for' ? address(i) : `client-${i}`
    await app.get(path, { [field]: value })
  }
}

describe.each(['express', 'koa'] as const)('%s: a limiter that reads the address', (host) => {
  it.each(['before', 'behind'] as const)(
    'is told once where it stands %s the cache',
    async (at) => {
      const app = host === 'koa' ? await koaSite(at) : await expressSite(at)
      await visit(app, '/posts/7', 'x-forwarded-for', 110)
      await visit(app, '/posts/8', 'x-forwarded-for', 110)
      const told = app.seen('warning').filter(({ route }) => route.startsWith('/posts/'))
      // Koa without a router knows no patterns, so that each path is a route.
      expect(told.map(({ route }) => route)).toEqual(
        host === 'koa' ? ['/posts/7', '/posts/8'] : ['/posts/:id'],
      )
      expect(told[0]?.reason).toBe('vary-any')
      expect(told[0]?.message).toMatch(
        /25 variants .+ differ by .+: x-forwarded-for \(the client's address\)\. .+req\.ip/,
      )
      expect(told[0]?.message).toContain("observe: { ignore: ['x-forwarded-for', 'forwarded'] }")
    },
  )
})

describe('the warning of variants that are never used again', () => {
  it('comes also where fewer variants are kept than it takes', async () => {
    const app = await expressSite('behind', { maxVariants: 5 })
    await visit(app, '/posts/7', 'x-forwarded-for')
    expect(app.seen('warning')).toMatchObject([{ reason: 'vary-any', route: '/posts/:id' }])
  })

  it('names an identifier of the request, and not the language beside it', async () => {
    const app = await expressSite('behind', { observe: { ignore: ['x-forwarded-for'] } })
    for (let i = 0; i < 40; i++) {
      const language = i % 2 ? 'de' : 'en'
      await app.get('/logged', { 'x-request-id': `r${i}`, 'accept-language': language })
    }
    const [told] = app.seen('warning')
    expect(told?.message).toMatch(/of the request: x-request-id\. .+ignore: \['x-request-id'\]/)
  })

  it('advises against no input that a page may be made from', async () => {
    const app = await expressSite('behind', { observe: { ignore: ['x-forwarded-for'] } })
    await visit(app, '/basket', 'x-basket')
    const [told] = app.seen('warning')
    expect(told?.message).toContain('of the request: x-basket.')
    expect(told?.message).not.toContain('observe')
    expect(told?.message).toContain('cache.route(false)')
  })

  it('does not come where variants are used', async () => {
    const app = await expressSite('behind')
    for (let i = 0; i < 80; i++) {
      await app.get('/posts/7', { 'x-forwarded-for': address(i) })
      if (i % 20 === 19) await app.get('/posts/7', { 'x-forwarded-for': address(i) })
    }
    expect(app.seen('hit')).toHaveLength(4)
    expect(app.seen('warning')).toEqual([])
  })

  it('does not take for use that a client finds its own page expired', async () => {
    const app = await expressSite('behind')
    await visit(app, '/posts/7', 'x-forwarded-for', 20)
    app.advance(86_400)
    await visit(app, '/posts/7', 'x-forwarded-for', 40)
    expect(app.seen('hit')).toEqual([])
    expect(app.seen('warning')).toMatchObject([{ reason: 'vary-any' }])
  })

  it('is printed with debug where nobody listens', async () => {
    const printed: string[] = []
    const listener = ({ message }: Error): void => void printed.push(message)
    process.on('warning', listener)
    onTestFinished(() => void process.off('warning', listener))
    const app = await expressSite('behind', { debug: true })
    app.deafen('warning')
    await visit(app, '/posts/7', 'x-forwarded-for')
    await new Promise((resolve) => setImmediate(resolve))
    expect(printed.filter((text) => text.startsWith('/posts/:id is never a hit'))).toHaveLength(1)
  })

  it('tells of a mend that makes hits, and that stores no page which shows an address of eight digits', async () => {
    const app = await expressSite('behind', {
      observe: { ignore: ['x-forwarded-for', 'forwarded'] },
    })
    await visit(app, '/posts/7', 'x-forwarded-for')
    expect(app.seen('hit')).toHaveLength(39)
    app.forget()
    await visit(app, '/mine', 'x-forwarded-for', 3)
    expect(app.refusals).toEqual(['request-shown', 'request-shown', 'request-shown'])
  })
})
