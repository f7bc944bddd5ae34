import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CacheflowError } from '../../src/events/errors.ts'
import { bypassReason } from '../../src/request/bypass.ts'
import { groupOf, cacheKey, keyedTarget } from '../../src/request/cache-key.ts'
import type { IncomingRequest } from '../../src/request/incoming-request.ts'
import type { Policy } from '../../src/request/policy.ts'
import { variantKey } from '../../src/http/normalisation.ts'
import { TRACKING_PARAMETERS } from '../../src/http/query.ts'
import { resolveOptions } from '../../src/options/cache-options.ts'

const settings = resolveOptions<string>({})

function policyOf(changes: Partial<Policy> = {}): Policy {
  return { ...settings.policy, ...changes }
}

/** A GET of `target`, which is the framework's request too. */
function get(target: string, origin = 'https://shop.example'): IncomingRequest {
  return {
    method: 'GET',
    target,
    origin,
    headers: {},
    isHttp1: true,
    tracker: undefined,
    isRepeatable: true,
    hasBody: false,
    httpVersion: '1.1',
    isIdentified: false,
    remoteAddress: '127.0.0.1',
    native: target,
    observedFromStart: true,
    foreseen: false,
    observation: undefined,
    arrivedAt: undefined,
    route: () => undefined,
    routes: () => [],
  }
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    return error instanceof CacheflowError ? error.code : String(error)
  }
  return undefined
}

