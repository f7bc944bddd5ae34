import type { AddressInfo } from 'node:net'
import { cacheflow } from 'cacheflow/express'
import express from 'express'
import Koa from 'koa'
import { cacheflow as koaCacheflow } from 'cacheflow/koa'
import { describe, expect, it, onTestFinished } from 'vitest'

type Listening = { address(): string | AddressInfo | null; close(): void }

async function statusOf(server: Listening, headers: Record<string, string>): Promise<string> {
  onTestFinished(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  let status = ''
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`http://localhost:${port}/`, { headers })
    await response.text()
    status = response.headers.get('cache-status') ?? ''
  }
  return status
}

describe('behind other middleware', () => {
  it('a visitor with a cookie that nobody reads shares the page in Express', async () => {
    const app = express()
    app.use((_request, _response, next) => next())
    app.use(cacheflow())
    app.get('/', (_request, response) => void response.send('page'))
    expect(await statusOf(app.listen(0), { cookie: 'theme=dark' })).toMatch(/^cacheflow; hit/)
  })

  it('a visitor with a cookie that nobody reads shares the page in Koa', async () => {
    const app = new Koa()
    app.use((_ctx, next) => next())
    app.use(koaCacheflow())
    app.use((ctx) => {
      ctx.body = 'page'
    })
    expect(await statusOf(app.listen(0), { cookie: 'theme=dark' })).toMatch(/^cacheflow; hit/)
  })

  it('a cache in a router stores what a route keys by some of the query', async () => {
    const app = express()
    const router = express.Router()
    const cache = cacheflow()
    router.use(cache)
    router.get('/', cache.route({ query: { only: ['a'] } }), (_request, response) => {
      response.send('page')
    })
    app.use(router)
    expect(await statusOf(app.listen(0), {})).toMatch(/^cacheflow; hit/)
  })
})

describe('outside of the cache in Koa', () => {
  it('middleware finds on a hit the body it finds on a miss: text as text, JSON as an object', async () => {
    const seen: unknown[] = []
    const app = new Koa()
    app.use(async (ctx, next) => {
      await next()
      if (ctx.path === '/text') ctx.body = `<main>${String(ctx.body)}</main>`
      seen.push(typeof ctx.body)
    })
    app.use(koaCacheflow())
    app.use((ctx) => {
      ctx.body = ctx.path === '/json' ? { a: 1 } : 'page'
    })
    const server = app.listen(0)
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const texts: string[] = []
    for (const path of ['/', '/text', '/text', '/text', '/json', '/json']) {
      texts.push(await (await fetch(`http://localhost:${port}${path}`)).text())
    }
    expect(texts.slice(1)).toEqual([
      ...Array.from({ length: 3 }, () => '<main>page</main>'),
      ...Array.from({ length: 2 }, () => '{"a":1}'),
    ])
    expect(seen).toEqual(['string', 'string', 'string', 'string', 'object', 'object'])
  })
  it('middleware that writes into the Buffer it finds on a hit changes nothing of what is stored', async () => {
    const app = new Koa()
    app.use(async (ctx, next) => {
      await next()
      if (Buffer.isBuffer(ctx.body)) ctx.body.reverse()
    })
    app.use(koaCacheflow())
    app.use((ctx) => {
      ctx.body = Buffer.from('0123456789')
      ctx.set('ETag', '"v1"')
    })
    const server = app.listen(0)
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const texts: string[] = []
    for (const headers of [{}, {}, {}, {}, { range: 'bytes=0-2' }, {}]) {
      texts.push(await (await fetch(`http://localhost:${port}/`, { headers })).text())
    }
    expect(texts).toEqual([...Array.from({ length: 4 }, () => '9876543210'), '210', '9876543210'])
  })
})
