import { expectTypeOf, test } from 'vitest'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import type { ResponseContext, TemplateFragments } from '../../src/index.ts'
import { type KoaCacheflowOptions, cacheflow } from '../../adapters/koa/index.ts'

const cache = cacheflow({ maxAge: '5m' })
const app = new Koa()

test('ctx.state has the draft and the functions of templates, typed', () => {
  app.use(cache)
  app.use((ctx) => {
    expectTypeOf(ctx.state.cacheflow).toEqualTypeOf<ResponseContext>()
    expectTypeOf(ctx.state.cacheFragments).toEqualTypeOf<TemplateFragments>()
    // @ts-expect-error -- not a duration
    ctx.state.cacheflow.maxAge('soon')
  })
})

test('a route of @koa/router takes the middleware, and its context stays typed behind it', () => {
  const router = new Router()
  router.get('/stations/:id', cache.route({ maxAge: '10m' }), (ctx) => {
    expectTypeOf(ctx.state.cacheflow).toEqualTypeOf<ResponseContext>()
    ctx.body = ctx.params['id']
  })
})

test('functions of options get the context of Koa', () => {
  const options: KoaCacheflowOptions = {
    session: (ctx) => {
      expectTypeOf(ctx).toEqualTypeOf<Context>()
      return ctx.get('X-Role')
    },
  }
  cacheflow(options)
  // @ts-expect-error -- a name or null
  cacheflow({ session: () => 5 })
  // @ts-expect-error -- the application itself is wanted
  cache.wrap(app.callback())
})