describe('the cache key', () => {
  it('M-13: is scheme, authority, path and query as received', () => {
    const keyOf = (target: string, origin?: string): string =>
      cacheKey(get(target, origin), policyOf(), undefined)
    expect(keyOf('/posts/1?x=2')).toBe('https://shop.example/posts/1?x=2')
    const different = [
      keyOf('/posts/1?x=2'),
      keyOf('/posts/1?x=2', 'http://shop.example'),
      keyOf('/posts/1?x=2', 'https://shop.example:8443'),
      keyOf('/posts/1?x=2', 'https://blog.example'),
      keyOf('/posts/1'),
      keyOf('/posts/1/'),
      keyOf('/posts/1?'),
      keyOf('/Posts/1?x=2'),
      keyOf('/posts/%31?x=2'),
      keyOf('/posts//1?x=2'),
      keyOf('/posts/./1?x=2'),
    ]
    expect(new Set(different).size).toBe(different.length)
  })

  it('M-14: keeps the order and the repetitions of query parameters', () => {
    const keys = ['/?a=1&b=2', '/?b=2&a=1', '/?a=1&a=2', '/?a=2&a=1', '/?a=1'].map((target) =>
      cacheKey(get(target), policyOf(), undefined),
    )
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('is none where key() or session() gives a promise, whose rejection ends no process', async () => {
    const broken = (): never => Promise.reject(new Error('no database')) as never
    expect(() => cacheKey(get('/'), policyOf({ key: broken }), undefined)).toThrow(
      /ERR_CACHEFLOW_KEY/,
    )
    expect(() => groupOf(get('/'), policyOf({ session: broken }))).toThrow(/ERR_CACHEFLOW_SESSION/)
    await new Promise((resolve) => setImmediate(resolve))
  })

  it('is of the key that key() returns, in place of path and query', () => {
    const policy = policyOf({ key: (target: string) => target.split('?', 1)[0] ?? '' })
    const key = cacheKey(get('/posts?utm_source=a'), policy, undefined)
    expect(cacheKey(get('/posts?b'), policy, undefined)).toBe(key)
    expect(cacheKey(get('/other'), policy, undefined)).not.toBe(key)
    expect(cacheKey(get('/posts', 'https://blog.example'), policy, undefined)).not.toBe(key)
    expect(cacheKey(get('/posts'), policyOf(), undefined)).not.toBe(key)
  })

  it('S-9: is different wherever origin, key, audience or inputs are, whatever they contain', () => {
    const parts = fc.constantFrom(
      'a',
      'b',
      ' key ',
      ' session ',
      ' vary ',
      '1:',
      '2:a',
      '-;',
      ':',
      '/',
    )
    const text = fc.array(parts, { minLength: 1, maxLength: 5 }).map((each) => each.join(''))
    const request = fc.record({
      origin: fc.constantFrom('http://a', 'http://b', 'https://a'),
      target: fc.array(fc.constantFrom('a', 'key', '1:', '/', '?', '%20'), { maxLength: 4 }),
      own: fc.option(text, { nil: undefined }),
      audience: fc.option(text, { nil: undefined }),
      inputs: fc.option(fc.tuple(text, text), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(request, { minLength: 10, maxLength: 40 }), (requests) => {
        const seen = new Map<string, string>()
        for (const { origin, target, own, audience: group, inputs } of requests) {
          const policy = policyOf(own === undefined ? {} : { key: () => own })
          const primary = cacheKey(get(`/${target.join('')}`, origin), policy, group)
          const key = inputs ? `${primary} vary ${variantKey([inputs[0]], [inputs[1]])}` : primary
          const identity = JSON.stringify([
            origin,
            own === undefined ? target.join('') : ['own', own],
            group ?? null,
            inputs ?? null,
          ])
          if ((seen.get(key) ?? identity) !== identity) return false
          seen.set(key, identity)
        }
        return true
      }),
      { seed: 2, numRuns: 3_000 },
    )
  })

  it('S-9: of one audience cannot be written by the key() of another request', () => {
    const shared = cacheKey(get('/'), policyOf({ key: () => 'page' }), 'bob')
    const suffix = shared.slice(shared.indexOf('page') + 'page'.length)
    const forged = cacheKey(get('/'), policyOf({ key: () => `page${suffix}` }), undefined)
    expect(forged).not.toBe(shared)
  })

  it('S-9: of one variant cannot be written by the name of an audience', () => {
    const inputs = ` vary ${variantKey(['x'], ['1'])}`
    const variant = cacheKey(get('/'), policyOf(), 'bob') + inputs
    expect(cacheKey(get('/'), policyOf(), `bob${inputs}`)).not.toBe(variant)
  })
})

describe('a request that no key could hold passes by', () => {
  it('S-10: a Host with a slash in it would be another host with another path', () => {
    const forged = get('/1', 'https://shop.example/posts')
    expect(cacheKey(forged, policyOf(), undefined)).toBe(
      cacheKey(get('/posts/1'), policyOf(), undefined),
    )
    expect(bypassReason(forged, policyOf(), settings)).toBe('target')
    for (const host of ['a?b', 'a#b', 'a b', 'a\\b', 'a\tb']) {
      expect([host, bypassReason(get('/', `https://${host}`), policyOf(), settings)]).toEqual([
        host,
        'target',
      ])
    }
    for (const host of ['a', 'a.b:80', '[::1]:3000', 'A-1.example.', 'xn--caf-dma.example', '_a']) {
      expect([host, bypassReason(get('/', `http://${host}`), policyOf(), settings)]).toEqual([
        host,
        undefined,
      ])
    }
    expect(bypassReason(get('/', 'https://a/://b'), policyOf(), settings)).toBe('target')
  })

  it('S-9: a target with a space, which no URL has, could be what follows a key', () => {
    expect(bypassReason(get('/posts vary 1:a=1:b;'), policyOf(), settings)).toBe('target')
  })

  it('S-11: an absolute target, an asterisk and an authority are no path', () => {
    for (const target of ['http://evil.example/p', '*', 'shop.example:443', '']) {
      expect(bypassReason(get(target), policyOf(), settings)).toBe('target')
    }
  })
})

describe('key() and session()', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['an empty string', ''],
    ['a string over 4,096 characters', 'x'.repeat(4_097)],
    ['a promise', Promise.resolve('a')],
  ])('key() returning %s is an error with its code', (_name, own) => {
    const policy = policyOf({ key: () => own as string })
    expect(codeOf(() => cacheKey(get('/'), policy, undefined))).toBe('ERR_CACHEFLOW_KEY')
  })

  it('key() may return up to 4,096 characters', () => {
    const policy = policyOf({ key: () => 'x'.repeat(4_096) })
    expect(codeOf(() => cacheKey(get('/'), policy, undefined))).toBeUndefined()
  })

  it('session() returning null or undefined names nobody: forgetting is not sharing', () => {
    expect(groupOf(get('/'), policyOf())).toBeUndefined()
    expect(groupOf(get('/'), policyOf({ session: () => null }))).toBeNull()
    expect(groupOf(get('/'), policyOf({ session: () => undefined }))).toBeNull()
    expect(groupOf(get('/'), policyOf({ session: () => 'editor' }))).toBe('editor')
  })

  it.each([
    ['a number', 7],
    ['false', false],
    ['true', true],
    ['an empty string', ''],
    ['an object', {}],
    ['a promise', Promise.resolve('a')],
  ])('session() returning %s is an error with its code', (_name, group) => {
    const policy = policyOf({ session: () => group as string })
    expect(codeOf(() => groupOf(get('/'), policy))).toBe('ERR_CACHEFLOW_SESSION')
  })

  it('both get the request of the framework', () => {
    const seen: string[] = []
    const policy = policyOf({
      key: (native) => {
        seen.push(`key ${native}`)
        return 'k'
      },
      session: (native) => {
        seen.push(`session ${native}`)
        return 'a'
      },
    })
    groupOf(get('/x'), policy)
    cacheKey(get('/x'), policy, 'a')
    expect(seen).toEqual(['session /x', 'key /x'])
  })
})

