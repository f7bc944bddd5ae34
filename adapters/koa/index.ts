import type { IncomingMessage, ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Context, Next } from 'koa'
import {
  Cacheflow,
  concludeUnsafe,
  followUnsafe,
  pagesOfRoute,
  resolveRoute,
} from '../../src/adapter.ts'
import { CacheflowError } from '../../src/index.ts'
import type {
  CacheHandle,
  CacheflowOptions,
  ResponseContext,
  RouteDeclaration,
  TemplateFunctions,
} from '../../src/index.ts'
import { KoaAdapterRequest, incomingOf, observableOf, observeOnce } from './request.ts'
import { KoaMount } from './mount.ts'
import { routePatterns } from './route-patterns.ts'
import { sendTextAsBytes } from './stored-body.ts'

declare module 'koa' {
  interface DefaultState extends TemplateFunctions {
    /** The response context, for middleware behind the cache. */
    cacheflow: ResponseContext
  }
}

/** A Koa middleware that takes the context of any router. */
export type KoaMiddleware = (ctx: Context, next: Next) => Promise<void>

/** The cache as a Koa middleware, and its handle. */
export interface KoaCacheflow extends CacheHandle {
  (ctx: Context, next: Next): Promise<void>
  /**
   * A middleware with the options of one route; `false` keeps the route out of the cache.
   *
   *   router.get('/posts/:id', cache.route({ maxAge: '1h', tags: ['posts'] }), showPost)
   *
   * Works without `app.use(cache)` too: then the route alone is cached.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_OPTION`, `ERR_CACHEFLOW_UNKNOWN_OPTION`,
   *   `ERR_CACHEFLOW_DURATION`, `ERR_CACHEFLOW_TAG`
   */
  route(options: RouteDeclaration<Context> | false): KoaMiddleware
  /**
   * The application behind the cache, as a listener: `http.createServer(cache.wrap(app))`. A hit then runs none of its
   * middleware.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_APPLICATION`
   */
  wrap(app: Koa): (request: IncomingMessage, response: ServerResponse) => void
}

/** The options of `cacheflow()` here: its functions get Koa's context. */
export type KoaCacheflowOptions = CacheflowOptions<Context>

type Run = (ctx: Context) => Promise<void>
type HandleRequest = (ctx: Context, run: Run) => Promise<void>

/**
 * HTTP response caching for Koa 2 and 3.
 *
 *   const cache = cacheflow({ maxAge: '5m' })
 *   app.use(cache)
 *
 * Mounted first, it answers hits before any middleware runs; mounted later, at its position.
 */
