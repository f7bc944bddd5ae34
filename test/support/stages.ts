import type { IncomingMessage, RequestListener } from 'node:http'
import { Router as KoaRouter } from '@koa/router'
import type { CacheflowOptions } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5, { type Express, type Request, type RequestHandler, type Response } from 'express'
import express4 from 'express4'
import Koa3, { type Context, type Middleware } from 'koa'
import Koa2 from 'koa2'
import { Application, type Made } from './application.ts'

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
  /** @param isAwake false: the test's first request is the first that the application ever gets. Default true. */
  open(site: Site, isAwake?: boolean): Promise<Application>
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
    const counted: RequestHandler = async (request, response, next) => {
      if (request.path === knock) {
        response.end()
        return
      }
      application.runs++
      try {
        await handler(request, response)
      } catch (error) {
        // Express 4 does not wait for promises.
        next(error)
      }
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
    open: (site, isAwake) => started((application) => mount(site, application), isAwake),
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
      if (ctx.path === knock) {
        ctx.body = ''
        return
      }
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
    open: (site, isAwake) => started((application) => mount(site, application), isAwake),
  }
}

const knock = '/the-first-request'

/** Some places tell the cache of its application only with a request, and that one is not stored. */
async function started(
  mount: (application: Application) => Mounted,
  isAwake = true,
): Promise<Application> {
  const application = await Application.start(mount)
  if (!isAwake) return application
  await application.get(knock)
  application.runs = 0
  application.events.length = 0
  return application
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

/** What a page is made from in every framework: the raw request. */
export interface PageSite {
  readonly page: (request: IncomingMessage) => Made | Promise<Made>
  /** Runs before the page, and before the cache where the place has a before. */
  readonly before?: (request: IncomingMessage) => void
  /** Forwarded hosts, protocols and addresses are believed. */
  readonly trust?: boolean
  readonly options?: CacheflowOptions<unknown>
}

export interface PageStage {
  readonly name: string
  open(site: PageSite, isAwake?: boolean): Promise<Application>
}

/** Every place in every major of both frameworks, for sites that need nothing but the request. */
export const pageStages: readonly PageStage[] = [
  ...expressStages.map(({ name, open }) => ({
    name,
    open: ({ page, before, trust = false, options = {} }: PageSite, isAwake?: boolean) =>
      open(
        {
          options,
          settings: { 'trust proxy': trust },
          before: before ? [(request, _, next) => (before(request), next())] : [],
          handler: async (request, response) => {
            const { status = 200, fields = {}, body = '' } = await page(request)
            response.statusCode = status
            for (const [field, value] of Object.entries(fields)) response.setHeader(field, value)
            response.end(body ?? undefined)
          },
        },
        isAwake,
      ),
  })),
  ...koaStages.map(({ name, open }) => ({
    name,
    open: ({ page, before, trust = false, options = {} }: PageSite, isAwake?: boolean) =>
      open(
        {
          options,
          setUp: (app) => {
            app.proxy = trust
          },
          before: before ? [(ctx, next) => (before(ctx.req), next())] : [],
          handler: async (ctx) => {
            const { status = 200, fields = {}, body = '' } = await page(ctx.req)
            ctx.status = status
            ctx.body = body instanceof Uint8Array ? Buffer.from(body) : body
            for (const [field, value] of Object.entries(fields)) ctx.set(field, value as string)
          },
        },
        isAwake,
      ),
  })),
]
