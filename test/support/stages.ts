import type { RequestListener } from 'node:http'
import { Router as KoaRouter } from '@koa/router'
import type { CacheflowOptions } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5, { type Express, type Request, type RequestHandler, type Response } from 'express'
import express4 from 'express4'
import Koa3, { type Context, type Middleware } from 'koa'
import Koa2 from 'koa2'
import { Application } from './application.ts'

/** An application of real middleware and one handler, before anybody decides where a cache stands in it. */
export interface ExpressSite {
  /** Everything that runs before the handler: it reads, sets and answers as it likes. */
  readonly before?: readonly RequestHandler[]
  readonly handler: (request: Request, response: Response) => unknown
  readonly settings?: Readonly<Record<string, unknown>>
  readonly options?: CacheflowOptions<Request>
}

export interface KoaSite {
  readonly before?: readonly Middleware[]
  readonly handler: (ctx: Context) => unknown
  readonly setUp?: (app: Koa3) => void
  readonly options?: CacheflowOptions<Context>
}

/** Where the cache stands in the application; `bare` is the same application without one. */
export type ExpressPlace =
  | 'bare'
  | 'first'
  | 'behind'
  | 'wrap'
  | 'route'
  | 'router'
  | 'sub'
  | 'path'
export type KoaPlace = 'bare' | 'first' | 'behind' | 'wrap' | 'route' | 'router'

interface Stage<Site, Place> {
  readonly name: string
  readonly place: Place
  /** The application with the cache in its place, as a listener. */
  mount(site: Site, application: Application): Mounted
  open(site: Site): Promise<Application>
}

type Mounted = ReturnType<Parameters<typeof Application.start>[0]>
export type ExpressStage = Stage<ExpressSite, ExpressPlace>
export type KoaStage = Stage<KoaSite, KoaPlace>

function expressStage(major: 4 | 5, place: ExpressPlace): ExpressStage {
  // The two majors have types of their own, equal in all that is used here.
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  const mount = (site: ExpressSite, application: Application): Mounted => {
    const { before = [], handler, settings = {}, options = {} } = site
    const cache = forExpress({ clock: () => application.now, ...options })
    const counted: RequestHandler = (request, response) => {
      application.runs++
      return handler(request, response)
    }
    const app = express()
    app.disable('x-powered-by')
    app.set('env', 'test')
    for (const [name, value] of Object.entries(settings)) app.set(name, value)
    if (place === 'first') app.use(cache)
    for (const each of before) app.use(each)
    addHandler(app, place, cache, counted, express)
    const listener = place === 'wrap' ? cache.wrap(app) : (app as RequestListener)
    return { cache, listener }
  }
  return {
    name: `Express ${major}, ${place}`,
    place,
    mount,
    open: (site) => Application.start((application) => mount(site, application)),
  }
}

function addHandler(
  app: Express,
  place: ExpressPlace,
  cache: ReturnType<typeof forExpress>,
  handler: RequestHandler,
  express: typeof express5,
): void {
  switch (place) {
    case 'behind':
      app.use(cache)
      break
    case 'path':
      // Not at '/', so that the cache is no first layer in its own eyes.
      app.use(/^/, cache)
      break
    case 'route':
      app.all(/.*/, cache.route({}), handler)
      return
    case 'router': {
      const router = express.Router()
      router.use(cache)
      router.all(/.*/, handler)
      app.use(router)
      return
    }
    case 'sub': {
      const sub = express()
      sub.set('env', 'test')
      sub.disable('x-powered-by')
      sub.use(cache)
      sub.all(/.*/, handler)
      app.use(sub)
      return
    }
    case 'bare':
    case 'first':
    case 'wrap':
  }
  app.all(/.*/, handler)
}

function koaStage(major: 2 | 3, place: KoaPlace): KoaStage {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  const mount = (site: KoaSite, application: Application): Mounted => {
    const { before = [], handler, setUp, options = {} } = site
    const cache = forKoa({ clock: () => application.now, ...options })
    const counted: Middleware = async (ctx) => {
      application.runs++
      await handler(ctx)
    }
    const app = new Koa()
    app.silent = true
    app.keys = ['a key for tests']
    setUp?.(app)
    if (place === 'first') app.use(cache)
    for (const each of before) app.use(each)
    if (place === 'behind') app.use(cache)
    if (place === 'route') app.use(cache.route({}))
    if (place === 'router') {
      const router = new KoaRouter()
      router.all(/.*/, cache.route({}) as never, counted as never)
      app.use(router.routes() as unknown as Middleware)
    } else {
      app.use(counted)
    }
    const listener = place === 'wrap' ? cache.wrap(app) : app.callback()
    return { cache, listener }
  }
  return {
    name: `Koa ${major}, ${place}`,
    place,
    mount,
    open: (site) => Application.start((application) => mount(site, application)),
  }
}

const expressPlaces = ['first', 'behind', 'wrap', 'route', 'router', 'sub', 'path'] as const
const koaPlaces = ['first', 'behind', 'wrap', 'route', 'router'] as const

/** Both majors of Express, with the cache in each place it can have. */
export const expressStages: readonly ExpressStage[] = ([4, 5] as const).flatMap((major) =>
  expressPlaces.map((place) => expressStage(major, place)),
)
/** Both majors of Koa, with the cache in each place it can have. */
export const koaStages: readonly KoaStage[] = ([2, 3] as const).flatMap((major) =>
  koaPlaces.map((place) => koaStage(major, place)),
)
/** The same applications without a cache: what every visitor must see. */
export const bareExpress: ExpressStage = expressStage(5, 'bare')
export const bareExpress4: ExpressStage = expressStage(4, 'bare')
export const bareKoa: KoaStage = koaStage(3, 'bare')
export const bareKoa2: KoaStage = koaStage(2, 'bare')
