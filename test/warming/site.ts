import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  createServer,
  request,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import KoaRouter from '@koa/router'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import type { CacheHandle, CacheflowOptions, RouteDeclaration, WarmTarget } from 'cacheflow'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import { onTestFinished } from 'vitest'

export type Framework = 'Express 4' | 'Express 5' | 'Koa 2' | 'Koa 3'
export const frameworks: readonly Framework[] = ['Express 4', 'Express 5', 'Koa 2', 'Koa 3']

/** One page as a handler is asked for it. */
export interface Page {
  readonly path: string
  readonly params: Readonly<Record<string, unknown>>
  header(name: string): string | undefined
}

/** What a handler makes: a body, or a status. */
export type Handler = (page: Page) => string | number | Promise<string | number>

export interface SiteRoute {
  readonly pattern: string
  readonly options: RouteDeclaration<unknown>
  readonly handler: Handler
}

type Parts = [CacheHandle, WarmTarget, RequestListener, trustProxy: () => void]

/** A site of a few routes behind the cache, in any framework. */
export class Site {
  readonly cache: CacheHandle
  readonly app: WarmTarget
  readonly listener: RequestListener
  readonly server: Server

  /** Lets the application believe a proxy in front of it. */
  readonly trustProxy: () => void

  private constructor(...[cache, app, listener, trustProxy]: Parts) {
    this.cache = cache
    this.app = app
    this.listener = listener
    this.server = createServer(listener)
    this.trustProxy = trustProxy
  }

  /** Listens at a port of its own until the test is over. */
  static async start(
    framework: Framework,
    routes: readonly SiteRoute[],
    options: CacheflowOptions<unknown> = {},
    mount: 'app' | 'router' = 'app',
  ): Promise<Site> {
    const site = framework.startsWith('Koa')
      ? koaSite(
          framework === 'Koa 2' ? (Koa2 as unknown as typeof Koa3) : Koa3,
          routes,
          options,
          mount,
        )
      : expressSite(
          framework === 'Express 4' ? (express4 as unknown as typeof express5) : express5,
          routes,
          options,
          mount,
        )
    const started = new Site(...site)
    await new Promise<void>((resolve) => started.server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      started.server.closeAllConnections()
      await new Promise((resolve) => started.server.close(resolve))
      await started.cache.close()
    })
    return started
  }

  get origin(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`
  }

  /** A visitor's request: its body, and what the cache says of it. */
  async visit(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number; body: string; cacheStatus: string }> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(this.origin + path, { headers }, resolve)
        .once('error', reject)
        .end()
    })
    let body = ''
    for await (const chunk of answer.setEncoding('utf8')) body += String(chunk)
    const cacheStatus = String(answer.headers['cache-status'] ?? '')
    return { status: answer.statusCode ?? 0, body, cacheStatus }
  }
}

function expressSite(
  express: typeof express5,
  routes: readonly SiteRoute[],
  options: CacheflowOptions<unknown>,
  mount: 'app' | 'router',
): Parts {
  const cache = forExpress(options)
  const app = express()
  app.use(cache)
  const router = mount === 'app' ? app : express.Router()
  for (const { pattern, options: given, handler } of routes) {
    router.get(pattern, cache.route(given), async (request, response, next) => {
      try {
        const made = await handler({
          path: request.originalUrl,
          params: request.params,
          header: (name) => request.get(name),
        })
        if (typeof made === 'number') response.sendStatus(made)
        else response.send(made)
      } catch (error) {
        next(error)
      }
    })
  }
  if (mount === 'router') app.use('/shop', router)
  app.set('env', 'test')
  return [cache, app, app, () => app.set('trust proxy', true)]
}

function koaSite(
  Koa: typeof Koa3,
  routes: readonly SiteRoute[],
  options: CacheflowOptions<unknown>,
  mount: 'app' | 'router',
): Parts {
  const cache = forKoa(options)
  const app = new Koa()
  app.silent = true
  app.use(cache)
  const router = new KoaRouter(mount === 'router' ? { prefix: '/shop' } : {})
  for (const { pattern, options: given, handler } of routes) {
    router.get(pattern, cache.route(given), async (ctx) => {
      const made = await handler({
        path: ctx.originalUrl,
        params: ctx.params,
        header: (name) => ctx.get(name),
      })
      if (typeof made === 'number') ctx.status = made
      else ctx.body = made
    })
  }
  app.use(router.routes())
  const listener = app.callback()
  return [
    cache,
    app,
    (request, response) => void listener(request, response),
    () => (app.proxy = true),
  ]
}
