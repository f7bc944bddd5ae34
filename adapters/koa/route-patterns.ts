import type Koa from 'koa'

/** The patterns of the routes of @koa/router on which a middleware stands, prefixes included. */
export function routePatterns(app: Koa, middleware: unknown): string[] {
  return app.middleware.flatMap((each) => {
    const router: unknown = Reflect.get(each, 'router')
    const stack: unknown =
      typeof router === 'object' && router !== null ? Reflect.get(router, 'stack') : undefined
    return layersIn(stack)
      .filter((layer) => layersIn(layer.stack).includes(middleware as Layer))
      .map(({ path }) => String(path))
  })
}

interface Layer {
  readonly path: unknown
  readonly stack: unknown
}

function layersIn(given: unknown): readonly Layer[] {
  return Array.isArray(given) ? (given as Layer[]) : []
}
