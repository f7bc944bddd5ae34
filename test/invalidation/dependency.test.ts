import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  groupDependency,
  keyDependency,
  pathDependency,
  routeDependencies,
  routeDependency,
  routeParamsDependency,
  type RouteParams,
  tagDependency,
  urlDependency,
} from '../../src/invalidation/dependency.ts'

/** What a dependency is of, and the name it got. */
interface Named {
  readonly of: readonly unknown[]
  readonly name: string
}

// Text that names are made of, and the separators that could be mistaken for their own.
const text = fc.string({
  unit: fc.constantFrom('a', 'b', '1', ':', '/', '?', '&', '=', ' ', '%', '2', '6', '"', ',', 'é'),
  minLength: 1,
  maxLength: 8,
})
const origin = fc.constantFrom('http://a', 'https://a', 'http://a:1', 'http://b', 'http://[::1]')
const target = text.map((rest) => `/${rest}`)
const pattern = fc.oneof(
  target,
  fc.constantFrom('/posts/:id', '/posts/:id?', '/a{/:b}', '/files/*path', '/posts/:id?id=1'),
)
const value = fc.oneof(
  text,
  fc.nat(12),
  fc.constantFrom('1&a=1', 'a/1', 'a,1'),
  fc.array(fc.constantFrom('a', '1'), { minLength: 2, maxLength: 3 }),
)
const params = fc.dictionary(fc.constantFrom('id', 'a', 'a=1&id'), value, { minKeys: 1 })

const named: fc.Arbitrary<Named> = fc.oneof(
  text.map((tag) => ({ of: ['tag', tag], name: tagDependency(tag) })),
  text.map((key) => ({ of: ['key', key], name: keyDependency(key) })),
  target.map((path) => ({ of: ['path', path], name: pathDependency(path) })),
  fc.tuple(origin, target).map(([at, path]) => ({
    of: ['url', at, path],
    name: urlDependency(at, path),
  })),
  fc.tuple(origin, text).map(([at, group]) => ({
    of: ['group', at, group],
    name: groupDependency(at, group),
  })),
  pattern.map((path) => ({ of: ['route', path], name: routeDependency(path) })),
  fc.tuple(pattern, params).map(([path, given]) => ({
    of: ['params', path, canonical(given)],
    name: routeParamsDependency(path, given),
  })),
)

/** Numbers are as their digits, and the segments of a wildcard as the path they are. */
function canonical(given: RouteParams): readonly (readonly [string, string])[] {
  return Object.entries(given)
    .map(([name, each]) => [name, Array.isArray(each) ? each.join('/') : String(each)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

describe('the names of dependencies', () => {
  it('are different for whatever is different', () => {
    const sizes = fc.array(named, { minLength: 20, maxLength: 60 })
    let pairs = 0
    fc.assert(
      fc.property(sizes, (all) => {
        const byName = new Map<string, string>()
        for (const { of, name } of all) {
          const identity = JSON.stringify(of)
          const known = byName.get(name)
          if (known !== undefined && known !== identity) return false
          if (known !== undefined) pairs++
          byName.set(name, identity)
        }
        return true
      }),
      { seed: 1, numRuns: 1_500 },
    )
    // Equal ones were met as well, so a name that told too much would have been seen.
    expect(pairs).toBeGreaterThan(50)
  })

  it.each([
    [
      'a pattern that looks like another with parameters',
      routeDependency('/posts/:id?id=1'),
      routeParamsDependency('/posts/:id', { id: 1 }),
    ],
    ['a pattern with an escape', routeDependency('/a%3Fb'), routeDependency('/a?b')],
    [
      'a value that looks like another parameter',
      routeParamsDependency('/:a/:b', { a: '1&b=2' }),
      routeParamsDependency('/:a/:b', { a: 1, b: 2 }),
    ],
    ['a tag that looks like a path', tagDependency('path:/a'), pathDependency('/a')],
  ])('keep apart %s', (_what, one, other) => {
    expect(one).not.toBe(other)
  })

  it('of a host are the same in either case; those of a path are not', () => {
    expect(urlDependency('HTTP://Shop.Example', '/A')).toBe(
      urlDependency('http://shop.example', '/A'),
    )
    expect(urlDependency('http://shop.example', '/A')).not.toBe(
      urlDependency('http://shop.example', '/a'),
    )
    expect(groupDependency('http://SHOP.example', 'g')).toBe(
      groupDependency('http://shop.example', 'g'),
    )
  })

  it('of a route are the same in either case of its path, as routers match them, but not of a value', () => {
    expect(routeDependency('/API/posts/:id')).toBe(routeDependency('/api/posts/:id'))
    expect(routeParamsDependency('/API/:id', { id: 'A' })).toBe(
      routeParamsDependency('/api/:id', { id: 'A' }),
    )
    expect(routeParamsDependency('/api/:id', { id: 'A' })).not.toBe(
      routeParamsDependency('/api/:id', { id: 'a' }),
    )
  })

  it('of parameters do not depend on their order, nor on number or string', () => {
    expect(routeParamsDependency('/:a/:b', { a: 1, b: 'x' })).toBe(
      routeParamsDependency('/:a/:b', { b: 'x', a: '1' }),
    )
  })

  it('of a wildcard are the same for its segments and for the path they make', () => {
    expect(routeParamsDependency('/files/*path', { path: ['a', 'b'] })).toBe(
      routeParamsDependency('/files/*path', { path: 'a/b' }),
    )
    expect(routeParamsDependency('/files/*path', { path: ['a,b'] })).not.toBe(
      routeParamsDependency('/files/*path', { path: ['a', 'b'] }),
    )
  })
})

describe('a response of a matched route', () => {
  it('depends on the route, on each parameter, and on all of them together', () => {
    const all = routeDependencies('/shops/:shop/items/:item', { shop: 'a', item: '7' })
    expect(new Set(all)).toEqual(
      new Set([
        routeDependency('/shops/:shop/items/:item'),
        routeParamsDependency('/shops/:shop/items/:item', { shop: 'a' }),
        routeParamsDependency('/shops/:shop/items/:item', { item: '7' }),
        routeParamsDependency('/shops/:shop/items/:item', { item: 7, shop: 'a' }),
      ]),
    )
    expect(all.length).toBe(4)
  })

  it('with one parameter has no name twice, and without parameters depends on the route alone', () => {
    expect(routeDependencies('/posts/:id', { id: '1' })).toEqual([
      routeDependency('/posts/:id'),
      routeParamsDependency('/posts/:id', { id: '1' }),
    ])
    expect(routeDependencies('/about', {})).toEqual([routeDependency('/about')])
  })
})
