/**
 * Koa alone: a handler that sets the body, and a middleware that only ends with a ready Buffer.
 */
import { createListener as endWithBuffer } from './node.js'
import { koaMiddleware } from './middleware.js'

/** An application with the page's handler; `prepare(app)` mounts what stands above it. */
export async function koaApp({ framework, page, noStore, reads, count }, prepare = () => {}) {
  const { default: Koa } = await import(framework)
  const app = new Koa()
  prepare(app)
  app.use((ctx) => {
    if (ctx.path !== '/page') return
    count()
    if (reads) ctx.get('Accept-Language')
    if (noStore) ctx.set('Cache-Control', 'no-store')
    ctx.body = page.content
  })
  return app
}

/** `bare`: the handler alone. `ready`: a middleware ends with a Buffer, first or behind others. */
export async function createListener(setup) {
  if (setup.role === 'bare') return (await koaApp(setup)).callback()
  const end = endWithBuffer(setup)
  const app = await koaApp(setup, (koa) => {
    if (setup.place === 'behind') for (const middleware of koaMiddleware()) koa.use(middleware)
    koa.use((ctx) => {
      // Past Koa's own respond(): the least a Koa middleware can do to end a response.
      ctx.respond = false
      end(ctx.req, ctx.res)
    })
  })
  return app.callback()
}
