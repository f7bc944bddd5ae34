import { describe, expect, it } from 'vitest'
import { CacheflowError } from '../../src/events/errors.ts'
import {
  keyDependency,
  pathDependency,
  routeDependency,
  routeParamsDependency,
  tagDependency,
  urlDependency,
} from '../../src/invalidation/dependency.ts'
import {
  type InvalidationTarget,
  boundedTag,
  checkedTag,
  dependenciesOf,
} from '../../src/invalidation/target.ts'

function errorOf(run: () => unknown): CacheflowError {
  try {
    run()
  } catch (error) {
    if (error instanceof CacheflowError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('what is invalidated by', () => {
  const shop = 'https://shop.example'
  it.each<[string, InvalidationTarget, readonly string[] | 'all']>([
    ['a tag', { tag: 'posts' }, [tagDependency('posts')]],
    ['several tags', { tag: ['posts', 'authors'] }, ['posts', 'authors'].map(tagDependency)],
    ['a tag with signs in it', { tag: 'post:1, é "x"' }, [tagDependency('post:1, é "x"')]],
    ['a key', { key: `${shop}/posts/1` }, [keyDependency(`${shop}/posts/1`)]],
    ['a path', { url: '/posts/1?page=2' }, [pathDependency('/posts/1?page=2')]],
    ['the root', { url: '/' }, [pathDependency('/')]],
    ['a path with a fragment', { url: '/posts/1#top' }, [pathDependency('/posts/1')]],
    [
      'a path as people write it',
      { url: '/café au lait' },
      [pathDependency('/caf%C3%A9%20au%20lait')],
    ],
    ['a path as browsers send it', { url: '/caf%c3%A9' }, [pathDependency('/caf%c3%A9')]],
    ['a URL', { url: `${shop}/posts/1?page=2` }, [urlDependency(shop, '/posts/1?page=2')]],
    ['a URL in capitals', { url: 'HTTPS://SHOP.example/A' }, [urlDependency(shop, '/A')]],
    ['a URL without a path', { url: shop }, [urlDependency(shop, '/')]],
    ['a URL without a path, with a query', { url: `${shop}?a=1` }, [urlDependency(shop, '/?a=1')]],
    ['a route', { route: '/posts/:id' }, [routeDependency('/posts/:id')]],
    [
      'a route with empty params',
      { route: '/posts/:id', params: {} },
      [routeDependency('/posts/:id')],
    ],
    [
      'one parameter of a route',
      { route: '/shops/:shop/:item', params: { item: 7 } },
      [routeParamsDependency('/shops/:shop/:item', { item: '7' })],
    ],
    [
      'all parameters of a route',
      { route: '/shops/:shop/:item', params: { item: 7, shop: 'a' } },
      [routeParamsDependency('/shops/:shop/:item', { shop: 'a', item: '7' })],
    ],
    [
      'the parameter of a pattern with an expression',
      { route: '/posts/:id(\\d+)', params: { id: 1 } },
      [routeParamsDependency('/posts/:id(\\d+)', { id: 1 })],
    ],
    [
      'a named wildcard',
      { route: '/files/*path', params: { path: ['a', 'b'] } },
      [routeParamsDependency('/files/*path', { path: ['a', 'b'] })],
    ],
    [
      'an unnamed wildcard, by its number',
      { route: '/files/*', params: { 0: 'a/b' } },
      [routeParamsDependency('/files/*', { 0: 'a/b' })],
    ],
    ['everything', { all: true }, 'all'],
  ])('%s', (_name, target, expected) => {
    expect(dependenciesOf(target, 'invalidate()')).toEqual(expected)
  })
})

describe('a target that names nothing, or too much, is an error with its code', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'ERR_CACHEFLOW_TARGET'],
    ['null', null, 'ERR_CACHEFLOW_TARGET'],
    ['a string', 'posts', 'ERR_CACHEFLOW_TARGET'],
    ['a list', ['posts'], 'ERR_CACHEFLOW_TARGET'],
    ['an empty object', {}, 'ERR_CACHEFLOW_TARGET'],
    ['a misspelt name', { tags: 'posts' }, 'ERR_CACHEFLOW_TARGET'],
    ['two targets', { tag: 'posts', key: 'k' }, 'ERR_CACHEFLOW_TARGET'],
    [
      'an option of invalidate() in the target',
      { tag: 'posts', soft: true },
      'ERR_CACHEFLOW_TARGET',
    ],
    ['params without a route', { params: { id: 1 } }, 'ERR_CACHEFLOW_TARGET'],
    ['params beside another target', { tag: 'posts', params: { id: 1 } }, 'ERR_CACHEFLOW_TARGET'],
    ['an empty key', { key: '' }, 'ERR_CACHEFLOW_TARGET'],
    ['a key that is no string', { key: 7 }, 'ERR_CACHEFLOW_TARGET'],
    ['an empty url', { url: '' }, 'ERR_CACHEFLOW_TARGET'],
    ['a relative url', { url: 'posts/1' }, 'ERR_CACHEFLOW_TARGET'],
    ['a url without a scheme', { url: '//shop.example/' }, 'ERR_CACHEFLOW_TARGET'],
    ['a url of another scheme', { url: 'ftp://shop.example/' }, 'ERR_CACHEFLOW_TARGET'],
    ['a fragment alone', { url: '#top' }, 'ERR_CACHEFLOW_TARGET'],
    ['a URL object', { url: new URL('https://shop.example/') }, 'ERR_CACHEFLOW_TARGET'],
    ['an empty route', { route: '' }, 'ERR_CACHEFLOW_TARGET'],
    ['a route that is no string', { route: /posts/ }, 'ERR_CACHEFLOW_TARGET'],
    [
      'a parameter the pattern lacks',
      { route: '/posts/:id', params: { slug: 'x' } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'some of three parameters',
      { route: '/:a/:b/:c', params: { a: 1, b: 2 } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'a parameter that is undefined',
      { route: '/posts/:id', params: { id: undefined } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'a parameter that is null',
      { route: '/posts/:id', params: { id: null } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'a parameter that is NaN',
      { route: '/posts/:id', params: { id: Number.NaN } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'a parameter that is an object',
      { route: '/posts/:id', params: { id: {} } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'a parameter that is empty',
      { route: '/posts/:id', params: { id: '' } },
      'ERR_CACHEFLOW_TARGET',
    ],
    [
      'a parameter that is an empty list',
      { route: '/*path', params: { path: [] } },
      'ERR_CACHEFLOW_TARGET',
    ],
    ['params that are a string', { route: '/posts/:id', params: '1' }, 'ERR_CACHEFLOW_TARGET'],
    ['params that are a list', { route: '/posts/:id', params: [] }, 'ERR_CACHEFLOW_TARGET'],
    ['params that are null', { route: '/posts/:id', params: null }, 'ERR_CACHEFLOW_TARGET'],
    ['all: false', { all: false }, 'ERR_CACHEFLOW_TARGET'],
    ["all: 'true'", { all: 'true' }, 'ERR_CACHEFLOW_TARGET'],
    ['an empty tag', { tag: '' }, 'ERR_CACHEFLOW_TAG'],
    ['no tags', { tag: [] }, 'ERR_CACHEFLOW_TAG'],
    ['a tag that is undefined', { tag: undefined }, 'ERR_CACHEFLOW_TAG'],
    ['a list with a tag that is no string', { tag: ['posts', 7] }, 'ERR_CACHEFLOW_TAG'],
  ])('%s', (_name, target, code) => {
    const error = errorOf(() => dependenciesOf(target as InvalidationTarget, 'invalidate()'))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(/^ERR_CACHEFLOW_\w+: invalidate\(\) was given .+\. \S.+[.)]$/s)
  })

  it('names the parameters a pattern has', () => {
    const wrong = { route: '/shops/:shop/:item', params: { id: 1 } }
    const { message } = errorOf(() => dependenciesOf(wrong, 'invalidate()'))
    expect(message).toContain('shop, item')
  })

  it('does not print a whole record that was given by mistake', () => {
    const record = { id: 7, title: 'x'.repeat(10_000) }
    const { message } = errorOf(() => dependenciesOf(record as never, 'invalidate()'))
    expect(message).toContain('id, title')
    expect(message.length).toBeLessThan(400)
  })
})

describe('a tag', () => {
  it.each([undefined, null, '', 7, ['a']])('is no %j, wherever it is given', (tag) => {
    expect(errorOf(() => boundedTag(tag, 'tag()')).code).toBe('ERR_CACHEFLOW_TAG')
  })

  it('that a client has made too long, or of control characters, is brought within the bounds', () => {
    expect(boundedTag('post:a\r\n%', 'tag()')).toBe('post:a%0D%0A%')
    const [one, other] = ['a', 'b'].map((end) => boundedTag(`${'x'.repeat(400)}${end}`, 'tag()'))
    expect(one).not.toBe(other)
    expect([one?.length, other?.length]).toEqual([256, 256])
    expect(() => encodeURIComponent(boundedTag('\u{1F36A}'.repeat(300), 'tag()'))).not.toThrow()
    const target = { tag: `${'x'.repeat(400)}a` }
    expect(dependenciesOf(target, 'invalidate()')).toEqual([tagDependency(one ?? '')])
    // What is within them already stays as it is.
    expect(boundedTag(one, 'tag()')).toBe(one)
  })

  it.each(['a', 'x'.repeat(256), 'with space', 'é', '__proto__', 'a,b', '"'])(
    'may be %j',
    (tag) => {
      expect(checkedTag(tag, 'tag()')).toBe(tag)
    },
  )

  it.each([
    ['empty', ''],
    ['longer than 256 characters', 'x'.repeat(257)],
    ['with a line break', 'a\nb'],
    ['with a carriage return', 'a\r\nSet-Cookie: x=1'],
    ['with NUL', 'a\0'],
    ['with DEL', 'a\u007F'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['a list', ['a']],
  ])('may not be %s', (_name, tag) => {
    const error = errorOf(() => checkedTag(tag, 'tag()'))
    expect(error.code).toBe('ERR_CACHEFLOW_TAG')
    expect(error.message).toContain('tag() was given')
  })
})
