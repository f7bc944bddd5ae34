import { describe, expect, it } from 'vitest'
import { application, hosts } from '../support/application.ts'
import { latch } from '../support/latch.ts'

const status = 'cache-status'

describe.each(hosts)('reporting behind %s', (host) => {
  it('M-46: Cache-Status tells a hit with what is left of it, and why else the application ran', async () => {
    const app = await application(
      ({ request }) =>
        request.url === '/private'
          ? { fields: { 'Cache-Control': 'private' } }
          : { fields: { Vary: 'X-A' } },
      { staleWhileRevalidate: '1m' },
      host,
    )
    expect((await app.get('/')).headers[status]).toBe('cacheflow; fwd=uri-miss; stored')
    app.advance(18)
    expect((await app.get('/')).headers[status]).toBe('cacheflow; hit; ttl=42')
    expect((await app.get('/', { 'X-A': '1' })).headers[status]).toBe(
      'cacheflow; fwd=vary-miss; stored',
    )
    app.advance(49)
    expect((await app.get('/')).headers[status]).toBe('cacheflow; hit; ttl=-7')
    await app.happened('refresh')
    app.advance(120)
    expect((await app.get('/')).headers[status]).toBe('cacheflow; fwd=stale; stored')
    expect((await app.get('/private')).headers[status]).toBe('cacheflow; fwd=uri-miss')
    expect((await app.ask('/', { method: 'POST' })).headers[status]).toBe('cacheflow; fwd=method')
    expect((await app.get('/', { 'If-Match': '*' })).headers[status]).toBe('cacheflow; fwd=bypass')
    expect((await app.get('/', { Authorization: 'Bearer a' })).headers[status]).toBe(
      'cacheflow; fwd=bypass',
    )
  })

  it('M-46: it comes last, after what other caches have said, on misses and on hits', async () => {
    const app = await application(
      () => ({ fields: { 'Cache-Status': ['origin; hit', '"a, b"; fwd=miss'] } }),
      {},
      host,
    )
    const upstream = 'origin; hit, "a, b"; fwd=miss'
    expect((await app.get('/')).headers[status]).toBe(
      `${upstream}, cacheflow; fwd=uri-miss; stored`,
    )
    expect((await app.get('/')).headers[status]).toBe(`${upstream}, cacheflow; hit; ttl=60`)
  })

  it('M-47: there is no X-Cache of ours, and Cache-Status goes by option; Age stays, as it must', async () => {
    const app = await application(
      () => ({ fields: { 'X-Cache': 'of the application' } }),
      { cacheStatus: false },
      host,
    )
    for (const answer of [await app.get('/'), await app.get('/')]) {
      expect(answer.headers['x-cache']).toBe('of the application')
      expect(answer.headers[status]).toBeUndefined()
    }
    expect((await app.get('/')).headers['age']).toBe('0')
    const shown = await application(() => ({}), {}, host)
    for (const answer of [await shown.get('/'), await shown.get('/')]) {
      expect(answer.headers['x-cache']).toBeUndefined()
    }
  })
})

describe('reporting', () => {
  it('M-46: an answer that another request brought is told as collapsed', async () => {
    const held = latch()
    const app = await application(async () => {
      await held.opened
      return {}
    })
    const answers = [app.get('/'), app.get('/')]
    await app.arrived(2)
    held.open()
    const [leader, follower] = await Promise.all(answers)
    expect(leader?.headers[status]).toBe('cacheflow; fwd=uri-miss; stored')
    expect(follower?.headers[status]).toBe('cacheflow; fwd=uri-miss; ttl=60; collapsed')
  })

  it('M-46: the key is shown in debug alone', async () => {
    const app = await application(() => ({}))
    const debug = await application(() => ({}), { cacheStatus: 'debug' })
    for (let i = 0; i < 2; i++) {
      expect((await app.get('/a?"x"')).headers[status]).not.toContain('key')
      expect((await debug.get('/a?b')).headers[status]).toContain(`; key="${debug.origin}/a?b"`)
    }
    expect((await debug.ask('/a', { method: 'POST' })).headers[status]).toContain('; key=')
  })

  it('M-46: a confirmation and a failure tell the status that the application answered with', async () => {
    const app = await application(
      ({ run }) => {
        const fields = { ETag: '"1"' }
        if (run === 1) return { fields }
        return run === 2 ? { status: 304, fields, body: null } : { status: 503 }
      },
      { staleIfError: '1h' },
    )
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).headers[status]).toBe('cacheflow; fwd=stale; fwd-status=304')
    app.advance(61)
    expect((await app.get('/')).headers[status]).toBe('cacheflow; fwd=stale; fwd-status=503')
  })
})
