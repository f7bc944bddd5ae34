import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { bodyParser } from '@koa/bodyparser'
import compression from 'compression'
import cookieParser from 'cookie-parser'
import cookieSession from 'cookie-session'
import express, { type RequestHandler } from 'express'
import expressSession from 'express-session'
import helmet from 'helmet'
import type Koa from 'koa'
import type { Middleware } from 'koa'
import compress from 'koa-compress'
import conditional from 'koa-conditional-get'
import etag from 'koa-etag'
import koaSession from 'koa-session'
import methodOverride from 'method-override'
import morgan from 'morgan'
import onHeaders from 'on-headers'
import responseTime from 'response-time'
import { secret } from './ways.ts'

/** What of `res.locals` or `ctx.state` is listed: engines copy these for templates, so that the functions for them have to be. */
function listed(local: object): string {
  const names = Object.keys(local).filter((name) => !/^cacheFragments?$/.test(name))
  return names.join(' ') || 'none'
}

const sink = new Writable({ write: (_chunk, _coding, done) => done() })
const own = fileURLToPath(new URL('.', import.meta.url))
const file = fileURLToPath(new URL('explore.ts', import.meta.url))

/** Middleware as applications use it, each made anew for each application. */
export const expressLayers: Readonly<Record<string, () => RequestHandler>> = {
  helmet: () => helmet(),
  morgan: () => morgan('combined', { stream: sink }),
  compression: () => compression({ threshold: 0 }),
  'compression of large ones': () => compression(),
  'cookie-parser': () => cookieParser(secret),
  'express-session': () => expressSession({ secret, resave: false, saveUninitialized: false }),
  'cookie-session': () => cookieSession({ name: 'session', keys: [secret] }),
  'method-override': () => methodOverride('X-HTTP-Method-Override'),
  'response-time': () => responseTime(),
  'on-headers': () => (_request, response, next) => {
    onHeaders(response, () => response.setHeader('X-Late', String(response.statusCode)))
    next()
  },
  'express.json': () => express.json(),
  'express.urlencoded': () => express.urlencoded(),
  'express.static': () => express.static(own),
  'request id': () => (request, response, next) => {
    response.set('X-Request-Id', request.get('x-request-id') ?? 'none')
    next()
  },
  cors: () => (request, response, next) => {
    response.vary('Origin').set('Access-Control-Allow-Origin', request.get('origin') ?? '*')
    next()
  },
  'lists locals': () => (_request, response, next) => {
    onHeaders(response, () => {
      response.setHeader('X-Locals', listed(response.locals))
    })
    next()
  },
  'looks for a session': () => (request, response, next) => {
    response.set('X-Has', ['session', 'user', 'cookies'].filter((name) => name in request).join())
    next()
  },
}

/** How an application answers in the end. */
export const expressAnswers: Readonly<Record<string, RequestHandler>> = {
  text: (_request, response) => void response.send('a text that is long enough to cut'),
  html: (_request, response) =>
    void response.send(`<!doctype html><p>${'a page of some length '.repeat(100)}</p>`),
  json: (_request, response) => void response.json({ a: 1, date: new Date(0), list: [null, 'ä'] }),
  'json of a date': (_request, response) => void response.json(new Date(0)),
  stream: (_request, response) => {
    response.type('html')
    Readable.from(['a stream ', 'in ', 'three pieces']).pipe(response)
  },
  written: (_request, response) => {
    response.write('first ')
    response.end('and last')
  },
  'written bytes': (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' })
    response.write(new Uint8Array([1, 2, 3, 250]))
    response.end(Buffer.from([5, 6]))
  },
  'with a tag': (_request, response) =>
    void response.set('ETag', '"v1"').set('Last-Modified', day).send('a text with validators'),
  'sent file': (_request, response) => response.sendFile(file),
  'no ranges': (_request, response) => response.sendFile(file, { acceptRanges: false }),
  moved: (_request, response) => response.redirect('/elsewhere'),
  'moved for good': (_request, response) => response.redirect(301, '/elsewhere'),
  empty: (_request, response) => void response.status(204).end(),
  'not here': (_request, _response, next) => next(),
  'not found': (_request, response) => void response.status(404).send('no such thing'),
  throws: () => {
    throw Object.assign(new Error('broken'), { expose: true, stack: 'broken' })
  },
  teapot: (_request, response) => void response.sendStatus(418),
  'by type': (_request, response) =>
    void response.format({
      html: () => response.send('<p>by type</p>'),
      json: () => response.json({ by: 'type' }),
    }),
  'a header that is a URL': (_request, response) =>
    void response.setHeader('X-Url', new URL('http://x.example/y') as never).send('with a URL'),
}

