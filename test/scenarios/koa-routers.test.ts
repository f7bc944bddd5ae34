import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { Router as Router15 } from '@koa/router'
import type { CacheHandle } from 'cacheflow'
import { cacheflow } from 'cacheflow/koa'
import Koa3, { type Middleware } from 'koa'
import mount from 'koa-mount'
import Router10 from 'koa-router10'
import Router11 from 'koa-router11'
import Router12 from 'koa-router12'
import Router13 from 'koa-router13'
import Router14 from 'koa-router14'
import { Router as First15 } from 'koa-router15'
import RouterOld from 'koa-router-old'
import Koa2 from 'koa2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type WireResponse, send } from '../support/wire.ts'
import { isHit } from '../support/host.ts'

interface AnyRouter {
  get(path: string, handler: Middleware): unknown
  routes(): Middleware
}
type Make = new () => AnyRouter

const routers: readonly [string, Make][] = [
  ['@koa/router 15', Router15],
  ['@koa/router 15.0', First15 as never],
  ['@koa/router 14', Router14 as never],
  ['@koa/router 13', Router13 as never],
  ['@koa/router 12', Router12 as never],
  ['@koa/router 11', Router11 as never],
  ['@koa/router 10', Router10 as never],
  ['koa-router 12', RouterOld as never],
]

interface Site {
  readonly cache: CacheHandle
  readonly runs: number
  readonly faults: readonly unknown[]
  get(path: string): Promise<WireResponse>
}

async function open(
  Koa: typeof Koa3,
  place: 'first' | 'behind',
  build: (app: Koa3, count: () => void) => void,
): Promise<Site> {
  const cache = cacheflow()
  const app = new Koa()
  app.silent = true
  if (place === 'behind') app.use((_, next) => next())
  app.use(cache)
  let runs = 0
  build(app, () => runs++)
  const faults: unknown[] = []
  cache.on('error', ({ error }) => faults.push(error))
  const server = createServer(app.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await cache.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const get = (path: string): Promise<WireResponse> => send(port, { path })
  // Only from its first request does a cache know the Koa application that it is in.
  await get('/nothing')
  return {
    cache,
    faults,
    get runs() {
      return runs
    },
    get,
  }
}

for (const [name, Router] of routers) {
  for (const place of ['first', 'behind'] as const) {
    for (const [major, given] of [
      [2, Koa2],
      [3, Koa3],
    ] as const) {
      const Koa = given as unknown as typeof Koa3
      describe(`${name} in Koa ${major}, the cache ${place}`, () => {
        it('stores a mounted route under its mount path, and falls by it with its parameters', async () => {
          const site = await open(Koa, place, (app, count) => {
            const router = new Router()
            router.get('/posts/:id', (ctx) => {
              count()
              ctx.body = `post ${(ctx['params'] as { id: string }).id}`
            })
            app.use(mount('/api', router.routes()) as Middleware)
          })
          for (const isHeld of [false, true]) {
            const given = await site.get('/api/posts/7')
            expect([given.text, isHit(given)]).toEqual(['post 7', isHeld])
          }
          const routes: (string | undefined)[] = []
          site.cache.on('hit', ({ route }) => routes.push(route))
          await site.get('/api/posts/7')
          expect(routes).toEqual(['/api/posts/:id'])
          await site.cache.invalidate({ route: '/api/posts/:id', params: { id: 8 } })
          expect(isHit(await site.get('/api/posts/7'))).toBe(true)
          await site.cache.invalidate({ route: '/api/posts/:id', params: { id: 7 } })
          expect(isHit(await site.get('/api/posts/7'))).toBe(false)
          expect([site.runs, site.faults]).toEqual([2, []])
        })

        it('stores a page whose handler rewrites the path, and sends a stream of one whole', async () => {
          const site = await open(Koa, place, (app, count) => {
            const router = new Router()
            router.get('/old/:id', (ctx) => {
              count()
              ctx.path = '/rewritten'
              ctx.body = 'the old page'
            })
            router.get('/stream/:id', async (ctx) => {
              count()
              ctx.path = '/rewritten'
              const { Readable } = await import('node:stream')
              ctx.body = Readable.from([Buffer.from('one '), Buffer.from('two')], {
                objectMode: false,
              })
            })
            app.use(router.routes())
          })
          for (const [path, text] of [
            ['/old/1', 'the old page'],
            ['/stream/1', 'one two'],
          ] as const) {
            for (const isHeld of [false, true]) {
              const given = await site.get(path)
              expect([given.text, given.isComplete, isHit(given)]).toEqual([text, true, isHeld])
            }
          }
          await site.cache.invalidate({ route: '/old/:id', params: { id: 1 } })
          expect(isHit(await site.get('/old/1'))).toBe(false)
          expect(site.faults).toEqual([])
        })
      })
    }
  }
}

describe('a router that fails when it is asked', () => {
  for (const place of ['first', 'behind'] as const) {
    it(`costs no answer, and ends no process, with the cache ${place}`, async () => {
      const broken = (): never => {
        throw new Error('the router is broken')
      }
      const site = await open(Koa3, place, (app, count) => {
        app.use(async (ctx, next) => {
          count()
          Object.defineProperty(ctx, 'matched', { get: broken })
          await next()
        })
        app.use(async (ctx) => {
          const { Readable } = await import('node:stream')
          ctx.body = ctx.path === '/stream' ? Readable.from([Buffer.from('x')]) : 'x'
        })
      })
      for (const path of ['/', '/', '/stream', '/stream']) {
        const given = await site.get(path)
        expect([given.status, given.text, given.isComplete, isHit(given)]).toEqual([
          200,
          'x',
          true,
          false,
        ])
      }
      expect(String(site.faults[0])).toContain('the router is broken')
    })
  }
})
