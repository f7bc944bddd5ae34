/**
 * The names of dependencies. A dependency is what can be invalidated; an entry's closure lists those it was made from.
 *
 *   tag:posts                                a tag
 *   url:https://shop.example/posts/1?x=2     one target URI
 *   path:/posts/1?x=2                        the same on every host
 *   route:/posts/:id                         all responses of a route
 *   route:/posts/:id?id=1                    those with these parameters
 *   key:GET https://shop.example/posts/1     one cache key with all its variants
 *   group:https://shop.example "posts"       a cache group of one origin (RFC 9875)
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
  return `url:${origin.toLowerCase()}${target}`
}

export function pathDependency(target: string): Dependency {
  return `path:${target}`
}

export function groupDependency(origin: string, group: string): Dependency {
  return `group:${origin.toLowerCase()} ${JSON.stringify(group)}`
}

export function routeDependency(pattern: string): Dependency {
  return `route:${pattern}`
}

export type RouteParams = Readonly<Record<string, string | number | readonly string[]>>

/** `route:/posts/:id?id=1`: names sorted and values escaped, so that order and content cannot collide. */
export function routeParamsDependency(pattern: string, params: RouteParams): Dependency {
  const pairs = Object.entries(params)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .toSorted()
  return `route:${pattern}?${pairs.join('&')}`
}

/** What a response of a matched route depends on: the route, each parameter alone, and all of them together. */
export function routeDependencies(pattern: string, params: RouteParams): Dependency[] {
  const names = Object.keys(params)
  const single = names.map((name) => routeParamsDependency(pattern, { [name]: params[name] ?? '' }))
  const all = names.length > 1 ? [routeParamsDependency(pattern, params)] : []
  return [routeDependency(pattern), ...single, ...all]
}
