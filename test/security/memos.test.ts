import { cacheFragment } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import cookieParser from 'cookie-parser'
import express5, { type Request } from 'express'
import express4 from 'express4'
import Koa3, { type Context } from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { Application } from '../support/application.ts'

/** Ways by which Node, a framework or its parsers keep what the first reader found. */
const expressWays: Readonly<Record<string, (req: Request) => unknown>> = {
  'req.headersDistinct': (req) => req.headersDistinct['x-a'],
  'all of req.headersDistinct': (req) => JSON.stringify({ ...req.headersDistinct }),
  'req.rawHeaders': (req) => req.rawHeaders.join(),
  'req.headers': (req) => req.headers['x-a'],
  'req.accepts()': (req) => req.accepts('html', 'json'),
  'req.acceptsLanguages()': (req) => req.acceptsLanguages('en', 'de'),
  'req.ip': (req) => req.ip,
  'req.ips': (req) => req.ips.join(),
  'req.hostname': (req) => req.hostname,
  'req.path': (req) => req.path,
  'req.query': (req) => req.query['a'],
  'req.originalUrl': (req) => req.originalUrl,
  'req.cookies': (req) => (req.cookies as Record<string, string>)['c'],
  'req.signedCookies': (req) => (req.signedCookies as Record<string, string>)['c'],
  'req.is()': (req) => req.is('json'),
  'req.xhr': (req) => req.xhr,
}

const koaWays: Readonly<Record<string, (ctx: Context) => unknown>> = {
  'ctx.req.headersDistinct': (ctx) => ctx.req.headersDistinct['x-a'],
  'ctx.req.rawHeaders': (ctx) => ctx.req.rawHeaders.join(),
  'ctx.headers': (ctx) => ctx.headers['x-a'],
  'ctx.accepts()': (ctx) => ctx.accepts('html', 'json'),
  'ctx.acceptsLanguages()': (ctx) => ctx.acceptsLanguages('en', 'de'),
  'ctx.accept': (ctx) => ctx.accept.types(['html', 'json']),
  'ctx.ip': (ctx) => ctx.ip,
  'ctx.ips': (ctx) => ctx.ips.join(),
  'ctx.hostname': (ctx) => ctx.hostname,
  'ctx.URL': (ctx) => String(ctx.URL),
  'ctx.query': (ctx) => ctx.query['a'],
  'ctx.path': (ctx) => ctx.path,
  'ctx.cookies': (ctx) => ctx.cookies.get('c'),
  'ctx.is()': (ctx) => ctx.is('json'),
  'ctx.type': (ctx) => ctx.request.type,
  'ctx.charset': (ctx) => ctx.request.charset,
}

const shown = (read: () => unknown): Promise<string> =>
  cacheFragment('part', () => `part ${String(read())}`)

function onExpress(major: 4 | 5, read: (req: Request) => unknown): Promise<Application> {
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  return Application.start((made) => {
    const cache = forExpress({ clock: () => made.now, fragments: { strict: false } })
    const app = express()
    app.use(cache)
    app.use(cookieParser('secret'))
    app.all('/p', (req, res, next) => {
      read(req)
      shown(() => read(req)).then((text) => res.send(text), next)
    })
    return { cache, listener: app }
  })
}

function onKoa(major: 2 | 3, read: (ctx: Context) => unknown): Promise<Application> {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  return Application.start((made) => {
    const cache = forKoa({ clock: () => made.now, fragments: { strict: false } })
    const app = new Koa()
    app.silent = true
    app.use(cache)
    app.use(async (ctx) => {
      read(ctx)
      ctx.body = await shown(() => read(ctx))
    })
    return { cache, listener: app.callback() }
  })
}

const sites = [
  ...([5, 4] as const).flatMap((major) =>
    Object.entries(expressWays).map(([way, read]) => ({
      name: `Express ${major}, ${way}`,
      open: () => onExpress(major, read),
    })),
  ),
  ...([3, 2] as const).flatMap((major) =>
    Object.entries(koaWays).map(([way, read]) => ({
      name: `Koa ${major}, ${way}`,
      open: () => onKoa(major, read),
    })),
  ),
]

describe('what an earlier reader of a request has left for the next', () => {
  it.each(sites)('is a read of the fragment that takes it: $name', async ({ open }) => {
    const app = await open()
    await app.get('/p?a=1', { 'X-A': 'alice', Cookie: 'c=alice', Accept: 'application/json' })
    expect(app.seen('fragment')).toMatchObject([{ stored: false, uncacheable: 'reads' }])
  })
})
