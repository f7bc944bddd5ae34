import { request as open, createServer } from 'node:http'
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  Server,
} from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import type {
  CacheflowEvents,
  CacheflowOptions,
  CacheHandle,
  ResponseContext,
  EventName,
} from 'cacheflow'
import { cacheflow as expressCacheflow, type ExpressCacheflow } from 'cacheflow/express'
import { cacheflow as koaCacheflow } from 'cacheflow/koa'
import express, { type Express } from 'express'
import express4 from 'express4'
import Koa from 'koa'
import { onTestFinished } from 'vitest'

/** One run of a handler. */
export interface Visit {
  /** Which run it is: 1, 2, 3, ... */
  readonly run: number
  /** The request as the application sees it, behind the cache. */
  readonly request: IncomingMessage
  readonly draft: ResponseContext
}

/** What a handler makes; status 200 and the body `made 1`, `made 2`, ... when it does not say. */
export interface Made {
  readonly status?: number
  readonly fields?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array | null
}

export type Handler = (visit: Visit) => Made | Promise<Made>
/** In Koa a cache behind other middleware goes another way than one that comes first, so it counts as a host. */
export const hosts = ['express', 'express4', 'koa', 'koa behind others'] as const
export type Host = (typeof hosts)[number]
/** Options whose callbacks use only what the requests of all hosts have. */
export type Options = CacheflowOptions<{ readonly headers: IncomingHttpHeaders }>

export interface Answer {
  readonly status: number
  readonly message: string
  readonly headers: IncomingHttpHeaders
  /** Names and values as they came, in one list. */
  readonly lines: readonly string[]
  readonly trailers: Readonly<Record<string, string | undefined>>
  readonly bytes: Buffer
  readonly body: string
}

export interface Asking {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
}

export type Seen = {
  [Name in EventName]: { readonly name: Name } & CacheflowEvents[Name]
}[EventName]

interface Mounted {
  readonly cache: CacheHandle
  readonly listener: RequestListener
}

/** Noon on a day, where every test begins: only what it adds to it passes. */
const noon = Date.UTC(2026, 2, 4, 12)

/** An application behind a cache whose clock stands still, and a client for it. */
export class Application {
  port = 0
  readonly cache: CacheHandle
  readonly events: Seen[] = []
  /** How often the handler ran. */
  runs = 0
  now = noon
  readonly #server: Server
  #arrived = 0
  readonly #watchers = new Set<() => void>()
  readonly #ears = new Map<EventName, () => void>()

  /** Starts what `mount` puts together on a port of its own, until the test is over. */
  static async start(mount: (self: Application) => Mounted): Promise<Application> {
    const started = new Application(mount)
    const server = started.#server
    server.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    started.port = (server.address() as AddressInfo).port
    onTestFinished(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await started.cache.close()
    })
    return started
  }

  get server(): Server {
    return this.#server
  }

  private constructor(mount: (self: Application) => Mounted) {
    const { cache, listener } = mount(this)
    this.cache = cache
    const server = createServer(listener)
    this.#server = server
    // Comes after the application's own listener: the request has been looked at by then.
    server.on('request', ({ socket }) => {
      // A refresh comes over no connection.
      if (!(socket instanceof Socket)) return
      this.#arrived++
      this.#tell()
    })
    for (const name of eventNames) {
      const end = cache.on(name, (event) => {
        this.events.push({ name, ...event } as Seen)
        this.#tell()
      })
      this.#ears.set(name, end)
    }
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Counts requests and events from here on. */
  forget(): void {
    this.events.length = 0
    this.#arrived = 0
  }

  /** Lets time pass: nothing sleeps. */
  advance(seconds: number): void {
    this.now += seconds * 1000
  }

  date(secondsFromNow = 0): string {
    return new Date(this.now + secondsFromNow * 1000).toUTCString()
  }

  async get(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.ask(path, { headers })
  }

  async head(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.ask(path, { method: 'HEAD', headers })
  }

  /** A connection of its own for each request, and no header that is not asked for but Host. */
  async ask(path: string, { method = 'GET', headers = {}, body }: Asking = {}): Promise<Answer> {
    const { port } = this
    return new Promise((resolve, reject) => {
      const client = open({ host: '127.0.0.1', port, path, method, headers, agent: false })
      client.on('error', reject)
      client.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          resolve({
            status: response.statusCode ?? 0,
            message: response.statusMessage ?? '',
            headers: response.headers,
            lines: response.rawHeaders,
            trailers: response.trailers,
            bytes,
            body: bytes.toString(),
          })
        })
      })
      client.end(body)
    })
  }

  /** The events of one name so far. */
  seen<Name extends EventName>(name: Name): CacheflowEvents[Name][] {
    return this.events.filter((event) => event.name === name) as unknown as CacheflowEvents[Name][]
  }

  /** Nobody listens to events of this name any more. */
  deafen(name: EventName): void {
    this.#ears.get(name)?.()
  }

  /** Why responses were not stored, in order. */
  get refusals(): string[] {
    return this.seen('uncacheable').map(({ reason }) => reason)
  }

  /** How many requests have been looked at. */
  get arrivals(): number {
    return this.#arrived
  }

  /** Resolves when so many requests, counted from the start, have been looked at. */
  async arrived(count: number): Promise<void> {
    await this.until(() => this.#arrived >= count)
  }

  /** Resolves when so many events of one name, counted from the start, have happened. */
  async happened(name: EventName, count = 1): Promise<void> {
    await this.until(() => this.seen(name).length >= count)
  }

  /** Resolves when the condition holds; it is asked at every arrival and event. */
  async until(isReached: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isReached()) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
    // Whatever the same turn of the loop had still to do.
    await new Promise((resolve) => setImmediate(resolve))
  }

  #tell(): void {
    for (const look of [...this.#watchers]) look()
  }
}

