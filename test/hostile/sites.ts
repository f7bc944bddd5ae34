import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestListener } from 'node:http'
import { Writable } from 'node:stream'
import cookieParser from 'cookie-parser'
import cookieSession from 'cookie-session'
import type { RequestHandler } from 'express'
import expressSession from 'express-session'
import fc from 'fast-check'
import { type CacheflowOptions, type Duration, cacheFragment } from 'cacheflow'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import morgan from 'morgan'
import type { Application } from '../support/application.ts'
import {
  type ExpressStage,
  type KoaStage,
  bareExpress,
  bareExpress4,
  bareKoa,
  bareKoa2,
} from '../support/stages.ts'
import { type Piece, Pool, type Press, everything, made } from './page.ts'
import { type Sight, type Ways, expressWays, koaWays, secret, seen } from './ways.ts'

/** What stands before the page. */
export interface Around {
  readonly trust: boolean
  readonly session:
    | 'none'
    | 'express-session'
    | 'cookie-session'
    | 'koa-session'
    | 'a store'
    | 'a store with context'
  readonly user: 'none' | 'by session' | 'by header' | 'by credentials'
  /** A look whose result is kept in an AsyncLocalStorage for the page. */
  readonly als?: string
  /** A look whose result is kept in `res.locals` or `ctx.state`. */
  readonly said?: string
  readonly isLogged: boolean
}

export interface SiteOptions {
  readonly session?: boolean
  readonly key?: boolean
  readonly vary?: readonly string[]
  readonly observe?: false
  /** An ablation: inputs that the observer is told to overlook. */
  readonly ignore?: readonly string[]
  readonly staleWhileRevalidate?: Duration
}

export interface Mounted {
  readonly listener: RequestListener
  readonly isCached: boolean
}

export function around(ways: readonly string[], isKoa: boolean): fc.Arbitrary<Around> {
  const sessions: readonly Around['session'][] = isKoa
    ? ['none', 'none', 'koa-session', 'a store', 'a store with context']
    : ['none', 'none', 'express-session', 'cookie-session', 'a store with context']
  return fc.record(
    {
      trust: fc.boolean(),
      session: fc.constantFrom(...sessions),
      user: fc.constantFrom('none', 'none', 'by session', 'by header', 'by credentials'),
      als: fc.constantFrom(...ways),
      said: fc.constantFrom(...ways),
      isLogged: fc.boolean(),
    },
    { requiredKeys: ['trust', 'session', 'user', 'isLogged'] },
  )
}

export const siteOptions: fc.Arbitrary<SiteOptions> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<SiteOptions>({}) },
  fc.record<SiteOptions>(
    {
      session: fc.constant(true),
      key: fc.constant(true),
      vary: fc.constantFrom(['x-tenant'], ['accept-language', 'x-api-key'], ['host']),
      staleWhileRevalidate: fc.constant<Duration>('1h'),
    },
    { requiredKeys: [] },
  ),
)

const users = ['alice', 'bob']
const log = { stream: new Writable({ write: (_chunk, _coding, done) => done() }) }

function userOf({ user }: Around, sight: Sight, session: unknown): unknown {
  if (user === 'by header') return sight.raw.headers['x-user']
  if (user === 'by credentials') {
    return /^Bearer (\w+)/.exec(sight.raw.headers.authorization ?? '')?.[1]
  }
  return (session as { user?: string } | undefined)?.user
}

function pressFor(ways: Ways, isCached: boolean, setField: Press['setField']): Press {
  return {
    ways,
    pool: new Pool(),
    fragment: (name, options, body) => (isCached ? cacheFragment(name, options, body) : body()),
    setField,
  }
}

function optionsFor<Native>(
  given: SiteOptions,
  see: (native: Native) => Sight,
): CacheflowOptions<Native> {
  return {
    ...(given.session === true && { session: (native) => everything(see(native)) }),
    ...(given.key === true && { key: (native) => `the page ${see(native).raw.url}` }),
    ...(given.vary && { vary: given.vary }),
    ...(given.observe === false && { observe: false }),
    ...(given.ignore && { observe: { ignore: given.ignore } }),
    ...(given.staleWhileRevalidate !== undefined && {
      staleWhileRevalidate: given.staleWhileRevalidate,
    }),
  }
}

interface Plan {
  readonly page: readonly Piece[]
  readonly around: Around
  readonly options: SiteOptions
}

