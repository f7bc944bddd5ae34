/** cacheflow in Koa, in its three places: around the application, above everything, below middleware. */
import { cacheflow } from '../../dist/adapters/koa/index.js'
import { koaApp } from './koa.js'
import { koaMiddleware } from './middleware.js'

export async function createListener(setup) {
  const cache = cacheflow({ maxAge: '1h' })
  const app = await koaApp(setup, (koa) => {
    if (setup.place === 'wrap') return
    if (setup.place === 'behind') for (const middleware of koaMiddleware()) koa.use(middleware)
    koa.use(cache)
  })
  return setup.place === 'wrap' ? cache.wrap(app) : app.callback()
}
