import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'koa'
import {
  type Arrival,
  ResponseContext,
  boundScope,
  type Exchange,
  type KnownReaders,
  type FrameworkRequests,
  NodeRequest,
  arrivedTarget,
  keepTarget,
  type Observable,
  type ReadTracker,
  type AdapterRequest,
  type Policy,
  type StoredResponse,
  type TargetProperties,
  keyedTarget,
  originalHeaders,
  templateFunctions,
} from '../../src/adapter.ts'
import { observeContext } from './context-observer.ts'
import { readers } from './readers.ts'
import { matchedRoutes } from './matched-routes.ts'

/** One Koa request at one place where nothing stands outside of the cache, for the gate. */
export class KoaAdapterRequest implements AdapterRequest {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly readers: KnownReaders = readers
  readonly #ctx: Context
  readonly #isFirst: boolean
  readonly #next: () => void
  readonly #unwind: () => void

  /** @param unwind lets the context go back through the middleware that it has passed */
  constructor(
    ctx: Context,
    isFirst: boolean,
    next: () => void,
    unwind: () => void = () => undefined,
  ) {
    this.message = ctx.req
    this.response = ctx.res
    this.#ctx = ctx
    this.#isFirst = isFirst
    this.#next = next
    this.#unwind = unwind
  }

  incoming(arrival: Arrival | undefined): NodeRequest {
    return incomingOf(this.#ctx, arrival, this.#isFirst)
  }

  forward(): void {
    this.#next()
  }

  expose(exchange: Exchange): void {
    exposeContext(this.#ctx, exchange)
  }

  /** Middleware that the context passes on its way back finds the stored response there. */
  finish({ status, body }: StoredResponse): void {
    this.#ctx.status = status
    this.#ctx.body = body
    this.#unwind()
  }

  stripQuery(policy: Policy): void {
    stripQuery(this.#ctx, policy)
  }
}

/** The raw request, as it is observed beside the context. */
export function observableOf({ req, res }: Context): Observable {
  return { message: req, response: res, readers }
}

export function incomingOf(
  ctx: Context,
  arrival: Arrival | undefined,
  isFirst: boolean,
): NodeRequest {
  return new NodeRequest(ctx.req, ctx, koaRequests, {
    target: arrivedTarget(ctx.req, ctx.originalUrl),
    origin: originOf(ctx),
    arrival,
    isFirst,
    application: ctx.app,
  })
}

const ofContext = {
  originalUrl: ':url',
  params: ':url',
  captures: ':url',
  matched: ':url',
  routerName: ':url',
  routerPath: ':url',
  newRouterPath: ':url',
  _matchedRoute: ':url',
  _matchedRouteName: ':url',
} as const
const ofRequest = {
  originalUrl: ':url',
  params: ':url',
  memoizedURL: ':url',
  _querycache: ':url',
} as const
const ofMessage = { _parsedUrl: ':url', _parsedOriginalUrl: ':url' } as const

/** All other ways to the target, such as `ctx.path` and `ctx.host`, end at these or at the headers. */
function targetsOf(ctx: Context): TargetProperties {
  return [
    [ctx, ofContext],
    [ctx.request, ofRequest],
    [ctx.req, ofMessage],
  ]
}

export function exposeContext(ctx: Context, exchange: Exchange): void {
  const context = new ResponseContext(
    exchange,
    {
      setHeader: (name, value) => ctx.set(name, value),
      endNotModified: () => {
        ctx.status = 304
        ctx.body = null
      },
    },
    () => boundScope(exchange),
  )
  // Not among what is listed: views and JSON show all that the state has.
  Object.defineProperty(ctx.state, 'cacheflow', {
    configurable: true,
    writable: true,
    enumerable: false,
    value: context,
  })
  Object.assign(
    ctx.state,
    templateFunctions(() => boundScope(exchange)),
  )
  if (exchange.observation) observeOnce(ctx, exchange.observation)
}

const observed = new WeakMap<Context, ReadTracker>()

export function observeOnce(ctx: Context, observation: ReadTracker): void {
  const earlier = observed.get(ctx)
  earlier?.relayTo(observation)
  if (earlier) return
  observed.set(ctx, observation)
  observeContext(ctx, observation)
}

/** Takes from the request what is not part of the key, wherever Koa keeps it. */
export function stripQuery(ctx: Context, policy: Policy): void {
  const narrowed = keyedTarget(arrivedTarget(ctx.req, ctx.originalUrl), policy.query)
  if (narrowed === ctx.originalUrl) return
  keepTarget(ctx.req, ctx.originalUrl)
  const mark = narrowed.indexOf('?')
  ctx.originalUrl = ctx.request.originalUrl = narrowed
  // Whoever asked for ctx.URL before had it made of the whole target.
  Reflect.set(ctx.request, 'memoizedURL', undefined)
  ctx.url = `${ctx.url.split('?', 1)[0] ?? ''}${mark < 0 ? '' : narrowed.slice(mark)}`
}

/** Host and protocol as Koa tells them: forwarded ones count with `app.proxy`. */
function originOf(ctx: Context): { readonly protocol: string; readonly host: string } {
  const headers = originalHeaders(ctx.req)
  const { socket } = ctx.req
  const isEncrypted = 'encrypted' in socket && socket.encrypted === true
  let protocol = isEncrypted ? 'https' : 'http'
  let host: string | undefined
  if (ctx.app.proxy) {
    host = firstOf(headers['x-forwarded-host'])
    if (!isEncrypted) protocol = firstOf(headers['x-forwarded-proto'])?.toLowerCase() ?? protocol
  }
  host ??= firstOf(headers[':authority']) ?? firstOf(headers['host'])
  return { protocol, host: host ?? '' }
}

function firstOf(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value
  const first = text?.split(',', 1)[0]?.trim()
  return first === '' ? undefined : first
}

const koaRequests: FrameworkRequests = { routes: matchedRoutes, targets: targetsOf }
