/**
 * Express alone: a handler that sends the page, and a middleware that only ends with a ready Buffer.
 */
import { createListener as endWithBuffer } from './node.js'
import { expressMiddleware } from './middleware.js'

/** An application with the page's handler; `prepare(app)` mounts what stands above it. */
export async function expressApp(
  { framework, page, noStore, reads, count },
  prepare = () => {},
  handlers = [],
) {
  const { default: express } = await import(framework)
  const app = express()
  prepare(app)
  app.get('/page', ...handlers, (req, res) => {
    count()
    if (reads) req.get('Accept-Language')
    if (noStore) res.set('Cache-Control', 'no-store')
    if (typeof page.content === 'string') res.type('html').send(page.content)
    else res.json(page.content)
  })
  return app
}

/** `bare`: the handler alone. `ready`: a middleware ends with a Buffer, first or behind others. */
export function createListener(setup) {
  if (setup.role === 'bare') return expressApp(setup)
  return expressApp(setup, (app) => {
    if (setup.place === 'behind') app.use(...expressMiddleware())
    app.use(endWithBuffer(setup))
  })
}
