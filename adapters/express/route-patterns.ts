import type { Application } from 'express'
import { isMounted } from './request.ts'

/** A layer of a router of Express 4 or 5, as far as it is asked. */
interface Layer {
  readonly handle: unknown
  readonly route: { readonly path: unknown; readonly stack: readonly Layer[] } | undefined
  /** Where it was mounted: Express 5 says so itself, Express 4 by its regular expression. */
  readonly rawPath: unknown
  readonly regexp: unknown
}

/**
 * The patterns of the routes on which a middleware stands, mount paths included. Where one cannot be told, its routes are left out, and so are
 * those of mounted applications: Express mounts them by a function that does not tell of which.
 */
export function routePatterns(app: Application, middleware: unknown): string[] {
  return patternsIn(routerOf(app), middleware, basesOf(app), new Set())
}

function basesOf(app: Application): string[] {
  if (!isMounted(app)) return ['']
  return join(basesOf(app.parent), pathsIn(app.mountpath))
}

function patternsIn(
  router: unknown,
  middleware: unknown,
  bases: readonly string[],
  seen: Set<unknown>,
): string[] {
  // A router may be mounted in itself.
  if (seen.has(router)) return []
  const within = new Set(seen).add(router)
  return layersIn(router).flatMap((layer) => {
    const { handle, route } = layer
    if (route) {
      const isThere = route.stack.some((each) => each.handle === middleware)
      return isThere ? join(bases, pathsIn(route.path)) : []
    }
    const mounted = mountPaths(layer)
    return mounted ? patternsIn(routerOf(handle), middleware, join(bases, mounted), within) : []
  })
}

function routerOf(given: unknown): unknown {
  if (typeof given !== 'function') return undefined
  if (Array.isArray(Reflect.get(given, 'stack'))) return given
  // Express 4 throws for whoever asks an application for its router by that name.
  return (
    Reflect.get(given, '_router') ??
    ('lazyrouter' in given ? undefined : Reflect.get(given, 'router'))
  )
}

function layersIn(router: unknown): Layer[] {
  const stack: unknown = typeof router === 'function' ? Reflect.get(router, 'stack') : undefined
  return Array.isArray(stack) ? (stack as Layer[]) : []
}

function pathsIn(path: unknown): string[] {
  return (Array.isArray(path) ? path.flat(Infinity) : [path]).map(String)
}

function mountPaths({ rawPath, regexp }: Layer): string[] | undefined {
  if (rawPath !== undefined) {
    const paths = pathsIn(rawPath)
    return rawPath instanceof RegExp ? undefined : paths
  }
  if (!(regexp instanceof RegExp)) return undefined
  if (Reflect.get(regexp, 'fast_slash') === true) return ['/']
  // `/^\\/shop\\/?(?=\\/|$)/i` stands for `/shop`: without parameters it can be read back.
  const [, source] = /^\^((?:\\[/.-]|[\w%~])+)\\\/\?\(\?=\\\/\|\$\)$/.exec(regexp.source) ?? []
  return source === undefined ? undefined : [source.replaceAll(/\\(.)/g, '$1')]
}

function join(bases: readonly string[], paths: readonly string[]): string[] {
  return bases.flatMap((base) =>
    paths.map((path) => {
      if (path === '/') return base === '' ? '/' : base
      return `${base.replace(/\/$/, '')}${path.startsWith('/') ? path : `/${path}`}`
    }),
  )
}
