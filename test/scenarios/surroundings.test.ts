import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { CacheHandle, CacheflowOptions } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { Application } from '../support/application.ts'

/** An application with one page, which shows what stands around it gave the request. */
interface Inner {
  readonly cache: CacheHandle
  readonly listener: RequestListener
}

type Build = (self: Application, isWrapped: boolean) => Inner

const options: CacheflowOptions<unknown> = { maxAge: '1m', staleWhileRevalidate: '1h' }

function page(self: Application, request: IncomingMessage): string {
  return `${++self.runs} for ${String(Reflect.get(request, 'tenant'))}`
}

function inExpress(express: typeof express5): Build {
  return (self, isWrapped) => {
    const cache = forExpress({ clock: () => self.now, ...options })
    const app = express()
    if (!isWrapped) app.use(cache)
    app.get('/', (request, response) => void response.send(page(self, request)))
    return { cache, listener: isWrapped ? cache.wrap(app) : app }
  }
}

function inKoa(Koa: typeof Koa3): Build {
  return (self, isWrapped) => {
    const cache = forKoa({ clock: () => self.now, ...options })
    const app = new Koa()
    if (!isWrapped) app.use(cache)
    app.use((ctx) => {
      ctx.body = page(self, ctx.req)
    })
    return { cache, listener: isWrapped ? cache.wrap(app) : app.callback() }
  }
}

const frameworks: Readonly<Record<string, Build>> = {
  'Express 5': inExpress(express5),
  'Express 4': inExpress(express4 as unknown as typeof express5),
  'Koa 3': inKoa(Koa3),
  'Koa 2': inKoa(Koa2 as unknown as typeof Koa3),
}
const places = Object.entries(frameworks).flatMap(([name, build]) => [
  { name, build, isWrapped: false },
  { name: `${name}, around it`, build, isWrapped: true },
])

type Around = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

describe.each(places)('what stands around an application ($name)', ({ name, build, isWrapped }) => {
  const opened = (around: Around): Promise<Application> =>
    Application.start((self) => {
      const { cache, listener } = build(self, isWrapped)
      return {
        cache,
        listener: (request, response) =>
          around(request, response, () => listener(request, response)),
      }
    })

  it('gives a refresh in the background what it gives a visitor', async () => {
    const app = await opened((request, _response, next) => {
      Reflect.set(request, 'tenant', 'shop')
      next()
    })
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).body).toBe('1 for shop')
    await app.happened('refresh')
    expect((await app.get('/')).body).toBe('2 for shop')
  })

  it('restricts a refresh in the background as it restricts a visitor', async () => {
    let isRestricted = false
    const app = await opened((_request, response, next) => {
      if (isRestricted) response.setHeader('Cache-Control', 'private')
      next()
    })
    await app.get('/')
    isRestricted = true
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect(app.refusals).toEqual(['private'])
    expect(app.cache.stats().entries).toBe(0)
  })

  it('leaves to visitors what it refuses to a refresh', async () => {
    const app = await opened((request, response, next) => {
      if (request.headers.authorization === undefined) {
        response.statusCode = 401
        response.end()
        return
      }
      delete request.headers.authorization
      next()
    })
    const read = async (): Promise<string> =>
      (await app.get('/', { Authorization: 'Basic YTpi' })).body
    expect(await read()).toBe('1 for undefined')
    app.advance(61)
    expect(await read()).toBe('1 for undefined')
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([{ outcome: 'kept' }])
    expect(await read()).toBe('2 for undefined')
  })

  it('as a listener of its own at the server, sees a refresh too', async () => {
    const app = await opened((_request, _response, next) => next())
    app.server.prependListener('request', (request: IncomingMessage) => {
      Reflect.set(request, 'tenant', 'first')
    })
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect((await app.get('/')).body).toBe('2 for first')
  })

  // Behind another Express, a cache around this one stores nothing: what was read before is unknown.
  const isBlind = isWrapped && name.startsWith('Express')
  it.skipIf(isBlind)('as another application that calls this one, sees a refresh too', async () => {
    const app = await Application.start((self) => {
      const { cache, listener } = build(self, isWrapped)
      const outer = express5()
      outer.use((request, response) => {
        Reflect.set(request, 'tenant', request.hostname)
        listener(request, response)
      })
      return { cache, listener: outer }
    })
    const read = async (): Promise<string> => (await app.get('/', { Host: 'shop.example' })).body
    await read()
    if (app.cache.stats().entries === 0) await read()
    const { runs } = app
    app.advance(61)
    await read()
    await app.happened('refresh')
    expect(await read()).toBe(`${runs + 1} for shop.example`)
  })

  it('is not passed by where no server is known: the next visitor has the page made', async () => {
    const app = await Application.start((self) => {
      const { cache, listener } = build(self, isWrapped)
      return {
        cache,
        listener: (request, response) => {
          Reflect.set(request.socket, 'server', undefined)
          listener(request, response)
        },
      }
    })
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).body).toBe('2 for undefined')
    expect(app.seen('refresh')).toEqual([])
  })
})
