import { Router as KoaRouter } from '@koa/router'
import type { CacheflowOptions, ResponseContext, RouteOptions } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5, { type Request } from 'express'
import express4 from 'express4'
import Koa3, { type Context, type Middleware } from 'koa'
import Koa2 from 'koa2'
import { Application } from './application.ts'

/** What a handler sees of its request, in every framework. */
export interface RouteVisit {
  readonly url: string
  readonly originalUrl: string
  readonly query: Readonly<Record<string, unknown>>
  readonly params: Readonly<Record<string, unknown>>
  readonly draft: ResponseContext
  header(name: string): string
}

export interface SiteRoute {
  /** Without options there is no cache.route() on it. */
  readonly options?: RouteOptions<{ readonly headers: Readonly<Record<string, unknown>> }> | false
  /** Options of a router that stands around the route. */
  readonly around?: RouteOptions<{ readonly headers: Readonly<Record<string, unknown>> }>
  /** Gives the body; undefined when the response has been answered. */
  readonly handler: (visit: RouteVisit) => string | undefined | Promise<string | undefined>
}

/** Routes by their patterns, which mean the same in all frameworks. */
export type SiteRoutes = Readonly<Record<string, SiteRoute>>

/** `use`: with app.use(cache) before the routes; `behind`: after other middleware; `route`: cache.route() alone. */
export type Way = 'use' | 'behind' | 'route'

export interface RouterSite {
  readonly name: string
  readonly way: Way
  open(routes: SiteRoutes, options?: CacheflowOptions<unknown>): Promise<Application>
}

/**
 * Where the cache does not stand first it gets to know its application with the first request, which is not stored: here
 * that is over when the test begins.
 */
async function opened(
  routes: SiteRoutes,
  mount: (
    made: Application,
    all: SiteRoutes,
  ) => ReturnType<Parameters<typeof Application.start>[0]>,
): Promise<Application> {
  const first: SiteRoute = {
    options: {},
    handler: ({ draft }) => (draft.noStore('the first'), 'first'),
  }
  const app = await Application.start((made) => mount(made, { ...routes, '/first-of-all': first }))
  await app.get('/first-of-all')
  app.events.length = 0
  app.runs = 0
  return app
}

function expressSite(major: 4 | 5, way: Way): RouterSite {
  // The two majors have types of their own, equal in all that is used here.
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  return {
    name: `Express ${major}, ${way}`,
    way,
    open: (routes, options = {}) =>
      opened(routes, (made, all) => {
        const cache = forExpress({ clock: () => made.now, ...options })
        const app = express()
        app.disable('x-powered-by')
        app.set('env', 'test')
        if (way === 'behind') app.use((_request, _response, next) => next())
        if (way !== 'route') app.use(cache)
        for (const [pattern, { options: own, around, handler }] of Object.entries(all)) {
          const router = express.Router()
          if (around) router.use(pattern, cache.route(around))
          const visit = (request: Request, draft: ResponseContext): RouteVisit => ({
            url: request.url,
            originalUrl: request.originalUrl,
            query: request.query,
            params: request.params,
            draft,
            header: (name) => request.get(name) ?? '',
          })
          router.get(
            pattern,
            ...(own === undefined ? [] : [cache.route(own)]),
            (request, response, next) => {
              made.runs++
              Promise.resolve(handler(visit(request, response.locals.cacheflow)))
                .then((body) => body !== undefined && response.send(body))
                .catch(next)
            },
          )
          app.use(router)
        }
        return { cache, listener: app }
      }),
  }
}

function koaSite(major: 2 | 3, way: Way): RouterSite {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  return {
    name: `Koa ${major}, ${way}`,
    way,
    open: (routes, options = {}) =>
      opened(routes, (made, all) => {
        const cache = forKoa({ clock: () => made.now, ...options })
        const app = new Koa()
        app.silent = true
        if (way === 'behind') app.use((_ctx, next) => next())
        if (way !== 'route') app.use(cache)
        for (const [pattern, { options: own, around, handler }] of Object.entries(all)) {
          const router = new KoaRouter()
          const visit = (ctx: Context): RouteVisit => ({
            url: ctx.url,
            originalUrl: ctx.originalUrl,
            query: ctx.query,
            params: (ctx['params'] ?? {}) as Record<string, unknown>,
            draft: ctx.state['cacheflow'],
            header: (name) => ctx.get(name),
          })
          const layers: Middleware[] = [
            ...(around ? [cache.route(around)] : []),
            ...(own === undefined ? [] : [cache.route(own)]),
            async (ctx) => {
              made.runs++
              const body = await handler(visit(ctx))
              if (body !== undefined) ctx.body = body
            },
          ]
          router.get(pattern, ...(layers as never[]))
          app.use(router.routes() as unknown as Middleware)
        }
        return { cache, listener: app.callback() }
      }),
  }
}

const ways = ['use', 'behind', 'route'] as const

/** Both majors of both frameworks, with the cache in each way it can reach a route. */
export const routerSites: readonly RouterSite[] = [
  ...ways.flatMap((way) => ([5, 4] as const).map((major) => expressSite(major, way))),
  ...ways.flatMap((way) => ([3, 2] as const).map((major) => koaSite(major, way))),
]
