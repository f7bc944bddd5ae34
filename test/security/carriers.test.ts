import { AsyncLocalStorage } from 'node:async_hooks'
import { createHmac } from 'node:crypto'
import cookieParser from 'cookie-parser'
import type { Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import morgan from 'morgan'
import { describe, expect, it } from 'vitest'
import { expressStages, koaStages } from '../support/stages.ts'

const secret = 'a key for tests'
const users = new AsyncLocalStorage<string>()

/** A store that tells more than the session: who asks is known to all that runs after it. */
class TellingStore extends session.MemoryStore {
  override get(
    sid: string,
    callback: (error: unknown, kept?: session.SessionData | null) => void,
  ): void {
    users.run(sid, () => callback(null, null))
  }
}

class EnteringStore extends session.MemoryStore {
  override get(
    sid: string,
    callback: (error: unknown, kept?: session.SessionData | null) => void,
  ): void {
    users.enterWith(sid)
    super.get(sid, callback)
  }
}

const withStore = (store: session.Store): RequestHandler =>
  session({
    secret,
    store,
    resave: false,
    saveUninitialized: false,
    genid: () => 'new',
  })

/** Runs a middleware on an object that is not the request. */
function elsewhere(middleware: RequestHandler, request: object, response: Response): Parsed {
  middleware(request as Request, response, () => undefined)
  return request as Parsed
}

/** As express-session signs the names of sessions. */
function sign(name: string): string {
  const signature = createHmac('sha256', secret).update(name).digest('base64')
  return `${name}.${signature.replace(/=+$/, '')}`
}

interface Parsed {
  readonly _remoteAddress: string
  readonly cookies: Record<string, string>
  readonly signedCookies: Record<string, string>
}

interface Way {
  readonly before?: readonly RequestHandler[]
  readonly show: (request: Request, response: Response) => string | undefined
}

const ways: Readonly<Record<string, Way>> = {
  'cookie-parser on an object of the handler’s own': {
    show: ({ headers }, response) => elsewhere(cookieParser(), { headers }, response).cookies['a'],
  },
  'the same, and before the one that is mounted': {
    before: [
      ({ headers }, response, next) => {
        response.locals['a'] = elsewhere(cookieParser(), { headers }, response).cookies['a']
        next()
      },
      cookieParser(),
    ],
    show: (_request, response) => response.locals['a'] as string | undefined,
  },
  'the same, and after it': {
    before: [cookieParser(secret)],
    show: ({ headers }, response) => elsewhere(cookieParser(), { headers }, response).cookies['a'],
  },
  'an heir of the request': {
    show: (request, response) =>
      elsewhere(cookieParser(), Object.create(request) as object, response).cookies['a'],
  },
  'signedCookies() of the jar': {
    before: [cookieParser()],
    show: ({ cookies }) => {
      const signed = cookieParser.signedCookies(cookies as Record<string, string>, secret)
      return signed['signed'] === undefined ? undefined : 'forged'
    },
  },
  'JSONCookies() of the jar': {
    before: [cookieParser(secret)],
    show: ({ cookies }) =>
      Reflect.get(cookieParser.JSONCookies(cookies as Parsed['cookies']), 'a') as
        | string
        | undefined,
  },
  'express-session on an object of the handler’s own': {
    show: ({ headers }, response) => {
      const own = { headers, url: '/', originalUrl: '/', secret, connection: {} }
      elsewhere(withStore(new TellingStore()), own, response)
      return Reflect.get(own, 'sessionID') as string | undefined
    },
  },
}

function visitorOf(value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { Cookie: `a=${value}; signed=s%3Ax.y` }
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    for (const [title, { before = [], show }] of Object.entries(ways)) {
      it(`S-17: cookies that are carried elsewhere are not excused: ${title}`, async () => {
        const app = await open({
          before,
          handler: (request, response) => {
            response.send(show(request, response) ?? 'nobody')
          },
        })
        const seen: string[] = []
        for (const value of ['alice', 'bob', undefined, 'alice', 'bob', undefined]) {
          seen.push((await app.get('/', visitorOf(value))).body)
        }
        const isSigned = title.startsWith('signed')
        const expected = isSigned ? ['forged', 'forged', 'nobody'] : ['alice', 'bob', 'nobody']
        if (title.startsWith('express-session')) expect(app.runs).toBeGreaterThan(3)
        else expect(seen).toEqual([...expected, ...expected])
      })
    }

    for (const [title, Store] of Object.entries({ TellingStore, EnteringStore })) {
      it(`S-14: what a store of the application’s own has told is nobody else’s: ${title}`, async () => {
        const signed = new Map<string, string>()
        const app = await open({
          before: [withStore(new Store())],
          handler: (_request, response) => {
            response.send(users.getStore() ?? 'nobody')
          },
        })
        for (const name of ['alice', 'bob']) {
          signed.set(name, encodeURIComponent(`s:${sign(name)}`))
        }
        for (const name of ['alice', 'bob', undefined, 'alice', 'bob', undefined]) {
          const headers =
            name === undefined ? {} : { Cookie: `connect.sid=${signed.get(name) ?? ''}` }
          expect((await app.get('/', headers)).body).toBe(name ?? 'nobody')
        }
      })
    }

    it('pages that show nothing of a session in the memory store are shared', async () => {
      const app = await open({
        before: [
          cookieParser(secret),
          session({ secret, resave: false, saveUninitialized: false }),
        ],
        handler: (_request, response) => void response.send('x'),
      })
      await app.get('/', { Cookie: 'connect.sid=alice; theme=dark' })
      await app.get('/', { Cookie: 'connect.sid=bob' })
      await app.get('/')
      expect([app.runs, app.refusals]).toEqual([1, []])
    })

    it('S-38: the address that a logger keeps is a variant where it is shown', async () => {
      const ignored = { write: () => undefined }
      const looks: ((request: Request, response: Response) => unknown)[] = [
        (request) => Reflect.get(request, '_remoteAddress') as unknown,
        (request) =>
          Object.entries(request).find(([name]) => name === '_remoteAddress')?.[1] as unknown,
        (request) => remoteAddress(request),
        ({ socket }, response) =>
          elsewhere(
            morgan('tiny', { stream: ignored }) as RequestHandler,
            { socket, connection: socket },
            response,
          )._remoteAddress,
      ]
      const app = await open({
        before: [morgan('tiny', { stream: ignored })],
        handler: (request, response) => {
          const look = looks[Number(request.path.slice(1))]
          response.send(String(look?.(request, response)))
        },
      })
      for (const index of looks.keys()) {
        await app.get(`/${index}`)
        expect([index, app.seen('store').at(-1)?.vary]).toEqual([index, ['x-forwarded-for']])
      }
      await app.get('/4')
      expect(app.seen('store').at(-1)?.vary).toEqual([])
    })

    it('S-28: thousands of cookies cost a few captured stacks, and not one for each', async () => {
      const { captureStackTrace } = Error
      let captured = 0
      Error.captureStackTrace = (...given) => {
        captured++
        captureStackTrace(...given)
      }
      try {
        const app = await open({
          before: [cookieParser(secret)],
          handler: ({ cookies }, response) => {
            response.send(String(Object.entries(cookies as object).length))
          },
        })
        const Cookie = Array.from({ length: 1_500 }, (_, index) => `c${index}=1`).join('; ')
        captured = 0
        expect((await app.get('/', { Cookie })).body).toBe('1500')
        expect(captured).toBeLessThan(30)
      } finally {
        Error.captureStackTrace = captureStackTrace
      }
    })
  })
}

