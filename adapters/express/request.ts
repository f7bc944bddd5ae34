import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Application, Request, Response } from 'express'
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
  type Origin,
  type AdapterRequest,
  type Policy,
  PropertyObserver,
  type StoredResponse,
  type TargetProperties,
  keyedTarget,
  originalHeaders,
  templateFunctions,
} from '../../src/adapter.ts'

import { readers } from './readers.ts'
import { followRoutes, matchedRoutes } from './matched-routes.ts'

export type Listener = (message: IncomingMessage, response: ServerResponse) => void
type ParseQuery = (query: string) => Request['query']
type Trust = (address: string | undefined, hop: number) => boolean

/** One Express request at one place, for the gate. */
export class ExpressAdapterRequest implements AdapterRequest {
  readonly message: Request
  readonly response: Response
  readonly readers: KnownReaders = readers
  readonly #app: Application
  readonly #isFirst: boolean
  readonly #next: () => void

  /** @param isFirst nothing has run before this place */
  constructor(
    message: Request,
    response: Response,
    app: Application,
    isFirst: boolean,
    next: () => void,
  ) {
    this.message = message
    this.response = response
    this.#app = app
    this.#isFirst = isFirst
    this.#next = next
  }

  /** Express gives each request the prototype of its application, in the chain of which all are observed. */
  get prototype(): object | undefined {
    const app: Application | undefined = this.#app
    const shared = requestOf(app)
    const outermost = shared && requestOf(rootOf(app))
    if (outermost) PropertyObserver.for(readers).watch(outermost)
    return shared
  }

  incoming(arrival: Arrival | undefined): NodeRequest {
    const { message } = this
    const { originalUrl } = message
    const target = originalUrl === undefined ? message.url : arrivedTarget(message, originalUrl)
    const origin = originOf(message, this.#app)
    return new NodeRequest(message, message, expressRequests, {
      target,
      origin,
      arrival,
      isFirst: this.#isFirst,
      application: this.#app,
    })
  }

  forward(): void {
    this.#next()
  }

  expose(exchange: Exchange): void {
    const { response } = this
    // Before Express has set them up: it keeps the locals it finds.
    response.locals ??= Object.create(null)
    const context = new ResponseContext(
      exchange,
      {
        setHeader: (name, value) => response.setHeader(name, value),
        endNotModified: () => {
          response.statusCode = 304
          response.end()
        },
      },
      () => boundScope(exchange),
    )
    // Not among what is listed: views and JSON show all that the locals have.
    Object.defineProperty(response.locals, 'cacheflow', {
      configurable: true,
      writable: true,
      enumerable: false,
      value: context,
    })
    Object.assign(
      response.locals,
      templateFunctions(() => boundScope(exchange)),
    )
    followRoutes(this.message)
  }

  finish({ status }: StoredResponse): void {
    this.response.writeHead(status)
    this.response.end()
  }

  stripQuery(policy: Policy): void {
    const { message } = this
    const current = message.originalUrl ?? message.url
    const narrowed = keyedTarget(arrivedTarget(message, current), policy.query)
    if (narrowed === current) return
    keepTarget(message, current)
    const mark = narrowed.indexOf('?')
    const search = mark < 0 ? '' : narrowed.slice(mark)
    message.originalUrl = narrowed
    message.url = message.url.split('?', 1)[0] + search
    // Express 4 parses the query once, into a property; Express 5 derives it from the URL each time, unless middleware has set it.
    if (Object.hasOwn(message, 'query')) {
      const parse: unknown = this.#app.get('query parser fn')
      if (typeof parse === 'function') {
        const parsed = (target: string): Request['query'] =>
          (parse as ParseQuery)(target.split('?').slice(1).join('?'))
        dropParameters(message.query, parsed(current), parsed(narrowed))
      }
    }
  }
}

const ofTarget = {
  originalUrl: ':url',
  baseUrl: ':url',
  params: ':url',
  query: ':url',
  route: ':url',
  _parsedUrl: ':url',
  _parsedOriginalUrl: ':url',
} as const

/** All other ways to the target, such as `req.path` and `req.hostname`, end at these or at the headers. */
function targetsOf(request: Request): TargetProperties {
  return [[request, ofTarget]]
}

/**
 * Takes from a parsed query what the key does not have, and leaves the rest as it is: middleware may have cleaned it, and to parse it
 * anew would bring back what was taken out.
 */
function dropParameters(
  existing: Request['query'],
  whole: Request['query'],
  narrowed: Request['query'],
): void {
  for (const name of Object.keys(existing)) {
    const kept = narrowed[name]
    if (kept === undefined) delete existing[name]
    else if (JSON.stringify(kept) !== JSON.stringify(whole[name])) existing[name] = kept
  }
  // What a policy further out has hidden, and this one has in its key.
  for (const name of Object.keys(narrowed)) if (!(name in whole)) existing[name] = narrowed[name]
}

/** What all requests of an application inherit from. */
function requestOf(app: Application | undefined): object | undefined {
  const request: unknown = app && Reflect.get(app, 'request')
  return typeof request === 'object' && request !== null ? request : undefined
}

/** The outermost application. */
export function rootOf(app: Application): Application {
  return isMounted(app) ? rootOf(app.parent) : app
}

export function isMounted(app: Application): app is Application & { parent: Application } {
  return 'parent' in app && typeof app.parent === 'function'
}

/** Host and protocol as Express tells them: forwarded ones count where `trust proxy` trusts the peer. */
function originOf(message: Request, app: Application): Origin {
  const headers = originalHeaders(message)
  const { socket } = message
  let protocol = 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
  let host = headers['host'] ?? headers[':authority']
  const isForwarded =
    headers['x-forwarded-host'] !== undefined || headers['x-forwarded-proto'] !== undefined
  if (isForwarded) {
    const trust: unknown = app.get('trust proxy fn')
    if (typeof trust === 'function' && (trust as Trust)(socket.remoteAddress, 0)) {
      protocol = firstOf(headers['x-forwarded-proto']) ?? protocol
      host = firstOf(headers['x-forwarded-host']) ?? host
    }
  }
  return { protocol, host: typeof host === 'string' ? host : '' }
}

function firstOf(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value
  const first = text?.split(',', 1)[0]?.trim()
  return first === '' ? undefined : first
}

const expressRequests: FrameworkRequests = { routes: matchedRoutes, targets: targetsOf }
