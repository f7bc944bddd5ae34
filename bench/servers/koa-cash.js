/** koa-cash over a Map, the least a store of it can cost. */
import koaCash from 'koa-cash'

import { koaApp } from './koa.js'

export async function createListener(setup) {
  const store = new Map()
  const app = await koaApp(setup, (koa) => {
    koa.use(koaCash({ get: (key) => store.get(key), set: (key, value) => store.set(key, value) }))
    koa.use(async (ctx, next) => {
      if (await ctx.cashed()) return
      await next()
      // It answers 304 only to the tag that the application has set.
      ctx.etag = setup.page.etag
    })
  })
  return app.callback()
}