function remoteAddress(request: Request): unknown {
  const look = Reflect.get(morgan, 'remote-addr') as (request: Request) => unknown
  return look(request)
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    interface Store {
      get(key: string, age: unknown, given: { ctx: Context }): unknown
    }
    const telling: Store = {
      get: (key, _age, { ctx }) => {
        ctx.state['account'] = key
        return {}
      },
    }
    const rest = { set: () => undefined, destroy: () => undefined }
    class ContextStore {
      readonly ctx: Context
      constructor(ctx: Context) {
        this.ctx = ctx
      }
      get(key: string): object {
        this.ctx.state['account'] = key
        return {}
      }
      set(): void {}
      destroy(): void {}
    }
    for (const [title, options] of Object.entries({
      'a store that is given the context': { store: { ...telling, ...rest } },
      'a class of stores': { ContextStore },
    })) {
      it(`S-14: what a store of the application’s own puts on the context is one visitor’s: ${title}`, async () => {
        let install: Middleware | undefined
        const app = await open({
          before: [
            (ctx, next) => {
              install ??= koaSession({ signed: false, ...options } as object, ctx.app)
              return install(ctx, next) as unknown
            },
          ],
          handler: (ctx) => {
            ctx.body = String(ctx.state['account'] ?? 'nobody')
          },
        })
        for (const name of ['alice', 'bob', undefined, 'alice', 'bob', undefined]) {
          const headers = name === undefined ? {} : { Cookie: `koa.sess=${name}` }
          expect((await app.get('/', headers)).body).toBe(name ?? 'nobody')
        }
      })
    }
  })
}
