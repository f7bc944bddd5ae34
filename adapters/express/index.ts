import { EventEmitter } from 'node:events'
import { IncomingMessage } from 'node:http'
import type { Application, NextFunction, Request, Response } from 'express'
import { CacheflowError } from '../../src/index.ts'
import type {
  CacheHandle,
  CacheflowOptions,
  ResponseContext,
  RouteDeclaration,
  TemplateFunctions,
} from '../../src/index.ts'
import { Cacheflow, followUnsafe, pagesOfRoute, resolveRoute } from '../../src/adapter.ts'
import { routePatterns } from './route-patterns.ts'
import { ExpressAdapterRequest, type Listener, isMounted, rootOf } from './request.ts'

export type { Listener }

/** The options of `cacheflow()` here: its functions get Express's request. */
export type ExpressCacheflowOptions = CacheflowOptions<Request>

declare global {
  // Express's own way to type res.locals: the interface is merged.
  namespace Express {
    interface Locals extends TemplateFunctions {
      /** The response context, for handlers behind the cache. */
      cacheflow: ResponseContext
    }
  }
}

/** A middleware for one route; generic, so that the handlers after it keep the types of their own params and locals. */
export type RouteMiddleware = <
  Params,
  ResBody,
  ReqBody,
  ReqQuery,
  Locals extends Record<string, unknown>,
>(
  request: Request<Params, ResBody, ReqBody, ReqQuery, Locals>,
  response: Response<ResBody, Locals>,
  next: NextFunction,
) => void

/** The cache as an Express middleware, and its handle. */
export interface ExpressCacheflow extends CacheHandle {
  (request: Request, response: Response, next: NextFunction): void
  /**
   * A middleware with the options of one route; `false` keeps the route out of the cache.
   *
   *   app.get('/posts/:id', cache.route({ maxAge: '1h', tags: ['posts'] }), showPost)
   *
   * Works without `app.use(cache)` too: then the route alone is cached.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_OPTION`, `ERR_CACHEFLOW_UNKNOWN_OPTION`,
   *   `ERR_CACHEFLOW_DURATION`, `ERR_CACHEFLOW_TAG`
   */
  route(options: RouteDeclaration<Request> | false): RouteMiddleware
  /**
   * The application behind the cache, as a listener: `http.createServer(cache.wrap(app))`. A hit
   * then costs as much as writing a buffer, because Express never runs.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_APPLICATION`
   */
  wrap(app: Application): Listener
}

/**
 * HTTP response caching for Express 4 and 5.
 *
 *   const cache = cacheflow({ maxAge: '5m' })
 *   app.use(cache)
 *
 * Mounted first, it answers hits before Express sets up the request; mounted later, at its
 * position.
 */
