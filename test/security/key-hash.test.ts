import { expect, it } from 'vitest'
import { Events } from '../../src/events/events.ts'
import type { IncomingRequest } from '../../src/request/incoming-request.ts'
import { Popularity } from '../../src/warming/popularity.ts'
import { ResponseCache } from '../../src/response/response-cache.ts'
import { KeyHash } from '../../src/privacy/key-hash.ts'
import { resolveOptions } from '../../src/options/cache-options.ts'

it('S-19: no key tells the value of a cookie or of an unknown header', () => {
  const cache = new ResponseCache(resolveOptions({}), new Events())
  const keyOf = (plan: string, tenant: string): string => {
    const headers = { cookie: `plan=${plan}`, 'x-tenant': tenant, 'accept-language': 'de' }
    const inputs = ['accept-language', 'cookie:plan', 'x-tenant']
    return cache.store.keyOf('http://a/', inputs, (name) =>
      cache.read({ headers } as unknown as IncomingRequest, name),
    )
  }
  const key = keyOf('gold', 'acme')
  expect(key).not.toMatch(/gold|acme/)
  expect(key).toContain('accept-language=2:de')
  expect(keyOf('gold', 'acme')).toBe(key)
  expect(new Set([key, keyOf('gold', 'acme2'), keyOf('silver', 'acme')]).size).toBe(3)
})

it('instances with one secret hide a value alike, and others do not', () => {
  const veils = ['a', 'a', 'b', undefined].map((secret) => new KeyHash(secret))
  const [first, second, third, fourth] = veils.map((veil) => veil.over('cookie:plan', 'gold'))
  expect(second).toBe(first)
  expect(new Set([first, third, fourth]).size).toBe(3)
  // The name counts, and absence stays what it is.
  expect(veils[0]?.over('x-plan', 'gold')).not.toBe(first)
  expect(veils[0]?.over('cookie:plan', undefined)).toBeUndefined()
})

it.each([
  [['cookie:plan'], { cookie: 'plan=gold' }, '/'],
  [['x-tenant'], { 'x-tenant': 'acme' }, '/'],
  [['accept'], { accept: 'text/html' }, '/?api_key=1'],
])('a warmer never replays what visitors sent in %j', (inputs, headers, target) => {
  const popularity = new Popularity()
  const request = { origin: 'http://a', target, headers: { host: 'a', ...headers } }
  const stored = { key: 'k', inputs, audience: undefined }
  popularity.stored(request as never, stored as never, 10, true)
  expect(popularity.hottest(10)).toEqual([])
})

it('a warmer goes on asking for pages that select by what every browser sends', () => {
  const popularity = new Popularity()
  const headers = { host: 'a', 'accept-language': 'de' }
  const request = { origin: 'http://a', target: '/', headers }
  const stored = { key: 'k', inputs: ['accept-language', 'cookie:plan'], audience: undefined }
  popularity.stored(request as never, stored as never, 10, true)
  expect(popularity.hottest(10).map((page) => page.request.headers)).toEqual([
    { 'accept-language': 'de' },
  ])
})
