/**
 * Koa alone: a handler that sets the body, and a middleware that only ends with a ready Buffer.
 */
import { createListener as endWithBuffer } from './node.js'
import { koaMiddleware } from './middleware.js'

/** An application with the page's handler; `prepare(app)` mounts what stands above it. */
export async function koaApp(
  { framework, page, noStore, reads, conditional, count },
  prepare = () => {},
) {
  const { default: Koa } = await import(framework)
  const app = new Koa()
  prepare(app)
  app.use((ctx) => {
    if (ctx.path !== '/page') return
    count()
    if (reads) ctx.get('Accept-Language')
    if (noStore) ctx.set('Cache-Control', 'no-store')
    // Behind other middleware, which may change the body, cacheflow makes no tag of its own.
    if (conditional) ctx.set('ETag', page.etag)
    ctx.body = page.content
  })
  return app
}

/** `bare`: the handler alone. `ready` and `body`: a middleware ends with a Buffer, first or behind others. */
export async function createListener(setup) {
  const ending = { ready: endPastKoa, body: endWithinKoa }[setup.role]
  const app = await koaApp(setup, (koa) => {
    if (setup.place === 'behind') for (const middleware of koaMiddleware()) koa.use(middleware)
    if (ending) koa.use(ending(setup))
  })
  return app.callback()
}

/** Past Koa's own respond(): the least that can end a response, and what stands above can add nothing more. */
function endPastKoa(setup) {
  const end = endWithBuffer(setup)
  return (ctx) => {
    ctx.respond = false
    end(ctx.req, ctx.res)
  }
}

/** As Koa wants it: what stands above still finds the body and may still set a field. */
function endWithinKoa({ page }) {
  return (ctx) => {
    ctx.set('ETag', page.etag)
    if (ctx.headers['if-none-match'] === page.etag) {
      ctx.status = 304
      return
    }
    ctx.set('Content-Type', page.type)
    ctx.body = page.bytes
  }
}
