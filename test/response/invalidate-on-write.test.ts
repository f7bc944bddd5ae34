import { describe, expect, it } from 'vitest'
import { groupsOf, invalidatedBy, isUnsafe } from '../../src/response/invalidate-on-write.ts'
import { groupDependency, urlDependency } from '../../src/invalidation/dependency.ts'

const origin = 'https://shop.example'

const policy = { query: undefined, off: false, invalidateRedirect: false }

function targets(
  fields: readonly string[],
  { status = 201, target = '/posts', at = origin, by = policy }: Partial<Given> = {},
): readonly string[] {
  return invalidatedBy({ origin: at, target, status, fields, policy: by })
}

interface Given {
  readonly status: number
  readonly target: string
  readonly at: string
  readonly by: Parameters<typeof invalidatedBy>[0]['policy']
}

describe('an unsafe method', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PURGE', 'LINK', 'MKCOL', 'post', 'FOO'])(
    '%s is one',
    (method) => expect(isUnsafe(method)).toBe(true),
  )

  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH', 'get'])(
    '%s is none: it only reads',
    (method) => expect(isUnsafe(method)).toBe(false),
  )
})

describe('a successful response to it invalidates', () => {
  it('its target, with its query', () => {
    expect(targets([], { target: '/posts?draft=1' })).toEqual([
      urlDependency(origin, '/posts?draft=1'),
    ])
  })

  it('what the key has of its target, where parameters are no part of it', () => {
    const by = { ...policy, query: { only: [] } }
    expect(targets(['Location', '/a?b=1'], { target: '/posts?utm=1', by })).toEqual([
      urlDependency(origin, '/posts'),
      urlDependency(origin, '/a'),
    ])
  })

  it.each([200, 201, 204, 302, 303, 399])('after %i', (status) => {
    expect(targets([], { status })).toEqual([urlDependency(origin, '/posts')])
  })

  it.each([100, 199, 400, 404, 409, 422, 500, 503])('nothing after %i', (status) => {
    expect(targets(['Location', '/posts/1'], { status })).toEqual([])
  })

  it.each([
    ['/posts/7', '/posts/7'],
    ['/posts/7?new=1#top', '/posts/7?new=1'],
    ['https://shop.example/posts/7', '/posts/7'],
    ['https://SHOP.example:443/posts/7', '/posts/7'],
    ['7', '/7'],
    ['../authors/1', '/authors/1'],
    ['?page=2', '/posts?page=2'],
    ['/caf\u00E9', '/caf%C3%A9'],
  ])('what Location %s names on its own origin', (location, path) => {
    const expected = [urlDependency(origin, '/posts'), urlDependency(origin, path)]
    expect(targets(['Location', location])).toEqual(expected)
    expect(targets(['content-location', location])).toEqual(expected)
  })

  it.each([
    'https://other.example/posts/7',
    'http://shop.example/posts/7',
    'https://shop.example:8443/posts/7',
    '//other.example/posts/7',
    'https://shop.example.evil.example/',
    'https://shop.example@evil.example/',
    'javascript:alert(1)',
    'http://[',
    '',
  ])('nothing that Location %s names elsewhere', (location) => {
    const other = targets(['Location', location]).filter((name) => !name.endsWith('/posts'))
    expect(other).toEqual([])
  })

  it.each([301, 302, 303, 307, 308])(
    'not what the Location of a %i names: it says where to go',
    (status) => {
      const own = [urlDependency(origin, '/posts')]
      expect(targets(['Location', '/'], { status })).toEqual(own)
      const by = { ...policy, invalidateRedirect: true }
      expect(targets(['Location', '/'], { status, by })).toEqual([
        ...own,
        urlDependency(origin, '/'),
      ])
      // What changed is for Content-Location to say.
      expect(targets(['Content-Location', '/'], { status })).toHaveLength(2)
    },
  )

  it('its target alone, where route(false) keeps it out of the cache', () => {
    const by = { ...policy, off: true, invalidateRedirect: true }
    const fields = ['Location', '/', 'Content-Location', '/a', 'Cache-Group-Invalidation', '"a"']
    for (const status of [200, 201, 303]) {
      expect(targets(fields, { status, by })).toEqual([urlDependency(origin, '/posts')])
    }
  })

  it('both of Location and Content-Location', () => {
    expect(targets(['Location', '/a', 'Content-Location', '/b'])).toEqual([
      urlDependency(origin, '/posts'),
      urlDependency(origin, '/a'),
      urlDependency(origin, '/b'),
    ])
  })

  it('the cache groups it lists, of its own origin (RFC 9875)', () => {
    expect(targets(['Cache-Group-Invalidation', '"posts", "authors"'])).toEqual([
      urlDependency(origin, '/posts'),
      groupDependency(origin, 'posts'),
      groupDependency(origin, 'authors'),
    ])
  })

  it.each(['posts', '"posts', '"a", 7', '("a")', '"a" "b"'])(
    'no group when the field %s breaks its grammar',
    (value) => {
      expect(targets(['Cache-Group-Invalidation', value])).toEqual([
        urlDependency(origin, '/posts'),
      ])
    },
  )

  it('its target alone when the origin is none that a URL could have', () => {
    expect(targets(['Location', '/a'], { at: 'http://' })).toEqual([
      urlDependency('http://', '/posts'),
    ])
  })
})

describe('the cache groups of a response', () => {
  it('are those of its own origin', () => {
    expect(groupsOf(origin, ['Cache-Groups', '"posts", "a b"'])).toEqual([
      groupDependency(origin, 'posts'),
      groupDependency(origin, 'a b'),
    ])
    expect(groupsOf(origin, [])).toEqual([])
    expect(groupsOf(origin, ['Cache-Groups', 'posts;'])).toEqual([])
    expect(groupDependency(origin, 'posts')).not.toBe(groupDependency('https://a.example', 'posts'))
  })
})