export function cacheflow(options: CacheflowOptions<Context> = {}): KoaCacheflow {
  if (isContext(options)) {
    throw new CacheflowError(
      'ERR_CACHEFLOW_APPLICATION',
      'cacheflow() was mounted without being called: app.use(cacheflow()).',
    )
  }
  /** Applications behind listeners of ours. */
  const wrapped = new WeakMap<object, Koa>()
  const core = new Cacheflow<Context>(options, {
    of: applicationsIn,
    meet: (app) => {
      if (isApplication(app)) stand(app, isFirstIn(app))
    },
    patterns: (app, of) => (isApplication(app) ? routePatterns(app, of) : []),
  })
  const { handler } = core
  const { policy } = handler.cache.settings
  const place = new KoaMount(handler)
  const stood = new Set<Koa>()

  async function middleware(ctx: Context, next: Next): Promise<void> {
    refuseOthers(ctx)
    if (handler.isClaimed(ctx.res)) {
      await next()
      return
    }
    // Koa tells a middleware its application with the first request; from the second one on we stand before it.
    stand(ctx.app, isFirstIn(ctx.app))
    if (isFirstIn(ctx.app)) {
      await handleRaw(ctx, next, (adapterRequest) => handler.handle(adapterRequest, policy))
      conclude(ctx)
    } else await place.handle(ctx, next, policy)
  }

  function route(routeOptions: RouteDeclaration<Context> | false): KoaMiddleware {
    const policyAt = resolveRoute(routeOptions)
    const pages = pagesOfRoute(routeOptions)
    const placed: KoaMiddleware = async (ctx, next) => {
      refuseOthers(ctx)
      const isRaw = handler.exchangeOf(ctx.res) !== undefined
      if (!handler.isClaimed(ctx.res)) stand(ctx.app, false)
      if (isRaw)
        await handleRaw(ctx, next, (adapterRequest) =>
          handler.handleRoute(adapterRequest, policyAt),
        )
      else if (handler.isClaimed(ctx.res) && !place.follows(ctx)) await next()
      else await place.handleRoute(ctx, next, policyAt)
    }
    if (pages) core.warming.plan.declare(placed, pages)
    return placed
  }

  /** What was given to warm(); of a server's listener Koa does not tell the application, so that it is one that we have met. */
  function applicationsIn(given: unknown): Koa[] {
    if (typeof given === 'object' && given !== null && isApplication(given)) return [given]
    const app = typeof given === 'function' ? wrapped.get(given) : undefined
    return app ? [app] : [...stood]
  }

  function wrap(app: Koa): (request: IncomingMessage, response: ServerResponse) => void {
    if (!isApplication(app)) {
      throw new CacheflowError(
        'ERR_CACHEFLOW_APPLICATION',
        'wrap() takes the Koa application itself: cache.wrap(app).',
      )
    }
    stand(app, true)
    const listener = app.callback()
    const wrapping = (request: IncomingMessage, response: ServerResponse): void =>
      void listener(request, response)
    wrapped.set(wrapping, app)
    return wrapping
  }

  function isFirstIn(app: Koa): boolean {
    return app.middleware[0] === middleware
  }

  /** Stands before the application's own handling of a context: `callback()` asks for it with each request. */
  function stand(app: Koa, isFirst: boolean): void {
    if (stood.has(app)) return
    stood.add(app)
    const handle = Reflect.get(app, 'handleRequest') as HandleRequest
    const existing: HandleRequest = (ctx, run) => {
      if (handler.isClaimed(ctx.res)) return handle.call(app, ctx, run)
      if (!isFirst) {
        const arrived = handler.arrive(observableOf(ctx), () => incomingOf(ctx, undefined, true))
        const { observation } = arrived ?? {}
        if (observation) handler.guard(() => observeOnce(ctx, observation), 'observing a request')
        const incoming = arrived ?? handler.meet(new KoaAdapterRequest(ctx, true, () => undefined))
        followUnsafe(handler.cache, incoming, ctx.res)
        return handle.call(app, ctx, async (unwinding) => {
          await run(unwinding)
          if (!ctx.writable) concludeUnsafe(handler.cache, incoming, ctx.res)
          handler.guard(() => sendTextAsBytes(unwinding), 'sending a text')
        })
      }
      const concluded: Run = (unwinding) => run(unwinding).then(() => conclude(unwinding))
      const isWatched = ctx.method !== 'GET' && ctx.method !== 'HEAD'
      const forward = (): Promise<void> => handle.call(app, ctx, isWatched ? concluded : run)
      handler.handle(new KoaAdapterRequest(ctx, true, () => void forward()), policy)
      return done
    }
    Reflect.set(app, 'handleRequest', existing)
  }

  /** Koa 2 sends nothing to a client who has left, and so no head tells of what was carried out. */
  function conclude(ctx: Context): void {
    const exchange = ctx.writable ? undefined : handler.exchangeOf(ctx.res)
    if (exchange) concludeUnsafe(handler.cache, exchange.request, ctx.res, exchange.policy)
  }

  return Object.assign(middleware, core.handle, { route, wrap })
}

const done = Promise.resolve()

/** Lets a context pass the gate from within the middleware chain; resolves when it was answered, or the chain has run. */
function handleRaw(
  ctx: Context,
  next: Next,
  pass: (adapterRequest: KoaAdapterRequest) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isForwarded = false
    const adapterRequest = new KoaAdapterRequest(
      ctx,
      true,
      () => {
        isForwarded = true
        next().then(() => resolve(), reject)
      },
      resolve,
    )
    ctx.res.once('finish', () => {
      if (isForwarded) return
      // The stored response went out beside Koa.
      ctx.respond = false
      resolve()
    })
    // With the chain running, its own end is what counts, even when the client has left.
    ctx.res.once('close', () => {
      if (!isForwarded) resolve()
    })
    pass(adapterRequest)
  })
}

function isContext(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'req' in given && 'res' in given
}

/** Of another framework the arguments are others, and nothing would work behind this. */
function refuseOthers(ctx: object): void {
  if ('app' in ctx && 'res' in ctx && isApplication(ctx.app)) return
  throw new CacheflowError(
    'ERR_CACHEFLOW_APPLICATION',
    'cacheflow/koa was mounted in something that is not Koa; for Express import cacheflow/express.',
  )
}

function isApplication(app: unknown): app is Koa {
  return typeof app === 'object' && app !== null && 'callback' in app && 'middleware' in app
}
