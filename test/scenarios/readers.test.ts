import { createServer, type RequestListener } from 'node:http'
import cookieParser from 'cookie-parser'
import express from 'express'
import session from 'express-session'
import Koa from 'koa'
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import type { WarningEvent } from 'cacheflow'

/** Stacks are looked at so often in a process, and other tests have used that up. */
beforeEach(() => {
  vi.resetModules()
})

async function visit(listener: RequestListener, paths: readonly string[]): Promise<void> {
  const server = createServer(listener).listen(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  for (const path of paths) {
    await fetch(`http://localhost:${port}${path}`, {
      headers: { cookie: 'a=1', connection: 'close' },
    })
  }
}

it('a warning names the file and line that reads, once for all routes', async () => {
  const warnings: WarningEvent[] = []
  const { cacheflow } = await import('cacheflow/express')
  const cache = cacheflow()
  cache.on('warning', (event) => warnings.push(event))
  const app = express()
  app.use(session({ secret: 'secret', resave: false, saveUninitialized: false }), cache)
  app.use((request, _response, next) => {
    void request.session
    next()
  })
  for (const path of ['/a', '/b', '/c'])
    app.get(path, (_request, response) => void response.send('page'))
  await visit(app as RequestListener, ['/a', '/b', '/c'])
  expect(warnings).toHaveLength(1)
  expect(warnings[0]?.message).toMatch(
    /^\/a is not cached \(session-read: req\.session, read by test\/scenarios\/readers\.test\.ts:\d+\)/,
  )
})

it('a page is answered where the working directory of its process is gone', async () => {
  const { cacheflow } = await import('cacheflow/express')
  const app = express()
  app.use(cacheflow(), (request, response) => void response.send(`hello ${request.headers.cookie}`))
  vi.spyOn(process, 'cwd').mockImplementation(() => {
    throw new Error('ENOENT: uv_cwd')
  })
  onTestFinished(() => void vi.restoreAllMocks())
  const server = createServer(app as RequestListener).listen(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const headers = { cookie: 'a=1', connection: 'close' }
  const response = await fetch(`http://localhost:${port}/`, { headers })
  expect([response.status, await response.text()]).toEqual([200, 'hello a=1'])
})

it('a warning names the package that reads', async () => {
  const warnings: WarningEvent[] = []
  const { cacheflow } = await import('cacheflow/express')
  const cache = cacheflow()
  cache.on('warning', (event) => warnings.push(event))
  const app = express()
  app.use(cache, (request, _response, next) => {
    // A parser that is called with an object of the application's own.
    cookieParser()({ headers: request.headers } as never, {} as never, () => next())
  })
  app.get('/', (_request, response) => void response.send('page'))
  await visit(app as RequestListener, ['/'])
  expect(warnings.map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /cookie-read: the whole Cookie header, read by cookie-parser \(node_modules\/cookie-parser\/index\.js:\d+\)/,
    ),
  ])
})

it('a warning in Koa names the application, not the getters of the framework', async () => {
  const warnings: WarningEvent[] = []
  const { cacheflow } = await import('cacheflow/koa')
  const cache = cacheflow()
  cache.on('warning', (event) => warnings.push(event))
  const app = new Koa()
  app.use(cache).use((ctx) => {
    ctx.body = ctx.get('authorization') === '' ? ctx.get('cookie') : 'page'
  })
  await visit(app.callback(), ['/'])
  expect(warnings[0]?.message).toMatch(/read by test\/scenarios\/readers\.test\.ts:\d+/)
})
