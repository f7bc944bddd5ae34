import type { Request } from 'express'
import type { Context } from 'koa'
import cookieSession from 'cookie-session'
import { describe, expect, it } from 'vitest'
import {
  bareExpress,
  bareExpress4,
  bareKoa,
  bareKoa2,
  expressStages,
  koaStages,
} from '../support/stages.ts'

const names = ['session', 'sessionID', 'user', 'cookies', 'signedCookies', '_remoteAddress', 'ip']

/** What an object says of properties that nobody may have set. */
function shape(object: object): unknown {
  return {
    in: names.filter((name) => name in object),
    own: names.filter((name) => Object.hasOwn(object, name)),
    described: names.filter((name) => Object.getOwnPropertyDescriptor(object, name)),
    keys: Object.keys(object).filter((key) => names.includes(key)),
    each: names.filter((name) => {
      for (const key in object) if (key === name) return true
      return false
    }),
  }
}

function withUser(native: object, holder: object): unknown {
  const before = shape(holder)
  Reflect.set(holder, 'user', { name: 'alice' })
  const between = shape(holder)
  Reflect.deleteProperty(holder, 'user')
  return [before, between, shape(holder), native === holder]
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    const bare = stage.startsWith('Express 4') ? bareExpress4 : bareExpress
    const handler = (request: Request, response: { json(body: unknown): unknown }): void => {
      const { url } = request
      if (url === '/assigned') Reflect.set(request, 'session', { a: 1 })
      response.json(url === '/user' ? withUser(request, request) : shape(request))
    }

    it('S-1: a request has no property that it would not have without a cache', async () => {
      const app = await open({ handler })
      const plain = await bare.open({ handler })
      for (const path of ['/', '/user', '/assigned']) {
        expect([path, JSON.parse((await app.get(path)).body)]).toEqual([
          path,
          JSON.parse((await plain.get(path)).body),
        ])
      }
    })

    it('S-1: middleware that asks whether there is a session yet goes its way', async () => {
      const app = await open({
        before: [
          (request, _response, next) => {
            next('session' in request ? new Error('there is one already') : undefined)
          },
        ],
        handler: (_request, response) => void response.send('x'),
      })
      expect((await app.get('/')).status).toBe(200)
      await app.get('/')
      expect(app.runs).toBe(1)
    })

    it('S-14: whoever is set as the user is seen where he is read, and in each way of setting', async () => {
      const ways: ((request: Request, user: string) => void)[] = [
        (request, user) => Reflect.set(request, 'user', user),
        (request, user) => Object.assign(request, { user }),
        (request, user) => {
          Object.defineProperty(request, 'user', { value: user, configurable: true })
        },
      ]
      const app = await open({
        options: { observe: { ignore: ['x-user'] } },
        handler: (request, response) => {
          ways[Number(request.path.slice(1))]?.(request, request.get('x-user') ?? 'nobody')
          response.send(String(Reflect.get(request, 'user')))
        },
      })
      for (const way of ways.keys()) {
        for (const user of ['alice', 'bob']) {
          expect((await app.get(`/${way}`, { 'X-User': user })).body).toBe(user)
        }
      }
      expect(new Set(app.refusals)).toEqual(new Set(['user-read']))
    })

    it('pages behind cookie-session that do not ask for the session are shared', async () => {
      const app = await open({
        before: [cookieSession({ keys: ['a key for tests'] })],
        handler: (_request, response) => void response.send('x'),
      })
      await app.get('/')
      await app.get('/')
      expect([app.runs, app.refusals]).toEqual([1, []])
    })
  })
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    const bare = stage.startsWith('Koa 2') ? bareKoa2 : bareKoa
    const handler = (ctx: Context): void => {
      const holders = [ctx, ctx.req, ctx.request, ctx.state]
      const holder = holders[Number(ctx.path.slice(2))] ?? ctx
      ctx.body = JSON.stringify(ctx.path.startsWith('/u') ? withUser(ctx, holder) : shape(holder))
    }

    it('S-1: a context has no property that it would not have without a cache', async () => {
      const app = await open({ handler })
      const plain = await bare.open({ handler })
      for (const kind of ['p', 'u']) {
        for (const index of [0, 1, 2, 3]) {
          const path = `/${kind}${index}`
          expect([path, JSON.parse((await app.get(path)).body)]).toEqual([
            path,
            JSON.parse((await plain.get(path)).body),
          ])
        }
      }
    })

    it('S-14: whoever is set as the user is seen where he is read, and in each way of setting', async () => {
      const ways: ((ctx: Context, user: string) => void)[] = [
        ({ state }, user) => Reflect.set(state, 'user', user),
        ({ state }, user) => Object.assign(state, { user }),
        ({ state }, user) => {
          Object.defineProperty(state, 'user', { value: user, configurable: true })
        },
        (ctx, user) => {
          ctx.state = { ...ctx.state, user }
        },
      ]
      const app = await open({
        options: { observe: { ignore: ['x-user'] } },
        handler: (ctx) => {
          ways[Number(ctx.path.slice(1))]?.(ctx, ctx.get('x-user'))
          ctx.body = String(ctx.state['user'])
        },
      })
      for (const way of ways.keys()) {
        for (const user of ['alice', 'bob']) {
          expect((await app.get(`/${way}`, { 'X-User': user })).body).toBe(user)
        }
      }
      expect(new Set(app.refusals)).toEqual(new Set(['user-read']))
    })
  })
}
