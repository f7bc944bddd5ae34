import type { Request, RequestHandler, Response } from 'express'
import session from 'express-session'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { describe, expect, it } from 'vitest'
import { type ExpressSite, expressStages, koaStages } from '../support/stages.ts'
import { Visitor } from '../support/visitor.ts'

const secret = 'a key for tests'

interface Account {
  readonly role: string
}
interface Kept {
  account?: Account
}

const userOf = (native: object): Account | undefined =>
  Reflect.get(native, 'user') as Account | undefined
const keptOf = (native: object): Kept | undefined =>
  Reflect.get(native, 'session') as Kept | undefined

/** What passport.session() does: it looks into the session, and names the user where there is one. */
const passport: RequestHandler = (request, _response, next) => {
  const account = keptOf(request)?.account
  if (account) Reflect.set(request, 'user', account)
  next()
}

function shop(request: Request, response: Response): void {
  const kept = keptOf(request)
  if (request.path === '/login' && kept) kept.account = { role: 'admin' }
  response.send(`for ${userOf(request)?.role ?? 'guests'}`)
}

const roleOf = (request: Request): string => userOf(request)?.role ?? 'guest'

describe('session() that goes by req.user', () => {
  for (const { name: stage, place, open } of expressStages) {
    it(`${stage}: shows nobody the page of guests who is signed in, whoever comes first`, async () => {
      const app = await open({
        options: { session: roleOf },
        before: [session({ secret, resave: false, saveUninitialized: false }), passport],
        handler: shop,
      })
      const admin = new Visitor(app)
      await admin.see('/login')
      const guest = new Visitor(app)
      for (let round = 0; round < 3; round++) {
        expect(await guest.see('/')).toBe('for guests')
        expect(await admin.see('/')).toBe('for admin')
      }
      const isBehind = place !== 'first' && place !== 'wrap'
      expect(app.seen('hit').length > 0).toBe(isBehind)
    })

    it(`${stage}: lets guests share pages that nobody's session had a part in`, async () => {
      const app = await open({ options: { session: roleOf }, handler: (_, res) => res.send('x') })
      for (let round = 0; round < 3; round++) await app.get('/')
      expect(app.runs).toBe(1)
    })
  }

  it('stops serving by an answer that came too early, until it finds the user', async () => {
    const { open } = expressStages.find(({ place }) => place === 'first') ?? expressStages[0]!
    const site: ExpressSite = {
      options: { session: roleOf },
      before: [
        (request, _response, next) => {
          if (request.path === '/me') Reflect.set(request, 'user', { role: 'admin' })
          next()
        },
      ],
      handler: (request, response) => void response.send(`for ${roleOf(request)}`),
    }
    const app = await open(site, false)
    await app.get('/open', {})
    expect((await app.get('/me')).body).toBe('for admin')
    expect(app.refusals).toEqual(['session-early'])
    await app.get('/open', {})
    expect(app.seen('bypass').map(({ reason }) => reason)).toEqual(['session'])
    // Told once, with what to do.
    const told = app.seen('warning').filter(({ reason }) => reason === 'session-early')
    expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('behind')])
  })

  it('keeps the whole Cookie header out of the key, where it has found who shares', async () => {
    const { open } = expressStages.find(({ place }) => place === 'behind') ?? expressStages[0]!
    const app = await open({
      options: { session: roleOf },
      before: [
        (request, _response, next) => {
          Reflect.set(request, 'user', { role: 'staff' })
          next()
        },
      ],
      handler: (request, response) => void response.send(`${request.get('cookie') === undefined}`),
    })
    for (const id of [1, 2, 3]) await app.get('/', { Cookie: `id=${id}` })
    expect(app.runs).toBe(1)
    expect((await app.get('/', {})).headers['vary']).toContain('Cookie')
  })
})

const koaPassport: Middleware = async (ctx, next) => {
  const account = keptOf(ctx)?.account
  if (account) ctx.state['user'] = account
  await next()
}

describe('session() that goes by ctx.state.user', () => {
  for (const { name: stage, place, open } of koaStages) {
    it(`${stage}: shows nobody the page of guests who is signed in, whoever comes first`, async () => {
      const app = await open({
        options: { session: (ctx: Context) => userOf(ctx.state)?.role ?? 'guest' },
        before: [(ctx, next) => koaSession({ signed: false }, ctx.app)(ctx, next), koaPassport],
        handler: (ctx) => {
          const kept = keptOf(ctx)
          if (ctx.path === '/login' && kept) kept.account = { role: 'admin' }
          ctx.body = `for ${userOf(ctx.state)?.role ?? 'guests'}`
        },
      })
      const admin = new Visitor(app)
      await admin.see('/login')
      const guest = new Visitor(app)
      for (let round = 0; round < 3; round++) {
        expect(await guest.see('/')).toBe('for guests')
        expect(await admin.see('/')).toBe('for admin')
      }
      expect(app.seen('hit').length > 0).toBe(place !== 'first' && place !== 'wrap')
    })
  }
})