export function cacheflow(options: CacheflowOptions<Request> = {}): ExpressCacheflow {
  if (options instanceof IncomingMessage) {
    throw new CacheflowError(
      'ERR_CACHEFLOW_APPLICATION',
      'cacheflow() was mounted without being called: app.use(cacheflow()).',
    )
  }
  /** Applications behind listeners of ours. */
  const wrapped = new WeakMap<object, Application>()
  const core = new Cacheflow<Request>(options, {
    of: applicationsIn,
    meet: (app) => {
      if (isApplication(app)) stand(rootOf(app), false)
    },
    patterns: (app, of) => {
      if (!isApplication(app)) return []
      // Mounted ones are known by themselves: their parents do not tell of them.
      const mounted = [...stood].filter((each) => each !== app && rootOf(each) === rootOf(app))
      return [app, ...mounted].flatMap((each) => routePatterns(each, of))
    },
  })
  const { handler } = core
  const { policy } = handler.cache.settings
  const asksApplication = policy.key !== undefined || policy.session !== undefined

  const stood = new Set<Application>()

  function middleware(request: Request, response: Response, next: NextFunction): void {
    if (handler.isClaimed(response)) {
      next()
      return
    }
    refuseOthers(response)
    observeFromNowOn(request)
    handler.handle(new ExpressAdapterRequest(request, response, request.app, false, next), policy)
  }

  /**
   * In a router, or on a route, Express tells us the application only with a request. What middleware read of that one
   * is unknown, so that it is not stored; from the next one on we see it from its arrival.
   */
  function observeFromNowOn(request: Request): void {
    // Called by another application as a function, or by something that is not Express, there may be none.
    const app: Application | undefined = request.app
    if (app !== undefined && handler.arrivedAs(request) === undefined) stand(rootOf(app), false)
  }

  function route(routeOptions: RouteDeclaration<Request> | false): RouteMiddleware {
    const policyAt = resolveRoute(routeOptions)
    const pages = pagesOfRoute(routeOptions)
    const placed: RouteMiddleware = (request, response, next) => {
      const native = request as unknown as Request
      refuseOthers(response)
      if (!handler.isClaimed(response)) observeFromNowOn(native)
      const adapterRequest = new ExpressAdapterRequest(native, response, native.app, false, next)
      handler.handleRoute(adapterRequest, policyAt)
    }
    if (pages) core.warming.plan.declare(placed, pages)
    return placed
  }

  /** What was given to warm(): the application, what wrap() has made of it, or a server that has one of these. */
  function applicationsIn(given: unknown): Application[] {
    if (isApplication(given)) return [given]
    if (typeof given === 'function') {
      const app = wrapped.get(given)
      return app ? [app] : []
    }
    return given instanceof EventEmitter ? given.listeners('request').flatMap(applicationsIn) : []
  }

  function wrap(app: Application): Listener {
    if (!isApplication(app)) {
      throw new CacheflowError(
        'ERR_CACHEFLOW_APPLICATION',
        'wrap() takes the Express application itself: cache.wrap(app).',
      )
    }
    const listener: Listener = (message, raw) => {
      const request = message as Request
      const response = raw as Response
      // The application's own functions expect Express's request, which Express would make of it only later.
      if (asksApplication) Object.setPrototypeOf(request, Reflect.get(app, 'request') as object)
      const forward = (): void => void app(request, response)
      const isFirst = request.originalUrl === undefined
      handler.handle(new ExpressAdapterRequest(request, response, app, isFirst, forward), policy)
    }
    wrapped.set(listener, app)
    return listener
  }

  /**
   * Express emits 'mount' to whatever has the shape of an application. That is the moment to stand before the parent:
   * with nothing mounted earlier a hit is answered there, at the cost of no Express at all; with something mounted
   * earlier only the observation begins there, and hits are answered at the ordinary place.
   */
  function emit(event: string, parent: Application): boolean {
    // Under a path only some requests are ours to answer.
    if (event === 'mount' && Reflect.get(middleware, 'mountpath') === '/') {
      // What asks the application's functions needs Express's request: then the ordinary place answers.
      stand(parent, layersOf(parent) === 1 && !asksApplication)
    }
    return true
  }

  function stand(app: Application, isFirst: boolean): void {
    const handle: unknown = Reflect.get(app, 'handle')
    if (stood.has(app) || typeof handle !== 'function') return
    stood.add(app)
    const existing = (request: Request, response: Response, done?: NextFunction): void => {
      const forward = (): void => void Reflect.apply(handle, app, [request, response, done])
      // Mounted in another application, the first here is not the first: the outer one has its own middleware.
      const isOutermost = !isMounted(app) && isUntouched(request)
      const adapterRequest = new ExpressAdapterRequest(request, response, app, isOutermost, forward)
      if (handler.isClaimed(response)) forward()
      else if (isFirst) {
        if (!isOutermost) observeFromNowOn(request)
        handler.handle(adapterRequest, policy)
      } else {
        if (isOutermost) {
          const incoming = handler.arrive(adapterRequest, () => adapterRequest.incoming(undefined))
          followUnsafe(handler.cache, incoming ?? handler.meet(adapterRequest), response)
        }
        forward()
      }
    }
    Reflect.set(app, 'handle', existing)
  }

  return Object.assign(middleware, core.handle, {
    route,
    wrap,
    // The three that give it the shape of an application in the eyes of app.use().
    handle: middleware,
    set: () => undefined,
    emit,
  })
}

/** Has no Express or connect application had this request yet? Both keep the URL as it was. */
function isUntouched(request: Request): boolean {
  const url: unknown = Reflect.get(request, 'originalUrl')
  return url === undefined && Reflect.get(request, 'app') === undefined
}

/** How many layers stand in the application's router, without the two that Express 4 always puts first. */
function layersOf(app: Application): number {
  const router: unknown = Reflect.get(app, '_router') ?? Reflect.get(app, 'router')
  const stack: unknown = typeof router === 'function' ? Reflect.get(router, 'stack') : undefined
  if (!Array.isArray(stack)) return Infinity
  return stack.filter(
    (layer: { name?: string }) => layer.name !== 'query' && layer.name !== 'expressInit',
  ).length
}

/** Of another framework the arguments are others, and nothing would work behind this. */
function refuseOthers(response: unknown): void {
  if (typeof response === 'object' && response !== null && 'writeHead' in response) return
  throw new CacheflowError(
    'ERR_CACHEFLOW_APPLICATION',
    'cacheflow/express was mounted in something that is not Express; for Koa import cacheflow/koa.',
  )
}

function isApplication(app: unknown): app is Application {
  return typeof app === 'function' && 'handle' in app && 'set' in app && 'engine' in app
}
