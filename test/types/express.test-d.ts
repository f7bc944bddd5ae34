import { expectTypeOf, test } from 'vitest'
import express, { type Request } from 'express'
import type { ResponseContext, TemplateFragment } from '../../src/index.ts'
import {
  type ExpressCacheflowOptions,
  type Listener,
  cacheflow,
} from '../../adapters/express/index.ts'

const app = express()
const cache = cacheflow({ maxAge: '5m' })

test('a route keeps the types of its own parameters for the handlers behind the cache', () => {
  app.get('/posts/:id/:part', cache.route({ maxAge: '1h' }), (req, res) => {
    expectTypeOf(req.params.id).toEqualTypeOf<string>()
    expectTypeOf(req.params.part).toEqualTypeOf<string>()
    // @ts-expect-error -- the route has no such parameter
    void req.params.other
    res.send('')
  })
})

test('res.locals has the draft and the functions of templates, typed', () => {
  app.get('/', (_req, res) => {
    expectTypeOf(res.locals.cacheflow).toEqualTypeOf<ResponseContext>()
    expectTypeOf(res.locals.cacheFragment).toEqualTypeOf<TemplateFragment>()
    expectTypeOf(res.locals.cacheflow.tag('a').maxAge('1m')).toEqualTypeOf<ResponseContext>()
    // @ts-expect-error -- not a duration
    res.locals.cacheflow.maxAge('soon')
    // @ts-expect-error -- a reason is wanted: it stands in the event
    res.locals.cacheflow.noStore()
  })
})

test('functions of options get the request of Express', () => {
  cache.route({
    session: (req) => {
      expectTypeOf(req).toEqualTypeOf<Request>()
      return req.get('X-Role') ?? null
    },
  })
  const options: ExpressCacheflowOptions = { key: (req) => req.path }
  expectTypeOf(cacheflow(options).wrap(app)).toEqualTypeOf<Listener>()
  // @ts-expect-error -- the application itself is wanted
  cache.wrap({})
})

test('wrong options do not compile', () => {
  // @ts-expect-error -- no such option
  cacheflow({ maxage: '1m' })
  // @ts-expect-error -- no such unit
  cacheflow({ maxAge: '5 minutes' })
  // @ts-expect-error -- tags are a list
  cache.route({ tags: 'posts' })
  // @ts-expect-error -- true says nothing
  cache.route(true)
})

test('events have the types of their names', () => {
  cache.on('miss', (event) => {
    expectTypeOf(event.invalidatedBy).toEqualTypeOf<string | undefined>()
    // @ts-expect-error -- a miss has no age
    void event.age
  })
  // @ts-expect-error -- no such event
  cache.on('hits', () => undefined)
})

test('an invalidation names one target', () => {
  void cache.invalidate({ tag: 'posts' })
  void cache.invalidate({ route: '/posts/:id', params: { id: 7 } }, { soft: true })
  // @ts-expect-error -- no such target
  void cache.invalidate({ tags: 'posts' })
  // @ts-expect-error -- all of it, or something named
  void cache.invalidate({ all: false })
})
