import { shortName } from '../values/short-name.ts'

/**
 * The names of dependencies. A dependency is what can be invalidated; an entry's closure lists those it was made from.
 *
 *   tag:posts                                a tag
 *   url:https://shop.example/posts/1?x=2     one target URI
 *   path:/posts/1?x=2                        the same on every host
 *   route:/posts/:id                         all responses of a route
 *   route:/posts/:id?id=1                    those with these parameters
 *   key:https://shop.example/posts/1         one cache key with all its variants
 *   group:https://shop.example "posts"       a cache group of one origin (RFC 9875)
 *   entity:post:7                            one record
 *   list:post:author=1                       the records that a condition selects; list:post has all of them
 *   fragment:posts/card                      all fragments of a name
 *   fragment:posts/card entity:post:7        those of one record
 *
 * What a client can make long is bounded: behind 256 characters of it stands a hash.
 */
export type Dependency = string

export function tagDependency(tag: string): Dependency {
  return `tag:${tag}`
}

export function keyDependency(key: string): Dependency {
  return `key:${key}`
}

/** Host names compare without case (RFC 3986 §3.2.2); the path is taken as received. */
export function urlDependency(origin: string, target: string): Dependency {
  return `url:${shortName(origin.toLowerCase())}${shortName(target)}`
}

export function pathDependency(target: string): Dependency {
  return `path:${shortName(target)}`
}

/** The path of a path dependency; undefined for every other kind. */
function pathOf(dependency: Dependency): string | undefined {
  return dependency.startsWith('path:') ? dependency.slice('path:'.length) : undefined
}

export function entityDependency(entity: string, id: string): Dependency {
  return `entity:${entity}:${escaped(id)}`
}

export function listDependency(entity: string, scope: string): Dependency {
  return scope === '' ? `list:${entity}` : `list:${entity}:${escaped(scope)}`
}

/** Names of fragments are few and asked for all the time. */
const fragmentNames = new Map<string, Dependency>()
const MAX_FRAGMENT_NAMES = 1_000

/** @param of the dependency of the record it is made of */
export function fragmentDependency(name: string, of?: Dependency): Dependency {
  let all = fragmentNames.get(name)
  if (all === undefined) {
    all = `fragment:${escaped(name)}`
    if (fragmentNames.size < MAX_FRAGMENT_NAMES) fragmentNames.set(name, all)
  }
  return of === undefined ? all : `${all} ${of}`
}

const plain = /^[!-$&-~]*$/

/** A part of a name in visible ASCII without spaces, so that parts set side by side cannot be taken for others. */
export function escaped(part: string): string {
  if (plain.test(part)) return part
  return part.replaceAll(/[^!-$&-~]+/g, (text) =>
    encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\uFFFD')),
  )
}

/** A POST to a path is a POST to our own host, and names the whole URL: what depends on the path depends on that, too. */
export function onOrigin(
  dependencies: readonly Dependency[],
  origin: string | undefined,
): readonly Dependency[] {
  if (origin === undefined) return dependencies
  return dependencies.flatMap((dependency) => {
    const path = pathOf(dependency)
    return path === undefined ? [dependency] : [dependency, urlDependency(origin, path)]
  })
}

export function groupDependency(origin: string, group: string): Dependency {
  return `group:${shortName(origin.toLowerCase())} ${JSON.stringify(group)}`
}

/**
 * Routers match paths without regard to case, and Express knows of a mount path only how the request wrote it. A question
 * mark could be taken for the start of parameters: it is escaped, by the only capital that such a name has.
 */
export function routeDependency(pattern: string): Dependency {
  return `route:${pattern.toLowerCase().replaceAll('?', '%3F')}`
}

/** The parameters of a route by name; a wildcard's are its path, or a list of its segments. */
export type RouteParams = Readonly<Record<string, string | number | readonly string[]>>

/** `route:/posts/:id?id=1`: names sorted and values escaped, so that order and content cannot collide. */
export function routeParamsDependency(pattern: string, params: RouteParams): Dependency {
  const pairs = Object.entries(params)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(textOf(value))}`)
    .toSorted()
  return `${routeDependency(pattern)}?${shortName(pairs.join('&'))}`
}

function textOf(value: RouteParams[string]): string {
  return typeof value === 'object' ? value.join('/') : String(value)
}

/** What a response of a matched route depends on: the route, each parameter alone, and all of them together. */
export function routeDependencies(pattern: string, params: RouteParams): Dependency[] {
  const names = Object.keys(params)
  const single = names.map((name) => routeParamsDependency(pattern, { [name]: params[name] ?? '' }))
  const all = names.length > 1 ? [routeParamsDependency(pattern, params)] : []
  return [routeDependency(pattern), ...single, ...all]
}
