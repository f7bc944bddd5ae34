/**
 * What ordinarily stands above a cache: a request id, security headers, and an access log's clock.
 * The same work in both frameworks and in front of every variant "behind middleware".
 */

const SECURITY = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'SAMEORIGIN'],
  ['Referrer-Policy', 'strict-origin-when-cross-origin'],
]

/** For `app.use(...expressMiddleware())`. */
export function expressMiddleware() {
  let requests = 0
  const log = { finished: 0, milliseconds: 0 }
  return [
    (req, res, next) => {
      res.setHeader('X-Request-Id', `r${++requests}`)
      next()
    },
    (req, res, next) => {
      for (const [name, value] of SECURITY) res.setHeader(name, value)
      next()
    },
    (req, res, next) => {
      const start = performance.now()
      res.on('finish', () => {
        log.finished++
        log.milliseconds += performance.now() - start
      })
      next()
    },
  ]
}

/** For `app.use` of each. */
export function koaMiddleware() {
  let requests = 0
  const log = { finished: 0, milliseconds: 0 }
  return [
    (ctx, next) => {
      ctx.set('X-Request-Id', `r${++requests}`)
      return next()
    },
    (ctx, next) => {
      for (const [name, value] of SECURITY) ctx.set(name, value)
      return next()
    },
    async (ctx, next) => {
      const start = performance.now()
      await next()
      log.finished++
      log.milliseconds += performance.now() - start
    },
  ]
}
