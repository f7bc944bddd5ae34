/** cacheflow in Express, in its three places: around the application, above everything, below middleware. */
import { cacheflow } from '../../dist/adapters/express/index.js'
import { expressApp } from './express.js'
import { expressMiddleware } from './middleware.js'

export async function createListener(setup) {
  const cache = cacheflow({ maxAge: '1h' })
  const app = await expressApp(setup, (express) => {
    if (setup.place === 'wrap') return
    if (setup.place === 'behind') express.use(...expressMiddleware())
    express.use(cache)
  })
  return setup.place === 'wrap' ? cache.wrap(app) : app
}
