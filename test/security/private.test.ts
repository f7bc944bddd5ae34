import cookieParser from 'cookie-parser'
import type { Request } from 'express'
import type { Context } from 'koa'
import { describe, expect, it } from 'vitest'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'
import { Visitor } from '../support/visitor.ts'

const secret = 'a key for tests'

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-14: a page of whom a passport names is his alone, and where it names nobody too', async () => {
      const app = await open({
        before: [
          cookieParser(),
          (request, response, next) => {
            const id = (request.cookies as Record<string, string>)['sid']
            if (id !== undefined) Reflect.set(request, 'user', { name: id })
            Reflect.set(
              request,
              'isAuthenticated',
              () => Reflect.get(request, 'user') !== undefined,
            )
            response.locals['account'] = id
            next()
          },
        ],
        handler: (request, response) => {
          const user = Reflect.get(request, 'user') as { name: string } | undefined
          const isAuthenticated = Reflect.get(request, 'isAuthenticated') as () => boolean
          if (request.path === '/locals') response.send(`${response.locals['account']}`)
          else response.send(isAuthenticated() ? user?.name : 'undefined')
        },
      })
      for (const path of ['/me', '/locals']) {
        for (const sid of ['alice', 'bob', undefined, 'alice', 'bob', undefined]) {
          const headers = sid === undefined ? {} : { Cookie: `sid=${sid}` }
          expect((await app.get(path, headers)).body).toBe(String(sid))
        }
      }
    })

    it('S-17: whole cookies, however they are looked at, are their visitor’s alone', async () => {
      const ways: ((request: Request) => unknown)[] = [
        ({ headers }) => headers.cookie,
        (request) => request.get('cookie'),
        ({ headers: { cookie } }) => cookie,
        ({ headers }) => Object.entries(headers).find(([field]) => field === 'cookie')?.[1],
        ({ headers }) => ({ ...headers }).cookie,
        ({ headers }) => (JSON.parse(JSON.stringify(headers)) as typeof headers).cookie,
        ({ headers }) => Object.getOwnPropertyDescriptor(headers, 'cookie')?.value as unknown,
        ({ headers }) => ('cookie' in headers ? headers.cookie : undefined),
        ({ headers }) =>
          Object.hasOwn(headers, 'cookie') ? Reflect.get(headers, 'cookie') : undefined,
        ({ rawHeaders }) => rawHeaders[rawHeaders.indexOf('Cookie') + 1 || Infinity],
        ({ headersDistinct }) => headersDistinct.cookie?.[0],
        ({ cookies }) => pairs(cookies as object),
        ({ cookies }) => pairs({ ...(cookies as object) }),
        ({ cookies }) => pairs(JSON.parse(JSON.stringify(cookies))),
        ({ cookies }) => {
          const found: string[] = []
          for (const each in cookies as object)
            found.push(`${each}=${(cookies as Record<string, string>)[each]}`)
          return found.join() || undefined
        },
        ({ cookies }) =>
          Object.getOwnPropertyDescriptor(cookies, 'a') === undefined
            ? undefined
            : `a=${(cookies as { a: string }).a}`,
        ({ cookies }) =>
          Object.hasOwn(cookies as object, 'a') ? `a=${(cookies as { a: string }).a}` : undefined,
        ({ cookies }) =>
          'a' in (cookies as object) ? `a=${Object.values(cookies as object).join()}` : undefined,
        ({ cookies: { a } }) => (a === undefined ? undefined : `a=${a}`),
      ]
      const app = await open({
        before: [cookieParser()],
        handler: (request, response) => {
          const way = ways[Number(request.path.slice(1))]
          response.send(String(way?.(request)))
        },
      })
      for (const index of ways.keys()) {
        for (const cookie of ['a=alice', 'a=bob', undefined, 'a=alice', 'a=bob', undefined]) {
          const headers = cookie === undefined ? {} : { Cookie: cookie }
          expect([index, (await app.get(`/${index}`, headers)).body]).toEqual([
            index,
            String(cookie),
          ])
        }
      }
    })

    it('S-17: signed cookies are told apart by value, valid or not', async () => {
      const app = await open({
        before: [cookieParser(secret)],
        handler: (request, response) => {
          if (request.path === '/set')
            response.cookie('role', request.originalUrl.split('=')[1], { signed: true })
          const { role } = request.signedCookies as Record<string, string | false | undefined>
          const { role: plain } = request.cookies as Record<string, string | undefined>
          response.send(`${String(role)} ${String(plain)}`)
        },
      })
      const admin = new Visitor(app)
      await admin.see('/set?as=admin')
      const guest = new Visitor(app)
      await guest.see('/set?as=guest')
      const forger = new Visitor(app)
      forger.cookies.set('role', `${admin.cookies.get('role')?.slice(0, -3)}xyz`)
      const liar = new Visitor(app)
      liar.cookies.set('role', 'admin')
      for (let round = 0; round < 2; round++) {
        expect(await admin.see('/')).toBe('admin undefined')
        expect(await forger.see('/')).toBe('false undefined')
        expect(await liar.see('/')).toBe('undefined admin')
        expect(await guest.see('/')).toBe('guest undefined')
      }
    })

    it('S-38: whoever a middleware behind the cache lets in, it lets in each time', async () => {
      const guards: Record<string, (request: Request) => boolean> = {
        '/token': (request) => request.get('authorization') === 'Bearer good',
        '/key': (request) => request.get('x-api-key') === 'good',
        '/cookie': ({ headers }) => headers.cookie === 'sid=good',
        '/jar': (request) => (request.cookies as { sid?: string }).sid === 'good',
        '/address': ({ ip }) => ip === '9.9.9.9',
        '/forwarded': ({ headers }) => headers['x-forwarded-for'] === '9.9.9.9',
        '/proxy': ({ headers }) => headers['x-remote-user'] === 'good',
        '/host': ({ hostname }) => hostname === 'inside.example',
        '/agent': ({ headers }) => /Mozilla/.test(headers['user-agent'] ?? ''),
      }
      const app = await open({
        settings: { 'trust proxy': true },
        before: [cookieParser()],
        handler: (request, response) => {
          if (guards[request.path]?.(request) === true) response.send('secret')
          else response.status(401).send('no')
        },
      })
      const welcome: Record<string, string> = {
        Authorization: 'Bearer good',
        'X-Api-Key': 'good',
        Cookie: 'sid=good',
        'X-Forwarded-For': '9.9.9.9',
        'X-Remote-User': 'good',
        Host: 'inside.example',
        'User-Agent': 'Mozilla/5.0 (X11)',
      }
      for (const path of Object.keys(guards)) {
        for (const isWelcome of [true, false, true, false]) {
          const answer = await app.get(path, isWelcome ? welcome : {})
          expect([path, answer.body]).toEqual([path, isWelcome ? 'secret' : 'no'])
        }
      }
    })

    it('S-38: nor does it let in by the connection whom it knew on another', async () => {
      const app = await open({
        handler: (request, response) => {
          const ways = [
            request.socket.remotePort,
            request.connection.remotePort,
            response.socket?.remotePort,
            response.connection?.remotePort,
          ]
          response.send(String(ways[Number(request.query['way'])]))
        },
      })
      for (const way of [0, 1, 2, 3]) {
        const ports = [await app.get(`/?way=${way}`), await app.get(`/?way=${way}`)]
        expect(new Set(ports.map(({ body }) => body)).size).toBe(2)
      }
      expect(app.refusals).not.toContain('error')
    })
  })
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    it('S-14: a user in ctx.state, and what is made of him, is his alone', async () => {
      const app = await open({
        before: [
          async (ctx, next) => {
            const sid = ctx.cookies.get('sid')
            if (sid !== undefined) ctx.state['user'] = { name: sid }
            ctx.state['account'] = ctx.get('x-remote-user')
            await next()
          },
        ],
        handler: (ctx) => {
          const user = ctx.state['user'] as { name: string } | undefined
          ctx.body = `${user?.name} ${String(ctx.state['account'])}`
        },
      })
      for (const [sid, remote] of [
        ['alice', ''],
        ['bob', ''],
        [undefined, 'carol'],
        [undefined, ''],
        ['alice', 'carol'],
        ['bob', ''],
      ] as const) {
        const headers: Record<string, string> = { 'X-Remote-User': remote }
        if (sid !== undefined) headers['Cookie'] = `sid=${sid}`
        for (let i = 0; i < 2; i++)
          expect((await app.get('/', headers)).body).toBe(`${sid} ${remote}`)
      }
    })

    it('S-17: cookies, however they are asked for, are told apart', async () => {
      const ways: ((ctx: Context) => unknown)[] = [
        (ctx) => ctx.cookies.get('a'),
        (ctx) => ctx.cookies.get('a', { signed: false }),
        (ctx) => ctx.get('cookie').slice(2) || undefined,
        (ctx) => ctx.headers.cookie?.slice(2),
        (ctx) => ctx.request.header.cookie?.slice(2),
        (ctx) => ctx.req.headers.cookie?.slice(2),
        (ctx) => (JSON.parse(JSON.stringify(ctx.request)) as Context).header.cookie?.slice(2),
        (ctx) => (ctx.toJSON() as { request: Context }).request.header.cookie?.slice(2),
        (ctx) =>
          (
            ctx.inspect() as { request: { header: { cookie?: string } } }
          ).request.header.cookie?.slice(2),
      ]
      const app = await open({
        handler: (ctx) => {
          ctx.body = String(ways[Number(ctx.path.slice(1))]?.(ctx))
        },
      })
      for (const index of ways.keys()) {
        for (const value of ['alice', 'bob', undefined, 'alice', 'bob', undefined]) {
          const headers = value === undefined ? {} : { Cookie: `a=${value}` }
          expect([index, (await app.get(`/${index}`, headers)).body]).toEqual([
            index,
            String(value),
          ])
        }
      }
    })

    it('S-38: whoever comes over the wire is asked for each time', async () => {
      const app = await open({
        handler: (ctx) => {
          const ways = [
            ctx.socket.remotePort,
            ctx.req.socket.remotePort,
            ctx.request.socket.remotePort,
            ctx.res.socket?.remotePort,
          ]
          ctx.body = String(ways[Number(ctx.query['way'])])
        },
      })
      for (const way of [0, 1, 2, 3]) {
        const ports = [await app.get(`/?way=${way}`), await app.get(`/?way=${way}`)]
        expect(new Set(ports.map(({ body }) => body)).size).toBe(2)
      }
    })
  })
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-15: what was made for one Authorization is for nobody else', async () => {
      const app = await open({
        options: { credentials: ['x-api-key'] },
        page: ({ headers }) => ({ body: `${headers.authorization} ${headers['x-api-key']}` }),
      })
      const visitors = [
        { Authorization: 'Bearer A' },
        { Authorization: 'Bearer B' },
        { 'X-Api-Key': 'A' },
        { 'X-Api-Key': 'B' },
        {},
      ]
      for (const headers of [...visitors, ...visitors]) {
        const { Authorization, 'X-Api-Key': key }: Record<string, string> = headers
        expect((await app.get('/', headers)).body).toBe(`${Authorization} ${key}`)
      }
    })

    it('S-15: nor is a page that looks the same to all, unless it says that it may be shared', async () => {
      const app = await open({
        page: ({ url, headers }) => ({
          fields: url === '/public' ? { 'Cache-Control': 'public, max-age=60' } : {},
          body: `with ${headers['x-nothing'] ?? 'nothing'}`,
        }),
      })
      for (const path of ['/', '/public']) {
        await app.get(path, { Authorization: 'Bearer A' })
        await app.get(path)
      }
      expect(app.runs).toBe(3)
    })

    it('S-16: what is private, not to be stored, or for one visitor in part, is not stored', async () => {
      const controls = [
        'private',
        'no-store',
        'PRIVATE',
        'private="x-name"',
        'no-cache="set-cookie"',
        'no-cache',
        'max-age=60, private',
        'public, no-store',
        'private, max-age=60, s-maxage=60',
        'max-age=60,, ,private,',
      ]
      const app = await open({
        page: ({ url, headers }) => ({
          fields: { 'Cache-Control': controls[Number(url?.slice(1))] ?? '' },
          body: `for ${headers['user-agent']}`,
        }),
      })
      for (const index of controls.keys()) {
        for (const visitor of ['alice', 'bob']) {
          // Of one class: the field that the cache itself would not tell apart.
          expect((await app.get(`/${index}`, { 'User-Agent': visitor })).body).toBe(
            `for ${visitor}`,
          )
        }
      }
      expect(app.seen('store')).toEqual([])
    })

    it('S-17: an answer that varies by Cookie or Authorization is not shared by those who send one', async () => {
      const app = await open({
        options: { observe: false },
        page: ({ url, headers }) => ({
          fields: {
            Vary: url === '/c' ? 'Cookie' : 'authorization',
            'Cache-Control': 'public, max-age=60',
          },
          body: `for ${headers.cookie ?? headers.authorization ?? 'nobody'}`,
        }),
      })
      for (const [path, name] of [
        ['/c', 'Cookie'],
        ['/a', 'Authorization'],
      ] as const) {
        for (const value of ['alice', 'bob', undefined, 'alice', 'bob', undefined]) {
          const headers = value === undefined ? {} : { [name]: value }
          expect((await app.get(path, headers)).body).toBe(`for ${value ?? 'nobody'}`)
        }
      }
    })

    it('S-21: a guessed entity tag tells nothing of what another one was given', async () => {
      const app = await open({
        options: { credentials: ['x-api-key'] },
        page: ({ headers }) => ({
          fields: { ETag: `"${headers['x-api-key']}"` },
          body: `for ${headers['x-api-key']}`,
        }),
      })
      await app.get('/', { 'X-Api-Key': 'alice' })
      const guess = { 'If-None-Match': '"alice"' }
      for (const headers of [guess, { ...guess, 'X-Api-Key': 'bob' }]) {
        const answer = await app.get('/', headers)
        expect([answer.status, answer.headers.etag]).not.toContain('"alice"')
        expect(answer.status).toBe(200)
      }
      expect((await app.get('/', { ...guess, 'X-Api-Key': 'alice' })).body).not.toContain('bob')
    })

    it('S-21: nor does one on a page that must be validated: the application decides each time', async () => {
      const app = await open({
        page: ({ headers }) => {
          const user = headers['x-user'] ?? 'nobody'
          return headers['if-none-match'] === `"${String(user)}"`
            ? {
                status: 304,
                fields: { ETag: `"${String(user)}"`, 'Cache-Control': 'no-cache' },
                body: null,
              }
            : {
                fields: { ETag: `"${String(user)}"`, 'Cache-Control': 'no-cache' },
                body: `for ${String(user)}`,
              }
        },
      })
      for (let round = 0; round < 2; round++) {
        for (const user of ['alice', 'bob']) {
          const answer = await app.get('/', { 'X-User': user, 'If-None-Match': '"alice"' })
          expect(answer.status).toBe(user === 'alice' ? 304 : 200)
          if (user === 'bob') expect(answer.body).toBe('for bob')
          expect((await app.get('/', { 'X-User': user })).body).toBe(`for ${user}`)
        }
      }
    })

    it('S-37: whose audience has changed meanwhile is not stored under the old one', async () => {
      const group = new WeakMap<object, string>()
      const app = await open({
        options: { session: (request) => group.get(rawOf(request)) ?? 'guest' },
        before: (request) => {
          const user = request.headers['x-user']
          if (typeof user === 'string') group.set(request, user)
        },
        page: (request) => ({ body: `for ${group.get(request) ?? 'guest'}` }),
      })
      for (const user of ['alice', 'bob', 'alice', 'bob']) {
        expect((await app.get('/', { 'X-User': user })).body).toBe(`for ${user}`)
      }
      expect((await app.get('/')).body).toBe('for guest')
    })

    it('S-38: a connection that proved who it is makes no page for others', async () => {
      const app = await open({
        page: ({ socket }) => ({ body: String(Reflect.get(socket, 'authorized')) }),
      })
      await app.get('/')
      await app.get('/')
      expect(app.refusals).toEqual(['connection-read', 'connection-read'])
    })
  })
}

function rawOf(request: unknown): object {
  const { req } = request as { req?: object }
  return req ?? (request as object)
}

function pairs(cookies: object): string | undefined {
  const list = Object.entries(cookies).map(([each, value]) => `${each}=${String(value)}`)
  return list.length === 0 ? undefined : list.join('; ')
}