describe('the query parameters of the key', () => {
  it.each([
    ['/p?a=1&b=2&c=3', ['a', 'c'], '/p?a=1&c=3'],
    ['/p?c=3&a=1', ['a', 'c'], '/p?c=3&a=1'],
    ['/p?a=1&a=2&b=3', ['a'], '/p?a=1&a=2'],
    ['/p?b=1', ['a'], '/p'],
    ['/p?', ['a'], '/p'],
    ['/p', ['a'], '/p'],
    ['/p?a', ['a'], '/p?a'],
    ['/p?a=', ['a'], '/p?a='],
    ['/p?%61=1', ['a'], '/p?%61=1'],
    ['/p?a[]=1&a[b]=2', ['a'], '/p'],
    ['/p?A=1', ['a'], '/p'],
    ['/p?x+y=1&x%20y=2', ['x y'], '/p?x+y=1&x%20y=2'],
    ['/p?__proto__=1', ['a'], '/p'],
    ['/p?a=1', [], '/p'],
  ])('%s, only %j, is %s', (target, only, expected) => {
    expect(keyedTarget(target, { only })).toBe(expected)
  })

  it.each([
    ['/p?a=1&utm_source=x&b=2', '/p?a=1&b=2'],
    ['/p?utm_source=x', '/p'],
    ['/p?%75tm_source=x', '/p'],
    ['/p?utm_source', '/p'],
    ['/p?a=1;utm_source=x', '/p?a=1;utm_source=x'],
    ['/p?utm_source[a]=x', '/p?utm_source[a]=x'],
    ['/p?UTM_SOURCE=x', '/p?UTM_SOURCE=x'],
    ['/p?utm_source=x;a=2', '/p'],
    ['/p?%E0%A4%A=1&fbclid=2', '/p?%E0%A4%A=1'],
    ['/p?a=1&&b=2', '/p?a=1&&b=2'],
    ['/p?', '/p?'],
    ['/p', '/p'],
  ])('S-8: %s without tracking parameters is %s', (target, expected) => {
    expect(keyedTarget(target, { ignore: TRACKING_PARAMETERS })).toBe(expected)
  })
})
