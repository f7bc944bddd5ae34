import {
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
  createServer,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import type { CacheHandle, CacheflowOptions } from 'cacheflow'
import { onTestFinished } from 'vitest'
import { type WireRequest, type WireResponse, send } from './wire.ts'

/**
 * Where the cache stands: first in the application, behind other middleware, around the application, or at one route
 * alone.
 */
export type Place = 'first' | 'behind' | 'wrap' | 'route'
export const places: readonly Place[] = ['first', 'behind', 'wrap', 'route']

/** Answers at the raw response, as every framework and stream does in the end. */
export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown
export type Connect = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void
export type KoaMiddleware = (ctx: Koa3.Context, next: Koa3.Next) => unknown

/** One small application. */
export interface Site {
  /** The application's one handler. */
  readonly handler?: Handler
  /** The same on Koa, where the answer is in the context. */
  readonly koa?: KoaMiddleware
  /** Middleware outside of the cache, in the places that have an outside. */
  readonly outside?: readonly (Connect | KoaMiddleware)[]
  /** Middleware between the cache and the handler. */
  readonly inside?: readonly (Connect | KoaMiddleware)[]
  readonly options?: CacheflowOptions<unknown>
  /** For middleware that must know its application, on Koa. */
  readonly prepare?: (app: Koa3) => void
  /** Express's settings. */
  readonly settings?: (app: express5.Application) => void
}

/** A framework, one of its majors, and a place of the cache in it. */
export interface Host {
  readonly name: string
  readonly framework: 'Express' | 'Koa'
  readonly major: number
  readonly place: Place
  /** Something may stand outside of the cache. */
  readonly hasOutside: boolean
  /** What is written to the raw response can be stored here. */
  readonly seesRaw: boolean
  /** The application as a listener, with the cache or, as if it had never been installed, without. */
  build(site: Site, isCached: boolean): Built
}

interface Built {
  readonly listener: RequestListener
  readonly cache: CacheHandle
}

export function expressHost(major: 4 | 5, place: Place): Host {
  // The two majors have types of their own, equal in all that is used here.
  const express = major === 4 ? (express4 as unknown as typeof express5) : express5
  const hasOutside = place === 'behind' || place === 'route'
  return {
    name: `Express ${major}, ${place}`,
    framework: 'Express',
    major,
    place,
    hasOutside,
    seesRaw: true,
    build({ handler, outside = [], inside = [], options = {}, settings }, isCached) {
      const cache = forExpress(options)
      const app = express()
      settings?.(app)
      const isMounted = isCached && (place === 'first' || place === 'behind')
      if (hasOutside) for (const each of outside) app.use(each as Connect)
      if (place === 'behind') app.use(outer)
      if (isMounted) app.use(cache)
      const all = [...inside, (...given: Parameters<Connect>) => handler?.(...given)]
      if (place === 'route') {
        const pattern = major === 4 ? '/*' : '/{*all}'
        app.all(pattern, ...(isCached ? [cache.route({})] : []), ...(all as Connect[]))
      } else {
        for (const each of all) app.use(each as Connect)
      }
      const listener = isCached && place === 'wrap' ? cache.wrap(app) : (app as RequestListener)
      return { listener, cache }
    },
  }
}

export function koaHost(major: 2 | 3, place: Place): Host {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  const hasOutside = place === 'behind' || place === 'route'
  return {
    name: `Koa ${major}, ${place}`,
    framework: 'Koa',
    major,
    place,
    hasOutside,
    // Behind other middleware the response is what the context holds.
    seesRaw: !hasOutside,
    build({ handler, koa, outside = [], inside = [], options = {}, prepare }, isCached) {
      const cache = forKoa(options)
      const app = new Koa()
      app.silent = true
      prepare?.(app)
      if (hasOutside) for (const each of outside) app.use(each as KoaMiddleware as Koa3.Middleware)
      if (hasOutside) app.use(outerOfKoa)
      if (isCached && (place === 'first' || place === 'behind')) app.use(cache)
      if (isCached && place === 'route') app.use(cache.route({}))
      app.use(async (ctx, next) => {
        if (ctx.path === arrival) ctx.body = 'arrived'
        else await next()
      })
      for (const each of inside) app.use(each as KoaMiddleware as Koa3.Middleware)
      app.use(async (ctx) => {
        if (koa) {
          await koa(ctx, () => Promise.resolve())
          return
        }
        ctx.respond = false
        // Koa begins with 404; a raw handler begins where node:http does.
        ctx.res.statusCode = 200
        await handler?.(ctx.req, ctx.res, () => undefined)
      })
      const listener = isCached && place === 'wrap' ? cache.wrap(app) : app.callback()
      return { listener, cache }
    },
  }
}

const outer: Connect = (_request, response, next) => {
  response.setHeader('X-Outer', '1')
  next()
}
const outerOfKoa: Koa3.Middleware = async (ctx, next) => {
  ctx.set('X-Outer', '1')
  await next()
}

/** A server that is up until the test ends. */
export interface Running {
  readonly port: number
  readonly cache: CacheHandle
  /** How often the application's handler ran. */
  readonly runs: number
  send(request?: WireRequest | string): Promise<WireResponse>
}

const arrival = '/the-first-request'

/** Serves the site, with the cache unless told otherwise. */
export async function open(host: Host, site: Site, isCached = true): Promise<Running> {
  let runs = 0
  const { handler, koa } = site
  const counted: Site = {
    ...site,
    ...(handler && {
      handler: (request, response, next) => {
        if (request.url === arrival) return response.end()
        runs++
        return handler(request, response, next)
      },
    }),
    ...(koa && {
      koa: (ctx, next) => {
        if (ctx.url === arrival) return undefined
        runs++
        return koa(ctx, next)
      },
    }),
  }
  const { listener, cache } = host.build(counted, isCached)
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await cache.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  // On a route, and behind Koa's middleware, the cache learns its application with the first request, which is not stored.
  if (isCached && host.hasOutside) await send(port, { path: arrival })
  return {
    port,
    cache,
    get runs() {
      return runs
    },
    send: (request = {}) => send(port, typeof request === 'string' ? { path: request } : request),
  }
}

/** The cache's own member of Cache-Status, the last one. */
function statusOf(response: WireResponse): string {
  return (
    response
      .all('cache-status')
      .join(', ')
      .split(/,\s*(?=cacheflow)/)
      .at(-1) ?? ''
  )
}

export function isHit(response: WireResponse): boolean {
  return statusOf(response).startsWith('cacheflow; hit')
}