/** The same application twice: with the cache in its place, and without one. */
export function expressSites(
  stage: ExpressStage,
  plan: Plan,
  application: Application,
): [Mounted, Mounted] {
  const build = (place: ExpressStage, isCached: boolean): Mounted => {
    const als = new AsyncLocalStorage<unknown>()
    const see = (express: Parameters<RequestHandler>[0]): Sight => ({
      raw: express,
      express,
      local: express.res?.locals ?? {},
      als,
    })
    const press = pressFor(expressWays, isCached, ({ express }, name, value) =>
      express?.res?.set(name, value),
    )
    const before: RequestHandler[] = []
    if (plan.around.isLogged) before.push(morgan('combined', log))
    before.push(cookieParser(secret), ...expressSessions(plan.around.session, als))
    if (plan.around.user !== 'none') {
      before.push((request, _response, next) => {
        const user = userOf(plan.around, see(request), Reflect.get(request, 'session'))
        if (user !== undefined) Reflect.set(request, 'user', user)
        next()
      })
    }
    const { als: kept, said } = plan.around
    if (said !== undefined) {
      before.push((request, response, next) => {
        response.locals['said'] = seen(expressWays[said], see(request))
        next()
      })
    }
    if (kept !== undefined) {
      before.push((request, _response, next) =>
        als.run(seen(expressWays[kept], see(request)), next),
      )
    }
    const { listener } = place.mount(
      {
        before,
        settings: { 'trust proxy': plan.around.trust },
        options: optionsFor(plan.options, see),
        handler: async (request, response) => {
          response.send(await made(plan.page, press, see(request)))
        },
      },
      application,
    )
    return { listener, isCached }
  }
  const bare = stage.name.startsWith('Express 4') ? bareExpress4 : bareExpress
  return [build(stage, true), build(bare, false)]
}

function expressSessions(
  kind: Around['session'],
  als: AsyncLocalStorage<unknown>,
): RequestHandler[] {
  if (kind === 'cookie-session') {
    return [cookieSession({ name: 'session', keys: [secret] })]
  }
  if (kind === 'none') return []
  const store = new expressSession.MemoryStore()
  for (const user of users) store.set(`${user}-sid`, { cookie: {}, user } as never)
  if (kind === 'a store with context') {
    const get = store.get.bind(store)
    store.get = (sid, callback) => {
      get(sid, (error: unknown, data) => {
        als.run(`${(data as { user?: string } | undefined)?.user} by the store`, () =>
          callback(error, data),
        )
      })
    }
  }
  return [expressSession({ secret, store, resave: false, saveUninitialized: false })]
}

export function koaSites(
  stage: KoaStage,
  plan: Plan,
  application: Application,
): [Mounted, Mounted] {
  const build = (place: KoaStage, isCached: boolean): Mounted => {
    const als = new AsyncLocalStorage<unknown>()
    const see = (koa: Context): Sight => ({ raw: koa.req, koa, local: koa.state, als })
    const press = pressFor(koaWays, isCached, ({ koa }, name, value) => koa?.set(name, value))
    const kind = plan.around.session
    let session: Middleware | undefined
    const before: Middleware[] = []
    if (kind !== 'none') before.push((ctx, next) => session?.(ctx, next) as unknown)
    if (plan.around.user !== 'none') {
      before.push((ctx, next) => {
        const user = userOf(plan.around, see(ctx), ctx['session'])
        if (user !== undefined) ctx.state['user'] = user
        return next()
      })
    }
    const { als: kept, said } = plan.around
    if (said !== undefined) {
      before.push((ctx, next) => {
        ctx.state['said'] = seen(koaWays[said], see(ctx))
        return next()
      })
    }
    if (kept !== undefined) {
      before.push((ctx, next) => als.run(seen(koaWays[kept], see(ctx)), next))
    }
    const { listener } = place.mount(
      {
        before,
        setUp: (app) => {
          app.proxy = plan.around.trust
          if (kind === 'koa-session') session = koaSession({ signed: false }, app)
          if (kind === 'a store' || kind === 'a store with context') {
            session = koaSession(
              {
                signed: false,
                key: 'koa.sid',
                store: storeOf(kind === 'a store with context') as never,
              },
              app,
            )
          }
        },
        options: optionsFor(plan.options, see),
        handler: async (ctx) => {
          ctx.body = `<!doctype html>${await made(plan.page, press, see(ctx))}`
        },
      },
      application,
    )
    return { listener, isCached }
  }
  const bare = stage.name.startsWith('Koa 2') ? bareKoa2 : bareKoa
  return [build(stage, true), build(bare, false)]
}

/** A store of koa-session's: it is given the context, and may tell the page by it what it likes. */
function storeOf(tells: boolean): {
  get(key: string, maxAge: unknown, more: { ctx: Context }): Promise<unknown>
  set(): Promise<void>
  destroy(): Promise<void>
} {
  return {
    get: async (key, _maxAge, { ctx }) => {
      const user = users.find((each) => key === `${each}-sid`)
      if (tells) ctx.state['fromStore'] = `${user} from ${ctx.get('x-tenant')}`
      return user === undefined ? undefined : { user }
    },
    set: async () => undefined,
    destroy: async () => undefined,
  }
}
