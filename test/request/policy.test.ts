import { describe, expect, it } from 'vitest'
import type { Policy } from '../../src/request/policy.ts'
import type { CacheflowOptions, RouteOptions } from '../../src/index.ts'
import { resolveOptions } from '../../src/options/cache-options.ts'
import { resolveRoute } from '../../src/options/route-options.ts'

/** The policy of a route below others, below the application's. */
function policyOf(
  options: CacheflowOptions<unknown>,
  ...routes: readonly (RouteOptions<unknown> | false)[]
): Policy {
  return routes.reduce<Policy>(
    (policy, route) => resolveRoute(route)(policy),
    resolveOptions(options).policy,
  )
}

describe('the policy of a route', () => {
  it('is that of the application where the route says nothing', () => {
    const key = (): string => 'k'
    const session = (): null => null
    const options = {
      maxAge: '5m',
      staleWhileRevalidate: '1h',
      staleIfError: '1d',
      heuristic: true,
      tags: ['site'],
      vary: ['x-tenant'],
      key,
      session,
      query: { only: ['page'] },
      detectSecrets: false,
    } as const
    expect(policyOf(options, {})).toEqual(resolveOptions(options).policy)
    expect(policyOf(options, { maxAge: undefined, tags: undefined } as never)).toEqual(
      policyOf(options),
    )
  })

  it('wins field by field', () => {
    const key = (): string => 'nearer'
    const outer = {
      maxAge: '5m',
      staleWhileRevalidate: '1h',
      key: () => 'k',
      detectSecrets: true,
    } as const
    expect(policyOf(outer, { maxAge: '1s' })).toMatchObject({
      maxAge: 1_000,
      staleWhileRevalidate: 3_600_000,
      key: outer.key,
      detectSecrets: true,
    })
    expect(
      policyOf(outer, { key, detectSecrets: false, staleWhileRevalidate: '2h' }),
    ).toMatchObject({
      maxAge: 300_000,
      staleWhileRevalidate: 7_200_000,
      key,
      detectSecrets: false,
    })
  })

  it('of several, wins the nearest', () => {
    expect(policyOf({ maxAge: '1h' }, { maxAge: '1m' }, { maxAge: '1s' }).maxAge).toBe(1_000)
    expect(policyOf({ maxAge: '1h' }, { maxAge: '1m' }, {}).maxAge).toBe(60_000)
    const query = policyOf({ query: { ignore: ['a'] } }, { query: { only: ['b'] } }).query
    expect(query).toEqual({ only: ['b'] })
  })

  it('adds its tags and its vary to those around it, each once, header names in lower case', () => {
    const policy = policyOf(
      { tags: ['site'], vary: ['X-Tenant', 'cookie:Theme'] },
      { tags: ['posts', 'site'], vary: ['x-tenant', 'Accept-Language'] },
      { tags: ['post'] },
    )
    expect(policy.tags).toEqual(['site', 'posts', 'post'])
    expect(policy.vary).toEqual(['x-tenant', 'cookie:Theme', 'accept-language'])
  })

  it('false turns a window off, 0 a lifetime to nothing, and maxAge: false stores nothing of its own', () => {
    const outer = { maxAge: '5m', staleWhileRevalidate: '1h', staleIfError: '1h' } as const
    const off = policyOf(outer, { staleWhileRevalidate: false, staleIfError: false, maxAge: false })
    expect(off).toMatchObject({
      mode: 'own',
      maxAge: false,
      staleWhileRevalidate: 0,
      staleIfError: 0,
    })
    expect(policyOf(outer, { maxAge: 0 })).toMatchObject({ mode: 'own', maxAge: 0 })
  })

  it("'http' leaves the lifetime to headers, and a nearer maxAge takes it back", () => {
    expect(policyOf({ maxAge: 'http' }).mode).toBe('http')
    expect(policyOf({}, { maxAge: 'http' }).mode).toBe('http')
    expect(policyOf({ maxAge: 'http' }, {}).mode).toBe('http')
    expect(policyOf({ maxAge: 'http' }, { maxAge: '1m' })).toMatchObject({
      mode: 'own',
      maxAge: 60_000,
    })
    expect(policyOf({ maxAge: 'http' }, { maxAge: false })).toMatchObject({
      mode: 'own',
      maxAge: false,
    })
  })

  it('route(false) is off, and nothing nearer turns it on again', () => {
    expect(policyOf({}, false).off).toBe(true)
    expect(policyOf({}, false, { maxAge: '1h' }).off).toBe(true)
    expect(policyOf({}, { maxAge: '1h' }, false)).toMatchObject({ off: true, maxAge: 3_600_000 })
  })

  it('is made once for each policy around it, not for each request', () => {
    const policyAt = resolveRoute<unknown>({ tags: ['a'] })
    const { policy } = resolveOptions<unknown>({})
    const other = { ...policy, maxAge: 5 }
    expect(policyAt(policy)).toBe(policyAt(policy))
    expect(policyAt(other)).toBe(policyAt(other))
    expect(policyAt(other).maxAge).toBe(5)
  })
})
