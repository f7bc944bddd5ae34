import type { IncomingHttpHeaders } from 'node:http'
import { originalHeaders } from 'cacheflow/adapter'
import { describe, expect, it } from 'vitest'
import { type Application, application, expressApplication, hosts } from '../support/application.ts'
import { latch } from '../support/latch.ts'

const windows = { staleWhileRevalidate: '30s', staleIfError: '1h' } as const

describe.each(hosts)('stale behind %s', (host) => {
  it('M-28: in its window a stale response is served at once, and made anew once in the background', async () => {
    const held = latch()
    const app = await application(
      async ({ run }) => {
        if (run > 1) await held.opened
        return {}
      },
      { maxAge: '1m', staleWhileRevalidate: '30s' },
      host,
    )
    await app.get('/')
    app.advance(60)
    for (let i = 0; i < 5; i++) expect((await app.get('/')).body).toBe('made 1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.runs).toBe(2)
    expect(app.cache.stats().inFlight).toBe(1)
    held.open()
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([
      { reason: 'stale-while-revalidate', outcome: 'stored' },
    ])
    expect((await app.get('/')).body).toBe('made 2')
    expect((await app.get('/')).headers['cache-status']).toBe('cacheflow; hit; ttl=60')
    expect(app.runs).toBe(2)
    expect(app.cache.stats().inFlight).toBe(0)
  })

  it('M-29: in its window a stale response stands in for a handler that throws', async () => {
    const app = await application(
      ({ run }) => {
        if (run > 1) throw new Error('the database is gone')
        return {}
      },
      { staleIfError: '1h' },
      host,
    )
    await app.get('/')
    app.advance(60 + 3599)
    const answer = await app.get('/')
    expect([answer.status, answer.body]).toEqual([200, 'made 1'])
    expect(answer.headers['cache-status']).toBe('cacheflow; fwd=stale; fwd-status=500')
    expect(answer.headers['age']).toBe('3659')
    expect(app.seen('hit').at(-1)).toMatchObject({ reason: 'stale-if-error' })
    app.advance(1)
    expect((await app.get('/')).status).toBe(500)
  })

  it('M-31: a refresh that fails leaves the stored response where it is', async () => {
    const app = await application(
      ({ run }) => {
        if (run === 2) throw new Error('the database is gone')
        return run === 3 ? { status: 503 } : {}
      },
      { staleWhileRevalidate: '1h' },
      host,
    )
    await app.get('/')
    app.advance(60)
    for (let failures = 1; failures <= 2; failures++) {
      expect((await app.get('/')).body).toBe('made 1')
      await app.happened('refresh', failures)
      expect(app.runs).toBe(failures + 1)
      expect(app.seen('refresh').at(-1)).toMatchObject({ outcome: 'kept' })
      expect(app.cache.stats()).toMatchObject({ entries: 1, inFlight: 0 })
    }
    expect((await app.get('/')).body).toBe('made 1')
    await app.happened('refresh', 3)
    expect((await app.get('/')).body).toBe('made 4')
  })
})

describe('stale', () => {
  it('M-28: without a window nothing stale is served', async () => {
    const app = await application(() => ({}))
    await app.get('/')
    app.advance(60)
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('M-28: after the window the visitor waits for a new response', async () => {
    const app = await application(() => ({}), { staleWhileRevalidate: '30s' })
    await app.get('/')
    app.advance(60 + 30)
    expect((await app.get('/')).body).toBe('made 2')
    expect(app.seen('refresh')).toEqual([])
  })

  it('M-28: the response names its own window, and that one counts', async () => {
    const app = await application(
      () => ({ fields: { 'Cache-Control': 'max-age=60, stale-while-revalidate=10' } }),
      { maxAge: 'http', staleWhileRevalidate: '1h' },
    )
    await app.get('/')
    app.advance(69)
    const stale = await app.get('/')
    expect([stale.body, stale.headers['cache-status']]).toEqual([
      'made 1',
      'cacheflow; hit; ttl=-9',
    ])
    await app.happened('refresh')
    app.advance(70)
    expect((await app.get('/')).body).toBe('made 3')

    const none = await application(
      () => ({ fields: { 'Cache-Control': 'max-age=60, stale-while-revalidate=0' } }),
      { staleWhileRevalidate: '1h' },
    )
    await none.get('/')
    none.advance(60)
    expect((await none.get('/')).body).toBe('made 2')
  })

  it('M-28: each variant has a refresh of its own', async () => {
    const held = latch()
    const app = await application(async ({ run }) => {
      if (run > 2) await held.opened
      return { fields: { Vary: 'X-A' } }
    }, windows)
    for (const value of ['1', '2']) await app.get('/', { 'X-A': value })
    app.advance(60)
    for (const value of ['1', '2', '1', '2']) {
      expect((await app.get('/', { 'X-A': value })).body).toBe(`made ${value}`)
    }
    held.open()
    await app.happened('refresh', 2)
    expect(app.runs).toBe(4)
    expect((await app.get('/', { 'X-A': '1' })).body).toBe('made 3')
    expect((await app.get('/', { 'X-A': '2' })).body).toBe('made 4')
  })

  it.each([500, 502, 503, 504])('M-29: it stands in for a %i', async (status) => {
    const app = await application(({ run }) => (run === 1 ? {} : { status }), {
      staleIfError: '1h',
    })
    await app.get('/')
    app.advance(61)
    const answer = await app.get('/')
    expect([answer.status, answer.body]).toEqual([200, 'made 1'])
    expect(answer.headers['cache-status']).toBe(`cacheflow; fwd=stale; fwd-status=${status}`)
  })

  it.each([400, 403, 404, 410, 429, 501, 505])(
    'M-29: it does not stand in for a %i',
    async (status) => {
      const app = await application(({ run }) => (run === 1 ? {} : { status }), {
        staleIfError: '1h',
      })
      await app.get('/')
      app.advance(61)
      expect((await app.get('/')).status).toBe(status)
    },
  )

  it('M-29: the response names its own window, and that one counts', async () => {
    const app = await application(
      ({ run }) =>
        run === 1
          ? { fields: { 'Cache-Control': 'max-age=60, stale-if-error=10' } }
          : { status: 500 },
      { maxAge: 'http' },
    )
    await app.get('/')
    app.advance(69)
    expect((await app.get('/')).status).toBe(200)
    app.advance(1)
    expect((await app.get('/')).status).toBe(500)
  })

  it('M-29: nothing of the failed answer is left in it', async () => {
    const app = await application(
      ({ run }) =>
        run === 1
          ? { fields: { 'Content-Type': 'text/plain', 'X-Page': '1' }, body: 'the page' }
          : {
              status: 500,
              fields: { 'X-Trace': 'secret', 'Content-Type': 'text/html', 'Content-Length': '4' },
              body: 'oops',
            },
      { staleIfError: '1h' },
    )
    await app.get('/')
    app.advance(61)
    const { headers, body } = await app.get('/')
    expect(body).toBe('the page')
    expect(headers).toMatchObject({
      'content-type': 'text/plain',
      'x-page': '1',
      'content-length': '8',
    })
    expect(headers['x-trace']).toBeUndefined()
  })

  it('M-29: a failure is not stored in its place', async () => {
    const app = await application(({ run }) => (run === 2 ? { status: 500 } : {}), {
      staleIfError: '1h',
    })
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).body).toBe('made 1')
    expect((await app.get('/')).body).toBe('made 3')
  })

  it('M-29: an answer that died before its head could be sent leaves the stored one as it was', async () => {
    let runs = 0
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', (_request, response) => {
          if (++runs === 1) response.send('page')
          else response.destroy()
        })
      },
      { staleIfError: '1h' },
    )
    await app.get('/')
    app.advance(61)
    await expect(app.get('/')).rejects.toThrow()
    expect(app.cache.stats()).toMatchObject({ entries: 1, inFlight: 0 })
  })

  const strict = [
    'must-revalidate',
    'proxy-revalidate',
    's-maxage=60',
    'no-cache',
    'no-cache="x"',
    'stale-while-revalidate=60, stale-if-error=60, must-revalidate',
  ]
  it.each(strict)(
    'M-30: with "%s" nothing stale is served, whatever the windows',
    async (directive) => {
      const app = await application(
        ({ run }) =>
          run === 1
            ? { fields: { 'Cache-Control': `max-age=60, ${directive}`, ETag: '"1"' } }
            : { status: 500 },
        windows,
      )
      await app.get('/')
      app.advance(61)
      expect((await app.get('/')).status).toBe(500)
      expect(app.seen('refresh')).toEqual([])
      expect(app.runs).toBe(2)
    },
  )

  it('M-30: a targeted field forbids it as Cache-Control does', async () => {
    const app = await application(
      ({ run }) =>
        run === 1
          ? { fields: { 'Cacheflow-Cache-Control': 'max-age=60, must-revalidate' } }
          : { status: 500 },
      windows,
    )
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).status).toBe(500)
  })

  it.each(['must-revalidate', 's-maxage=60'])(
    'M-30: with "%s" a soft invalidation leaves nothing to serve either',
    async (directive) => {
      const app = await application(
        ({ run }) =>
          run === 1
            ? { fields: { 'Cache-Control': `max-age=60, ${directive}`, ETag: '"1"' } }
            : { status: 500 },
        windows,
      )
      await app.get('/')
      await app.cache.invalidate({ url: '/' }, { soft: true })
      expect((await app.get('/')).status).toBe(500)
      expect(app.seen('refresh')).toEqual([])
    },
  )

  it('M-31: a refresh carries no cookies at all where none selects the variant', async () => {
    const asked: (string | undefined)[] = []
    const app = await application(({ request }) => {
      asked.push(originalHeaders(request).cookie as string | undefined)
      return {}
    }, windows)
    await app.get('/', { Cookie: 'sid=alice' })
    app.advance(61)
    await app.get('/', { Cookie: 'sid=alice' })
    await app.happened('refresh')
    expect(asked).toEqual(['sid=alice', undefined])
  })

  it('M-31: a refresh carries neither credentials nor conditions of the visitor who caused it', async () => {
    const asked: IncomingHttpHeaders[] = []
    const app: Application = await application(
      ({ request }) => {
        asked.push(request.headers)
        return { fields: { 'Cache-Control': 'public, max-age=60', Vary: 'X-Shop' } }
      },
      { ...windows, credentials: ['x-api-key'], vary: ['cookie:theme'], observe: false },
    )
    const plain = { 'X-Shop': 'a', Cookie: 'theme=dark; sid=alice' }
    const personal = {
      ...plain,
      Authorization: 'Bearer alice',
      'X-Api-Key': 'alice',
      'If-None-Match': '"nothing"',
      'If-Modified-Since': app.date(-5000),
      Range: 'bytes=0-1',
      'If-Range': '"nothing"',
      'Cache-Control': 'no-store',
      Pragma: 'no-cache',
    }
    await app.get('/', plain)
    app.advance(61)
    expect((await app.get('/', personal)).status).toBe(200)
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([{ outcome: 'stored' }])
    // The cookie that selects the variant is, so to say, part of the page's name.
    expect(asked[1]).toEqual({
      host: `127.0.0.1:${app.port}`,
      'x-shop': 'a',
      cookie: 'theme=dark',
    })
    expect((await app.get('/', plain)).body).toBe('made 2')
  })

  it('M-31: it asks the application to confirm what is stored, if that has a validator of its own', async () => {
    const app = await application(({ run, request }) => {
      const condition = request.headers['if-none-match'] ?? null
      return run === 2
        ? { status: 304, fields: { ETag: '"1"', 'X-Condition': String(condition) }, body: null }
        : { fields: { ETag: '"1"' } }
    }, windows)
    await app.get('/')
    app.advance(61)
    await app.get('/')
    await app.happened('refresh')
    expect(app.seen('refresh')).toMatchObject([{ outcome: 'validated' }])
    const { headers, body } = await app.get('/')
    expect([body, headers['x-condition'], headers['age']]).toEqual(['made 1', '"1"', '0'])
  })

  it('M-31: its answer goes to nobody: the visitor gets one response, of his own', async () => {
    const app = await application(({ run }) => ({ body: `made ${run}`.repeat(run) }), windows)
    await app.get('/')
    app.advance(61)
    const { headers, body } = await app.get('/', { 'If-None-Match': '"nothing"' })
    expect([headers['content-length'], body]).toEqual(['6', 'made 1'])
    await app.happened('refresh')
  })

  it('M-31: the page of one audience is not refreshed in the background, where nobody is known', async () => {
    const app = await application(({ request }) => ({ body: `for ${request.headers['x-user']}` }), {
      ...windows,
      session: (request) => String(request.headers['x-user']),
    })
    await app.get('/', { 'X-User': 'alice' })
    app.advance(61)
    expect((await app.get('/', { 'X-User': 'alice' })).body).toBe('for alice')
    expect(app.runs).toBe(2)
    expect(app.seen('refresh')).toEqual([])
  })
})
