import type { Context } from 'koa'
import type { MatchedRoute } from '../../src/adapter.ts'

/** A route of @koa/router or koa-router, as far as it is asked. */
interface Layer {
  readonly path: string | RegExp
  readonly methods: readonly string[]
  captures(path: string): string[]
  params(path: string, captures: string[]): Record<string, string>
}

/** A path that a router may have matched, and what stood before it: a mount takes that away while its router runs. */
interface Tried {
  readonly path: string
  readonly mount: string
}

/** The routes that a router matched, prefixes and mount paths included, the last one first: a handler may have called next(). */
export function matchedRoutes(ctx: Context): MatchedRoute[] {
  const last: unknown = ctx['_matchedRoute']
  const layers: unknown = ctx['matched']
  const given = textsOf(ctx['params'])
  const found: MatchedRoute[] = []
  const bare: string[] = []
  const tried = pathsOf(ctx)
  for (const layer of Array.isArray(layers) ? (layers as readonly unknown[]) : []) {
    if (!isLayer(layer) || !layer.methods.includes(ctx.method)) continue
    found.unshift(matchOf(layer, tried, given))
    bare.push(String(layer.path))
  }
  const isRoute = typeof last === 'string' || last instanceof RegExp
  if (isRoute && !bare.includes(String(last))) {
    found.unshift({ pattern: String(last), others: [], params: given })
  }
  return found
}

/**
 * The router has forgotten which path it matched: a mount has put the whole one back by now, and handlers may have rewritten it.
 * It is one whose parameters are those that the router left.
 */
function matchOf(
  layer: Layer,
  tried: readonly Tried[],
  given: Readonly<Record<string, string>>,
): MatchedRoute {
  let fitting: MatchedRoute | undefined
  for (const { path, mount } of tried) {
    const params = paramsOf(layer, path)
    if (params === undefined) continue
    const pattern = String(layer.path)
    const match = {
      pattern: mount + pattern,
      // Known without its mount path, too.
      others: mount === '' ? [] : [pattern],
      params,
    }
    if (Object.entries(params).every(([name, value]) => given[name] === value)) return match
    fitting ??= match
  }
  return fitting ?? { pattern: String(layer.path), others: [], params: given }
}

/** The layer's parameters of a path; undefined where it does not match. Older routers throw then. */
function paramsOf(layer: Layer, path: string): Record<string, string> | undefined {
  try {
    const matches: unknown = Reflect.get(layer, 'match')
    if (typeof matches === 'function' && Reflect.apply(matches, layer, [path]) !== true) {
      return undefined
    }
    return textsOf(layer.params(path, layer.captures(path)))
  } catch {
    return undefined
  }
}

/** The path now, the one that came, and its ends behind each possible mount path, the longest first. */
function pathsOf(ctx: Context): Tried[] {
  const whole = ctx.originalUrl.split('?', 1)[0] ?? ''
  const tried: Tried[] = []
  const rewritten: unknown = ctx['newRouterPath']
  if (typeof rewritten === 'string') tried.push({ path: rewritten, mount: '' })
  const mount = whole.endsWith(ctx.path) ? whole.slice(0, -ctx.path.length) : ''
  tried.push({ path: ctx.path, mount })
  let at = 0
  // Longer ones than anybody mounts at are not looked for: a client chooses the path.
  for (let depth = 0; depth < MAX_MOUNTS && at >= 0; depth++) {
    tried.push({ path: whole.slice(at), mount: whole.slice(0, at) })
    at = whole.indexOf('/', at + 1)
  }
  if (typeof ctx['mountPath'] === 'string') tried.push({ path: '/', mount: whole })
  return tried
}

const MAX_MOUNTS = 8

function textsOf(given: unknown): Record<string, string> {
  const params: Record<string, string> = {}
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value !== undefined) params[name] = String(value)
  }
  return params
}

function isLayer(layer: unknown): layer is Layer {
  return (
    typeof layer === 'object' &&
    layer !== null &&
    'path' in layer &&
    'methods' in layer &&
    Array.isArray(layer.methods) &&
    'captures' in layer &&
    typeof layer.captures === 'function' &&
    'params' in layer &&
    typeof layer.params === 'function'
  )
}
