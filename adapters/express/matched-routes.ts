import type { Request } from 'express'
import { SymbolSlot, type MatchedRoute } from '../../src/adapter.ts'

/** One route that matched, with the parameters it had. */
interface Match {
  readonly pattern: string
  readonly others: readonly string[]
  /** Express fills it after it has told the route, and lets `router.param()` change it. */
  params: unknown
}

const matches = new SymbolSlot<Match[]>('matches')

/**
 * Follows the routes of a request as they match. At its end Express knows one of them at most: a handler that called next(),
 * for a record that is not there, has left its route, and a router its mount path.
 */
export function followRoutes(request: Request): void {
  if (matches.get(request) !== undefined) return
  const found: Match[] = []
  matches.set(request, found)
  let route: unknown = request.route
  let params: unknown = request.params
  let isOpen = false
  const note = (): void => {
    const match = matchOf(request, route)
    if (match === undefined) return
    found.push(match)
    isOpen = true
  }
  note()
  const last = found.at(-1)
  if (last) last.params = params
  define(request, 'route', {
    get: () => route,
    set: (given) => {
      route = given
      note()
    },
  })
  define(request, 'params', {
    get: () => params,
    set: (given) => {
      params = given
      // The first parameters behind a route are its own; those behind it belong to what comes next.
      const match = found.at(-1)
      if (isOpen && match) match.params = given
      isOpen = false
    },
  })
}

function define(
  request: Request,
  name: 'route' | 'params',
  access: { get: () => unknown; set: (given: unknown) => void },
): void {
  Object.defineProperty(request, name, { configurable: true, enumerable: true, ...access })
}

/** The routes that matched, mount paths included; the one that matched last comes first. */
export function matchedRoutes(request: Request): MatchedRoute[] {
  const found = matches.get(request) ?? [matchOf(request, request.route)]
  return found
    .flatMap((match) => {
      if (match === undefined) return []
      const { pattern, others } = match
      const given = matches.get(request) === undefined ? request.params : match.params
      return [{ pattern, others, params: paramsOf(given) }]
    })
    .toReversed()
}

function matchOf(request: Request, route: unknown): Match | undefined {
  if (typeof route !== 'object' || route === null || !('path' in route)) return undefined
  const { baseUrl } = request
  try {
    const paths: readonly unknown[] = Array.isArray(route.path) ? route.path : [route.path]
    const [pattern, ...others] = paths.map((path) => `${baseUrl ?? ''}${String(path)}`)
    return pattern === undefined ? undefined : { pattern, others, params: undefined }
  } catch {
    // The router runs this: a pattern that cannot be read has no name, and matches all the same.
    return undefined
  }
}

function paramsOf(given: unknown): Record<string, string | readonly string[]> {
  const params: Record<string, string | readonly string[]> = {}
  // Express 5 takes the params back when the route has failed.
  for (const [name, value] of Object.entries(given ?? {}) as [string, string | string[]][]) {
    // A wildcard of Express 5 has segments.
    if (value !== undefined) params[name] = value
  }
  return params
}
