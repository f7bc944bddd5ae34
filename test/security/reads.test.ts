import type { IncomingMessage } from 'node:http'
import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'
import { type WireResponse, send } from '../support/wire.ts'

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-14: what excuses one private read excuses none that follows', async () => {
      const app = await open({
        options: { vary: ['cookie:theme'] },
        page: (request) => {
          const { url, headers } = request
          const first = url === '/cookie' ? headers.cookie : headers.authorization
          const { rawHeaders } = request
          if (url === '/cookie') {
            return { body: `${first} ${rawHeaders[rawHeaders.indexOf('X-User') + 1]}` }
          }
          return {
            fields: { 'Cache-Control': 'public, max-age=60' },
            body: `${first} ${request.socket.remotePort}`,
          }
        },
      })
      for (const [path, excused] of [
        ['/cookie', { Cookie: 'theme=dark' }],
        ['/credentials', { Authorization: 'Bearer A' }],
      ] as const) {
        const seen = new Set<string>()
        for (const user of ['alice', 'bob']) {
          seen.add((await app.get(path, { ...excused, 'X-User': user })).body)
        }
        expect(seen.size).toBe(2)
      }
      expect(new Set(app.refusals)).toEqual(new Set(['headers-read', 'connection-read']))
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-14: nor the user, where the page may be shared by leave of public', async () => {
      const app = await open({
        before: [
          (request, _response, next) => {
            Reflect.set(request, 'user', request.get('authorization'))
            next()
          },
        ],
        handler: (request, response) => {
          response.set('Cache-Control', 'public, max-age=60')
          response.send(`for ${String(Reflect.get(request, 'user'))}`)
        },
      })
      for (const user of ['alice', 'bob']) {
        expect((await app.get('/', { Authorization: user })).body).toBe(`for ${user}`)
      }
    })
  })
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-1: a page that was made by the version of HTTP is for clients of that version', async () => {
      const ways: ((request: IncomingMessage) => unknown)[] = [
        ({ httpVersion }) => httpVersion === '1.0',
        ({ httpVersionMinor }) => httpVersionMinor === 0,
        (request) => Number(Reflect.get(request, 'httpVersion')) === request.httpVersionMajor,
      ]
      const app = await open({
        page: (request) => ({ body: String(ways[Number(request.url?.slice(1))]?.(request)) }),
      })
      for (const index of ways.keys()) {
        for (const version of ['1.0', '1.1', '1.0', '1.1'] as const) {
          const { text } = await send(app.port, { path: `/${index}`, version })
          expect([version, text]).toEqual([version, String(version === '1.0')])
        }
      }
      expect(app.runs).toBe(2 * ways.length)
    })

    it('S-1: nor is it renewed by another version', async () => {
      const app = await open({
        options: { maxAge: '1m', staleWhileRevalidate: '1h' },
        page: ({ httpVersion }) => ({ body: `HTTP/${httpVersion}` }),
      })
      const ask = (): Promise<WireResponse> => send(app.port, { version: '1.0' })
      await ask()
      app.advance(61)
      await ask()
      await app.happened('refresh')
      const { text, lines } = await ask()
      expect([text, app.runs]).toEqual(['HTTP/1.0', 2])
      expect(Object.fromEntries(lines)['Cache-Status']).toContain('hit')
    })

    it('that Node and the framework frame by the version makes no variants', async () => {
      const app = await open({
        page: () => ({ status: 404, fields: { 'Cache-Control': 'max-age=60' }, body: 'x' }),
      })
      for (const version of ['1.0', '1.1'] as const) await send(app.port, { version })
      expect(app.seen('store').map(({ vary }) => vary)).toEqual([[]])
      expect(app.runs).toBe(1)
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-14: what an application tells of all its requests by app.request is told, and noted', async () => {
      const app = await open({
        before: [
          (request, _response, next) => {
            shareProperties(Reflect.get(request.app, 'request') as object)
            next()
          },
        ],
        handler: (request, response) => {
          if (request.path === '/set') Reflect.set(request, 'user', 'carol')
          const jar = request.cookies as Record<string, string>
          const seen: unknown = request.path === '/jar' ? jar['a'] : Reflect.get(request, 'user')
          response.send(`for ${String(seen)}`)
        },
      })
      for (const path of ['/user', '/jar']) {
        for (const user of ['alice', 'bob']) {
          expect((await app.get(path, { 'X-User': user })).body).toBe(`for ${user}`)
        }
      }
      expect((await app.get('/set')).body).toBe('for carol set')
      expect(new Set(app.refusals)).toEqual(new Set(['user-read']))
    })
  })
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    it('S-1: what key() asked first and Koa remembers is noted when the page asks again', async () => {
      const app = await open({
        setUp: (koa) => {
          koa.proxy = true
          koa.proxyIpHeader = 'X-Real-IP'
        },
        options: { key: (ctx) => `${ctx.path} ${ctx.ip.length} ${String(ctx.accepts('text'))}` },
        handler: (ctx) => {
          ctx.body = ctx.path === '/ip' ? ctx.ip : String(ctx.accepts('json', 'text'))
        },
      })
      for (const ip of ['1.1.1.1', '2.2.2.2', '1.1.1.1']) {
        expect((await app.get('/ip', { 'X-Real-IP': ip })).body).toBe(ip)
      }
      expect((await app.get('/', { 'X-Real-IP': '1' })).body).toBe('json')
      for (const type of ['text', 'json']) {
        const Accept = type === 'json' ? 'application/json, text/plain;q=0.5' : 'text/plain'
        expect((await app.get('/', { Accept, 'X-Real-IP': '1' })).body).toBe(type)
      }
    })

    it('an address that middleware has set is told as it was set', async () => {
      const app = await open({
        before: [
          (ctx, next) => {
            ctx.request.ip = '9.9.9.9'
            return next()
          },
        ],
        handler: (ctx) => {
          ctx.body = ctx.ip
        },
      })
      for (let i = 0; i < 2; i++) expect((await app.get('/')).body).toBe('9.9.9.9')
    })
  })
}

/** Properties for all requests of an application, as plugins define them: by the request's own headers, and settable. */
function shareProperties(request: object): void {
  const set = new WeakMap<object, string>()
  Object.defineProperties(request, {
    user: {
      configurable: true,
      get(this: Request) {
        return set.get(this) ?? this.get('x-user')
      },
      set(this: Request, name: string) {
        set.set(this, `${name} set`)
      },
    },
    cookies: {
      configurable: true,
      get(this: Request) {
        return { a: this.get('x-user') }
      },
    },
  })
}
