import cookieParser from 'cookie-parser'
import cookieSession from 'cookie-session'
import type { Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { describe, expect, it } from 'vitest'
import { expressStages, koaStages } from '../support/stages.ts'
import { Visitor } from '../support/visitor.ts'

interface Kept {
  user?: string
  seen?: number
}
const keptOf = (request: Request): Kept | null => Reflect.get(request, 'session') as Kept | null

/** Pages that show a visitor to himself, in all the ways an application has to know him. */
function account(request: Request, response: Response): void {
  const kept = keptOf(request)
  const { path } = request
  if (path === '/login' && kept) kept.user = request.originalUrl.split('=')[1] ?? ''
  if (path === '/logout') Reflect.set(request, 'session', null)
  const pages: Record<string, () => unknown> = {
    '/login': () => 'welcome',
    '/logout': () => 'bye',
    '/me': () => keptOf(request)?.user ?? 'nobody',
    '/in': () => ('user' in (keptOf(request) ?? {}) ? keptOf(request)?.user : 'nobody'),
    '/json': () => (JSON.parse(JSON.stringify(keptOf(request) ?? {})) as Kept).user ?? 'nobody',
    '/later': () => keptOf(request)?.user ?? 'nobody',
    '/asset.css': () => keptOf(request)?.user ?? 'nobody',
    '/public': () => 'everybody',
  }
  const show = (): void => void response.send(String(pages[path]?.()))
  // Read in another turn of the loop, when the middleware is long done.
  if (path === '/later') setImmediate(show)
  else show()
}

const logout: RequestHandler = (request, _response, next) => {
  if (request.path !== '/logout') next()
  else if (typeof keptOf(request) === 'object' && 'destroy' in (keptOf(request) ?? {})) {
    ;(keptOf(request) as unknown as session.Session).destroy(() => next())
  } else next()
}

const secret = 'a key for tests'
const sessions: Readonly<Record<string, () => RequestHandler[]>> = {
  // As it comes: the two options that it wants said are what it would take.
  'express-session': () => [session({ secret, resave: true, saveUninitialized: true }), logout],
  'express-session, saveUninitialized: false': () => [
    session({ secret, resave: false, saveUninitialized: false }),
    logout,
  ],
  'express-session, saveUninitialized: true': () => [
    session({ secret, resave: false, saveUninitialized: true }),
    logout,
  ],
  'express-session, rolling': () => [
    session({ secret, resave: true, saveUninitialized: false, rolling: true }),
    logout,
  ],
  'express-session behind cookie-parser': () => [
    cookieParser(secret),
    session({ secret, resave: false, saveUninitialized: false }),
    logout,
  ],
  'cookie-session': () => [cookieSession({ keys: [secret] })],
  'cookie-session behind cookie-parser': () => [
    cookieParser(secret),
    cookieSession({ keys: [secret] }),
  ],
}

const personal = ['/me', '/in', '/json', '/later', '/asset.css']

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    for (const [title, before] of Object.entries(sessions)) {
      it(`S-14: nobody sees another one's page: ${title}`, async () => {
        const app = await open({ before: before(), handler: account })
        const alice = new Visitor(app)
        const bob = new Visitor(app)
        await alice.see('/login?user=alice')
        await bob.see('/login?user=bob')
        for (let round = 0; round < 2; round++) {
          for (const path of personal) {
            expect([path, await alice.see(path)]).toEqual([path, 'alice'])
            expect([path, await bob.see(path)]).toEqual([path, 'bob'])
            expect([path, await new Visitor(app).see(path)]).toEqual([path, 'nobody'])
          }
          expect(await alice.see('/public')).toBe('everybody')
          expect(await new Visitor(app).see('/public')).toBe('everybody')
        }
        const cookies = [...alice.given, ...bob.given].map((line) => line.split(';', 1)[0])
        expect(
          cookies.some(
            (line) =>
              alice.given.some((a) => a.startsWith(`${line}`)) &&
              bob.given.some((b) => b.startsWith(`${line}`)),
          ),
        ).toBe(false)
      })

      it(`S-37: after login and after logout a visitor sees what he is now: ${title}`, async () => {
        const app = await open({ before: before(), handler: account })
        const alice = new Visitor(app)
        for (let round = 0; round < 2; round++) {
          expect(await alice.see('/me')).toBe('nobody')
          await alice.see('/login?user=alice')
          expect(await alice.see('/me')).toBe('alice')
          await alice.see('/logout')
        }
        expect(await alice.see('/me')).toBe('nobody')
      })
    }

    it('S-14: a session id is its visitor’s alone, read or not from the session', async () => {
      const app = await open({
        before: [session({ secret, resave: false, saveUninitialized: false })],
        handler: (request, response) => {
          if (request.path === '/login') keptOf(request)!.user = 'x'
          response.send(
            request.path === '/hidden' ? { ...request }['sessionID'] : request.sessionID,
          )
        },
      })
      const alice = new Visitor(app)
      const id = await alice.see('/login')
      for (const path of ['/id', '/hidden']) {
        expect(await alice.see(path)).toBe(id)
        expect(await new Visitor(app).see(path)).not.toBe(id)
        expect(await alice.see(path)).toBe(id)
      }
    })
  })
}

for (const { name: stage, open } of koaStages) {
  const before = (options: object): NonNullable<Parameters<typeof open>[0]['before']> => {
    let install: Middleware | undefined
    return [
      (ctx, next) => {
        install ??= koaSession(options, ctx.app)
        return install(ctx, next) as unknown
      },
    ]
  }
  const pages = (ctx: Context): void => {
    const kept = ctx['session'] as Kept | null
    if (ctx.path === '/login' && kept) kept.user = String(ctx.query['user'])
    if (ctx.path === '/logout') ctx['session'] = null
    ctx.body = (ctx['session'] as Kept | null)?.user ?? 'nobody'
  }

  describe(stage, () => {
    for (const [title, options] of Object.entries({
      'koa-session': {},
      'koa-session, rolling': { rolling: true },
      'koa-session, renewed': { renew: true, maxAge: 2_000 },
      'koa-session with a store': { store: memoryStore() },
    })) {
      it(`S-14: nobody sees another one's page: ${title}`, async () => {
        const app = await open({ before: before(options), handler: pages })
        const alice = new Visitor(app)
        const bob = new Visitor(app)
        await alice.see('/login?user=alice')
        await bob.see('/login?user=bob')
        for (let round = 0; round < 2; round++) {
          expect(await alice.see('/me')).toBe('alice')
          expect(await bob.see('/me')).toBe('bob')
          expect(await new Visitor(app).see('/me')).toBe('nobody')
        }
        await alice.see('/logout')
        expect(await alice.see('/me')).toBe('nobody')
      })
    }
  })
}

function memoryStore(): object {
  const kept = new Map<string, unknown>()
  return {
    get: (key: string) => kept.get(key),
    set: (key: string, value: unknown) => kept.set(key, value),
    destroy: (key: string) => kept.delete(key),
  }
}