const day = 'Tue, 01 Jul 2025 10:00:00 GMT'

export const koaLayers: Readonly<Record<string, (app: Koa) => Middleware>> = {
  'koa-compress': () => compress({ threshold: 0 }) as Middleware,
  'koa-etag': () => etag(),
  'koa-conditional-get': () => conditional(),
  'koa-session': (app) => koaSession({ signed: false }, app),
  bodyparser: () => bodyParser(),
  'response time': () => async (ctx, next) => {
    await next()
    ctx.set('X-Response-Time', '1ms')
  },
  'a page for 404': () => async (ctx, next) => {
    await next()
    if (
      ctx.status === 404 &&
      ctx.response.get('x-404') === '' &&
      (ctx.body ?? undefined) === undefined
    ) {
      ctx.set('X-404', '1')
      ctx.body = 'a page of its own for what is not there'
      ctx.status = 404
    }
  },
  'a page for errors': () => async (ctx, next) => {
    try {
      await next()
    } catch {
      ctx.status = 500
      ctx.body = 'a page of its own for errors'
    }
  },
  'wraps the body': () => async (ctx, next) => {
    await next()
    ctx.set('X-Body', ctx.body === undefined ? 'none' : typeof ctx.body)
  },
  'request id': () => (ctx, next) => {
    ctx.set('X-Request-Id', ctx.get('x-request-id') || 'none')
    return next()
  },
  cors: () => (ctx, next) => {
    ctx.vary('Origin')
    ctx.set('Access-Control-Allow-Origin', ctx.get('origin') || '*')
    return next()
  },
  'lists state': () => async (ctx, next) => {
    await next()
    ctx.set('X-State', listed(ctx.state))
  },
  'looks for a session': () => (ctx, next) => {
    ctx.set('X-Has', ['session', 'user'].filter((name) => name in ctx.req).join())
    return next()
  },
  'rewrites the path': () => async (ctx, next) => {
    const { path } = ctx
    ctx.path = `/mounted${path}`
    await next()
    ctx.path = path
  },
}

export const koaAnswers: Readonly<Record<string, Middleware>> = {
  text: (ctx) => void (ctx.body = 'a text that is long enough to cut'),
  html: (ctx) => void (ctx.body = `<p>${'a page of some length '.repeat(100)}</p>`),
  json: (ctx) => void (ctx.body = { a: 1, date: new Date(0), list: [null, 'ä'] }),
  'json of a date': (ctx) => void (ctx.body = new Date(0)),
  'json of a URL': (ctx) => void (ctx.body = new URL('http://x.example/y')),
  bytes: (ctx) => void (ctx.body = Buffer.from([1, 2, 3, 250])),
  stream: (ctx) => {
    ctx.type = 'html'
    ctx.body = Readable.from(['a stream ', 'in ', 'three pieces'])
  },
  'with a tag': (ctx) => {
    ctx.set({ ETag: '"v1"', 'Last-Modified': day })
    ctx.body = 'a text with validators'
  },
  moved: (ctx) => ctx.redirect('/elsewhere'),
  empty: (ctx) => void (ctx.status = 204),
  null: (ctx) => void (ctx.body = null),
  'an empty text': (ctx) => void (ctx.body = ''),
  'not here': () => undefined,
  'not found': (ctx) => {
    ctx.status = 404
    ctx.body = 'no such thing'
  },
  'not found, no text': (ctx) => void (ctx.status = 404),
  throws: (ctx) => ctx.throw(500, 'broken'),
  'a status alone': (ctx) => void (ctx.status = 418),
  raw: (ctx) => {
    ctx.respond = false
    ctx.res.statusCode = 200
    ctx.res.write('by the raw ')
    ctx.res.end('response')
  },
  'by type': (ctx) =>
    void (ctx.body = ctx.accepts('html', 'json') === 'json' ? { by: 'type' } : '<p>by type</p>'),
}
