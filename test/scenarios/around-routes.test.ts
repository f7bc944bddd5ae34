import { createServer, request as open } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cacheflow as forExpress } from 'cacheflow/express'
import express5, { type Request, type RequestHandler } from 'express'
import session from 'express-session'
import express4 from 'express4'
import { Application, expressApplication } from '../support/application.ts'

const majors = [
  ['Express 5', express5],
  ['Express 4', express4 as unknown as typeof express5],
] as const

describe.each(majors)('before a route in %s', (_, express) => {
  const site = async (
    mount: (app: ReturnType<typeof express5>, cache: ReturnType<typeof forExpress>) => void,
  ): Promise<Application> =>
    Application.start((made) => {
      const cache = forExpress({ clock: () => made.now })
      const app = express()
      app.set('env', 'test')
      mount(app, cache)
      return { cache, listener: app }
    })

  it('M-41: tags, lifetimes and noStore() of middleware hold, though the route has a key of its own', async () => {
    let made = 0
    const app = await site((express, cache) => {
      express.use(cache)
      express.use((request, response, next) => {
        const { cacheflow } = response.locals
        cacheflow.tag('layout').maxAge('10s')
        if (request.query['q'] === 'preview') cacheflow.noStore('preview')
        next()
      })
      express.get('/s', cache.route({ query: { only: ['q'] } }), (_request, response) => {
        response.send(`page ${++made}`)
      })
    })
    await app.get('/s?q=1')
    expect((await app.get('/s?q=1')).headers['cache-status']).toBe('cacheflow; hit; ttl=10')
    await app.cache.invalidate({ tag: 'layout' })
    expect((await app.get('/s?q=1')).body).toBe('page 2')
    await app.get('/s?q=preview')
    expect((await app.get('/s?q=preview')).body).toBe('page 4')
  })

  const left: Record<string, RequestHandler<{ id: string }>> = {
    'next()': (_request, _response, next) => next(),
    'next(error)': (_request, _response, next) =>
      next(Object.assign(new Error('no post'), { status: 404 })),
  }
  it.each(Object.keys(left))(
    'what has left its route by %s falls with the route and its parameters',
    async (how) => {
      const posts = new Map<string, string>()
      const app = await site((express, cache) => {
        express.use(cache)
        const router = express4.Router() as unknown as ReturnType<typeof express5.Router>
        router.get('/posts/:id', (request, response, next) => {
          const post = posts.get(request.params.id)
          if (post === undefined) left[how]?.(request, response, next)
          else response.send(post)
        })
        express.use('/blog', router)
      })
      expect((await app.get('/blog/posts/7')).status).toBe(404)
      posts.set('7', 'seven')
      const target = { route: '/blog/posts/:id', params: { id: 7 } }
      expect((await app.cache.invalidate(target)).responses).toBe(1)
      expect((await app.get('/blog/posts/7')).body).toBe('seven')
    },
  )

  it('of two routes that match, the response falls with each', async () => {
    const app = await site((express, cache) => {
      express.use(cache)
      express.get('/posts/:id', (_request, _response, next) => next())
      express.get('/posts/:slug', (request, response) => {
        response.send(`slug ${request.params.slug}`)
      })
    })
    for (const target of [
      { route: '/posts/:id', params: { id: 'a' } },
      { route: '/posts/:slug', params: { slug: 'a' } },
    ]) {
      await app.get('/posts/a')
      expect((await app.cache.invalidate(target)).responses).toBe(1)
    }
  })

  it('S-8: a query that middleware has cleaned stays clean when parameters are taken from it', async () => {
    const app = await site((express, cache) => {
      express.use(cache)
      express.set('query parser', 'extended')
      express.use((request, _response, next) => {
        Object.defineProperty(request, 'query', {
          value: { ...request.query, q: 'clean' },
          configurable: true,
          writable: true,
          enumerable: true,
        })
        next()
      })
      express.get('/', cache.route({ query: { ignore: ['utm'] } }), (request, response) => {
        response.json(request.query)
      })
    })
    const { body } = await app.get('/?q[$ne]=1&a=2&utm=3')
    expect(JSON.parse(body)).toEqual({ q: 'clean', a: '2' })
  })

  it('C-7: a session between the cache and a route is saved on hits as on misses', async () => {
    const app = await site((express, cache) => {
      express.use(cache)
      express.use(session({ secret: 'x', resave: false, saveUninitialized: false }) as never)
      express.use((request, _response, next) => {
        const own = Reflect.get(request, 'session') as { role?: string; views?: number }
        if (own.role !== undefined) own.views = (own.views ?? 0) + 1
        next()
      })
      express.get('/login', cache.route(false), (request, response) => {
        Reflect.set(Reflect.get(request, 'session') as object, 'role', 'editor')
        response.send('hello')
      })
      express.get('/views', cache.route(false), (request, response) => {
        response.json(Reflect.get(Reflect.get(request, 'session') as object, 'views'))
      })
      const shared = (request: Request): string | null =>
        (Reflect.get(request, 'session') as { role?: string } | undefined)?.role ?? null
      express.get('/prices', cache.route({ session: shared }), (_request, response) => {
        response.send('prices')
      })
    })
    const { headers } = await app.get('/login')
    const Cookie = String(headers['set-cookie']).split(';', 1)[0] ?? ''
    for (let i = 0; i < 5; i++) {
      const answer = await app.get('/prices', { Cookie })
      expect([answer.status, answer.body]).toEqual([200, 'prices'])
      if (i > 1) expect(answer.headers['cache-status']).toContain('hit')
    }
    expect((await app.get('/views', { Cookie })).body).toBe('6')
  })

  it('S-14: an application that another one calls is not first: what was read outside is known', async () => {
    const cache = forExpress()
    const inner = express()
    inner.use(cache)
    inner.get('/me', (request, response) => {
      response.send(`hello ${String(Reflect.get(request, 'account'))}`)
    })
    const outer = express()
    outer.use((request: Request, _response, next) => {
      Reflect.set(request, 'account', /sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1])
      next()
    })
    outer.use((request, response, next) => inner(request, response, next))
    const server = createServer(outer).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const ask = (sid: string): Promise<string> =>
      new Promise((resolve, reject) => {
        open({ port, path: '/me', headers: { cookie: `sid=${sid}` }, agent: false }, (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => (text += part))
          response.on('end', () => resolve(text))
        })
          .on('error', reject)
          .end()
      })
    for (const sid of ['alice', 'bob', 'alice', 'bob']) expect(await ask(sid)).toBe(`hello ${sid}`)
  })

  it('M-38: a POST that the cache of a route never sees fells its page all the same', async () => {
    let version = 1
    const app = await site((express, cache) => {
      express.post('/early', (_request, response) => {
        version++
        response.send('saved')
      })
      express.get(['/x', '/early'], cache.route({}), (_request, response) => {
        response.send(`v${version}`)
      })
      express.post('/x', (_request, response) => {
        version++
        response.send('saved')
      })
    })
    for (const path of ['/x', '/early']) {
      await app.get(path)
      const before = (await app.get(path)).body
      expect((await app.get(path)).headers['cache-status']).toContain('hit')
      await app.ask(path, { method: 'POST' })
      expect((await app.get(path)).body).not.toBe(before)
    }
  })
})

describe('a class of User-Agents that throws', () => {
  it('C-30: is a fault of the cache, and the page is served', async () => {
    const app = await expressApplication(
      (express, cache) => {
        express.use((_request, _response, next) => next())
        express.use(cache)
        express.get('/', (request, response) => {
          response.send(`page for ${request.get('User-Agent')}`)
        })
      },
      {
        userAgent: (userAgent) => {
          if (userAgent === 'bad') throw new Error('unknown')
          return userAgent
        },
      },
    )
    for (const agent of ['good', 'bad', 'good', 'bad', 'worse']) {
      const { body } = await app.get('/', { 'User-Agent': agent })
      expect(body).toBe(`page for ${agent}`)
    }
    expect(app.seen('error').length).toBeGreaterThan(0)
  })
})
