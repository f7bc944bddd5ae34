import { createServer, type RequestListener } from 'node:http'
import express4 from 'express4'
import express5 from 'express'
import session from 'express-session'
import Koa2 from 'koa2'
import Koa3 from 'koa'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CacheflowOptions } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'

interface Page {
  readonly cookies: readonly string[]
  readonly body: string
}
type Shown = (visit: number) => Page

interface Answer {
  readonly status: string
  readonly cookies: readonly string[]
  readonly control: string | null
  readonly body: string
}

async function visit(listener: RequestListener, times: number): Promise<Answer[]> {
  const server = createServer(listener).listen(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  // Behind other middleware of Koa nothing is observed before the first request.
  await get(`http://localhost:${port}/first`)
  const answers: Answer[] = []
  for (let i = 0; i < times; i++) {
    const { headers, ...response } = await get(`http://localhost:${port}/`)
    answers.push({
      status: headers.get('cache-status') ?? '',
      cookies: headers.getSetCookie(),
      control: headers.get('cache-control'),
      body: response.body,
    })
  }
  return answers
}

async function get(url: string): Promise<{ headers: Headers; body: string }> {
  const response = await fetch(url, { headers: { connection: 'close' } })
  return { headers: response.headers, body: await response.text() }
}

function expressSite(
  express: typeof express5,
  options: CacheflowOptions<unknown>,
  page: Shown,
): RequestListener {
  let visits = 0
  const app = express()
  app.use(forExpress(options))
  app.get('/', (_request, response) => {
    const { cookies, body } = page(++visits)
    for (const cookie of cookies) response.append('Set-Cookie', cookie)
    response.send(body)
  })
  return app as RequestListener
}

function koaSite(
  Koa: typeof Koa3,
  isBehind: boolean,
  options: CacheflowOptions<unknown>,
  page: Shown,
): RequestListener {
  let visits = 0
  const app = new Koa()
  if (isBehind) app.use((_ctx, next) => next())
  app.use(forKoa(options))
  app.use((ctx) => {
    if (ctx.path !== '/') return
    const { cookies, body } = page(++visits)
    ctx.set('Set-Cookie', [...cookies])
    ctx.type = 'html'
    ctx.body = body
  })
  return app.callback()
}

const sites: [string, (options: CacheflowOptions<unknown>, page: Shown) => RequestListener][] = [
  [
    'Express 4',
    (options, page) => expressSite(express4 as unknown as typeof express5, options, page),
  ],
  ['Express 5', (options, page) => expressSite(express5, options, page)],
  ['Koa 2', (options, page) => koaSite(Koa2 as unknown as typeof Koa3, false, options, page)],
  ['Koa 3', (options, page) => koaSite(Koa3, false, options, page)],
  ['Koa 3, behind', (options, page) => koaSite(Koa3, true, options, page)],
]

const ignoring = { ignoreSetCookie: ['seen', '_csrf'] } as const

describe.each(sites)('a cookie that is not part of the page (%s)', (_name, siteOf) => {
  it('goes to the visitor whose request rendered the page, and to nobody else', async () => {
    const site = siteOf(ignoring, (n) => ({
      cookies: [`seen=visitor-${n}-abcdefgh`],
      body: 'page',
    }))
    const [first, second] = await visit(site, 2)
    expect(first?.cookies).toEqual(['seen=visitor-1-abcdefgh'])
    expect(first?.control).toBe('private, no-cache')
    expect(second?.status).toContain('hit')
    expect(second).toMatchObject({ cookies: [], body: 'page' })
  })

  it('keeps the page from the store where the page shows its value, coded or in part', async () => {
    const secret = 'k3yOfOneVisitor'
    for (const [value, body] of [
      [secret, `<p>${secret}</p>`],
      [`s%3A${secret}.signature`, `<p>${secret}</p>`],
      [Buffer.from(JSON.stringify({ csrf: secret })).toString('base64'), `<p>${secret}</p>`],
    ] as const) {
      const site = siteOf(ignoring, () => ({ cookies: [`seen=${value}; Path=/`], body }))
      const [, second] = await visit(site, 2)
      expect([value, second?.status]).toEqual([value, expect.not.stringContaining('hit')])
    }
  })

  it('keeps the page from the store where the page shows a short value by itself', async () => {
    for (const value of ['u58', '7', 'a-b']) {
      const site = siteOf(ignoring, () => ({
        cookies: [`seen=${value}`],
        body: `<p>hello ${value}</p>`,
      }))
      const [, second] = await visit(site, 2)
      expect([value, second?.status]).toEqual([value, expect.not.stringContaining('hit')])
    }
    const site = siteOf(ignoring, () => ({ cookies: ['seen=7'], body: '<p>1971</p>' }))
    expect((await visit(site, 2))[1]?.status).toContain('hit')
  })

  it('excuses no other cookie', async () => {
    const site = siteOf(ignoring, () => ({ cookies: ['seen=1', 'login=alice'], body: 'page' }))
    const [first, second] = await visit(site, 2)
    expect(first?.cookies).toEqual(['seen=1', 'login=alice'])
    expect(second).toMatchObject({ cookies: ['seen=1', 'login=alice'] })
    expect(second?.status).not.toContain('hit')
  })

  it('is one only where the options say so', async () => {
    const site = siteOf({}, () => ({ cookies: ['seen=1'], body: 'page' }))
    const [, second] = await visit(site, 2)
    expect(second?.status).not.toContain('hit')
  })
})

describe('express-session before the cache, with saveUninitialized', () => {
  const siteOf = (show: (request: express5.Request) => string): RequestListener => {
    const app = express5()
    app.use(session({ secret: 'secret', resave: false, saveUninitialized: true }))
    app.use(forExpress({ ignoreSetCookie: ['connect.sid'] }))
    app.get('/', (request, response) => void response.send(show(request)))
    return app as RequestListener
  }

  it('gives each visitor a session of their own, on hits too', async () => {
    const answers = await visit(
      siteOf(() => 'page'),
      3,
    )
    expect(answers.map(({ status }) => status.includes('hit'))).toEqual([false, true, true])
    const sessions = new Set(answers.flatMap(({ cookies }) => cookies))
    expect(sessions.size).toBe(3)
  })

  it('keeps what reads the session from the store', async () => {
    const answers = await visit(
      siteOf((request) => `session ${request.sessionID}`),
      2,
    )
    expect(answers[0]?.body).not.toBe(answers[1]?.body)
  })
})