/** An application of one handler for every path and method, in Express 5 unless another host is named. */
export async function application(
  handler: Handler,
  options: Options = {},
  host: Host = 'express',
): Promise<Application> {
  const started = await Application.start((made) => {
    const given = { clock: () => made.now, ...options }
    const visit = async (
      request: IncomingMessage,
      draft: ResponseContext,
    ): Promise<Required<Made>> => {
      const run = ++made.runs
      const {
        status = 200,
        fields = {},
        body = `made ${run}`,
      } = await handler({ run, request, draft })
      return { status, fields, body }
    }
    if (host === 'koa' || host === 'koa behind others') {
      const cache = koaCacheflow(given)
      const app = new Koa()
      app.silent = true
      if (host === 'koa behind others')
        app.use(async (_ctx, next) => {
          await next()
        })
      app.use(cache)
      app.use(async (ctx) => {
        if (ctx.path === introduction) {
          ctx.status = 204
          return
        }
        const { status, fields, body } = await visit(ctx.req, ctx.state.cacheflow)
        ctx.status = status
        ctx.body = body instanceof Uint8Array ? Buffer.from(body) : body
        for (const [name, value] of Object.entries(fields))
          ctx.set(name, typeof value === 'string' ? value : [...value])
      })
      return { cache, listener: app.callback() }
    }
    const cache = expressCacheflow(given)
    const app = host === 'express' ? express() : (express4() as unknown as Express)
    quiet(app)
    app.use(cache)
    app.use((request, response, next) => {
      visit(request, response.locals.cacheflow)
        .then(({ status, fields, body }) => {
          response.statusCode = status
          for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
          response.end(body ?? undefined)
        })
        .catch(next)
    })
    return { cache, listener: app }
  })
  // Only from its first request does a cache know the Koa application that it is in.
  if (host === 'koa behind others') {
    await started.ask(introduction, { method: 'OPTIONS' })
    started.forget()
  }
  return started
}

const introduction = '/introduction'

/** An Express 5 application with what the test mounts, the cache included. */
export async function expressApplication(
  mount: (app: Express, cache: ExpressCacheflow, self: Application) => void,
  options: Options = {},
): Promise<Application> {
  return Application.start((made) => {
    const cache = expressCacheflow({ clock: () => made.now, ...options })
    const app = express()
    quiet(app)
    mount(app, cache, made)
    return { cache, listener: app }
  })
}

/** No X-Powered-By, and no error printed that a test makes on purpose. */
function quiet(app: Express): void {
  app.disable('x-powered-by')
  app.set('env', 'test')
}

const eventNames: readonly EventName[] = [
  'hit',
  'miss',
  'bypass',
  'store',
  'uncacheable',
  'refresh',
  'fragment',
  'touch',
  'invalidate',
  'evict',
  'redis',
  'unconfirmed',
  'reset',
  'audit',
  'warning',
  'error',
]
