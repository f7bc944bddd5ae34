import type { IncomingHttpHeaders } from 'node:http'
import { describe, expect, it } from 'vitest'
import { type Visit, application, expressApplication, hosts } from '../support/application.ts'

const tagged = { ETag: '"v1"', 'Cache-Control': 'max-age=60' }

/** Answers 304 to whoever has the page already, as a careful application does. */
function confirming(fields: Record<string, string | string[]>) {
  return ({ request }: Visit): { status?: number; fields: typeof fields; body?: null } =>
    request.headers['if-none-match'] === fields['ETag']
      ? { status: 304, fields, body: null }
      : { fields }
}

describe.each(hosts)('validation behind %s', (host) => {
  it('M-32: If-None-Match is answered here: weakly compared, lists and the asterisk understood', async () => {
    const app = await application(() => ({ fields: tagged }), {}, host)
    await app.get('/')
    for (const known of ['"v1"', 'W/"v1"', '"a", "v1"', '"a,b" , W/"v1"', '*']) {
      const answer = await app.get('/', { 'If-None-Match': known })
      expect([known, answer.status, answer.body]).toEqual([known, 304, ''])
    }
    for (const other of ['"v2"', 'v1', '"V1"', 'w/"v1"', '"a,v1"', '"v1', '']) {
      expect((await app.get('/', { 'If-None-Match': other })).status).toBe(200)
    }
    expect((await app.head('/', { 'If-None-Match': '"v1"' })).status).toBe(304)
    expect(app.runs).toBe(1)
  })

  it('M-32: what the client has is answered with 304 on a miss too, and the whole page is stored', async () => {
    const seen: IncomingHttpHeaders[] = []
    const app = await application(
      ({ request }) => {
        seen.push({ 'if-none-match': request.headers['if-none-match'] })
        return confirming(tagged)({ request } as Visit)
      },
      {},
      host,
    )
    const answer = await app.get('/', { 'If-None-Match': '"v1"' })
    expect([answer.status, answer.body]).toEqual([304, ''])
    expect(answer.headers['etag']).toBe('"v1"')
    // The application was asked for the page itself.
    expect(seen).toEqual([{ 'if-none-match': undefined }])
    expect((await app.get('/')).body).toBe('made 1')
    expect(app.runs).toBe(1)
  })

  it('M-34: the 304 of the application freshens the stored response, its Content-Length kept', async () => {
    const app = await application(
      ({ run, request }) => {
        const fields = {
          ...tagged,
          'X-Run': String(run),
          'Content-Type': 'text/plain',
          'X-First': 'only',
        }
        if (run === 1) return { fields }
        const { 'X-First': _, ...fresh } = fields
        return request.headers['if-none-match'] === '"v1"'
          ? { status: 304, fields: { ...fresh, 'Content-Length': '0' }, body: null }
          : { fields }
      },
      {},
      host,
    )
    await app.get('/')
    app.advance(61)
    const validated = await app.get('/')
    expect([validated.status, validated.body]).toEqual([200, 'made 1'])
    expect(validated.headers).toMatchObject({
      'content-length': '6',
      'x-run': '2',
      'x-first': 'only',
      age: '0',
      'cache-status': 'cacheflow; fwd=stale; fwd-status=304',
    })
    app.advance(59)
    const hit = await app.get('/')
    expect(hit.headers).toMatchObject({ 'content-length': '6', 'x-run': '2', age: '59' })
    expect(app.runs).toBe(2)
  })

  it('M-32, M-34: a client that has the page, of one that must be validated, gets its own 304', async () => {
    const app = await application(confirming(tagged), {}, host)
    await app.get('/')
    app.advance(61)
    const answer = await app.get('/', { 'If-None-Match': '"v1"' })
    expect([answer.status, answer.body, app.runs]).toEqual([304, '', 2])
    app.advance(61)
    // Whoever has another page gets the whole one, though the application said 304 to us.
    const other = await app.get('/', { 'If-None-Match': '"v0"' })
    expect([other.status, other.body, app.runs]).toEqual([200, 'made 1', 3])
  })
})

describe('validation', () => {
  it('M-32: If-Modified-Since counts only without If-None-Match', async () => {
    const app = await application(() => ({
      fields: { ...tagged, 'Last-Modified': app.date(-100) },
    }))
    await app.get('/')
    const since = (seconds: number): { 'If-Modified-Since': string } => ({
      'If-Modified-Since': app.date(seconds),
    })
    expect((await app.get('/', since(-100))).status).toBe(304)
    expect((await app.get('/', since(-50))).status).toBe(304)
    expect((await app.get('/', since(-101))).status).toBe(200)
    expect((await app.get('/', { 'If-Modified-Since': 'yesterday' })).status).toBe(200)
    expect((await app.get('/', { ...since(-50), 'If-None-Match': '"other"' })).status).toBe(200)
    expect((await app.get('/', { ...since(-500), 'If-None-Match': '"v1"' })).status).toBe(304)
    expect(app.runs).toBe(1)
  })

  it('M-32: conditions are evaluated only where the answer would be a 200', async () => {
    const app = await application(({ request }) => ({
      status: Number(request.url?.slice(1)),
      fields: { ...tagged, 'Last-Modified': app.date(-100) },
    }))
    for (const status of [203, 301, 404]) {
      for (let i = 0; i < 2; i++) {
        const answer = await app.get(`/${status}`, { 'If-None-Match': '"v1"' })
        expect(answer.status).toBe(status)
      }
    }
    expect(app.runs).toBe(3)
  })

  it('M-32: what is not stored is answered by the conditions of the client all the same', async () => {
    const app = await application(() => ({ fields: { ETag: '"v1"', 'Cache-Control': 'private' } }))
    expect((await app.get('/', { 'If-None-Match': '"v1"' })).status).toBe(304)
    expect((await app.get('/', { 'If-None-Match': '"v2"' })).status).toBe(200)
  })

  it('M-33: a 304 has the fields that a cache needs, and none of the body that it has not got', async () => {
    const app = await application(() => ({
      fields: {
        'Cache-Control': 'max-age=60',
        'Content-Location': '/page.en',
        'Content-Type': 'text/html',
        'Content-Language': 'en',
        'Content-Encoding': 'identity',
        Date: app.date(-2),
        ETag: '"v1"',
        Expires: app.date(60),
        'Last-Modified': app.date(-9),
        Vary: 'X-A',
        'X-Other': '1',
      },
    }))
    const check = (headers: IncomingHttpHeaders): void => {
      expect(headers).toMatchObject({
        'cache-control': 'max-age=60',
        'content-location': '/page.en',
        date: app.date(-2),
        etag: '"v1"',
        expires: app.date(60),
        vary: 'X-A',
      })
      const absent = ['content-type', 'content-language', 'content-encoding', 'content-length']
      absent.push('transfer-encoding', 'last-modified')
      expect(absent.filter((name) => headers[name] !== undefined)).toEqual([])
    }
    const miss = await app.get('/', { 'If-None-Match': '"v1"' })
    expect(miss.status).toBe(304)
    check(miss.headers)
    const hit = await app.get('/', { 'If-None-Match': '"v1"' })
    expect(hit.status).toBe(304)
    check(hit.headers)
    expect(hit.headers['age']).toBe('2')
    expect(app.runs).toBe(1)
  })

  it('M-33: without an ETag the client is told the date it asked about', async () => {
    const app = await application(({ request }) => ({
      status: 200,
      fields: { 'Cache-Control': 'max-age=60', 'Last-Modified': app.date(-9) },
      body: request.url ?? '',
    }))
    const miss = await app.get('/', { 'If-Modified-Since': app.date(-9) })
    expect([miss.status, miss.headers['last-modified']]).toEqual([304, app.date(-9)])
  })

  it('M-34: a lifetime of ours begins anew with each confirmation', async () => {
    const app = await application(confirming({ ETag: '"v1"' }), { maxAge: '5m' })
    await app.get('/')
    for (let validations = 1; validations <= 3; validations++) {
      app.advance(300)
      expect((await app.get('/')).body).toBe('made 1')
      expect(app.runs).toBe(1 + validations)
      app.advance(299)
      const hit = await app.get('/')
      expect([hit.headers['cache-status'], hit.headers['cache-control']]).toEqual([
        'cacheflow; hit; ttl=1',
        'no-cache',
      ])
      expect(app.runs).toBe(1 + validations)
      app.advance(-299)
    }
  })

  it('M-34: so does that of a page that is shared by those whom session() names', async () => {
    const app = await application(confirming({ ETag: '"v1"' }), { session: () => 'members' })
    await app.get('/')
    app.advance(60)
    await app.get('/')
    expect((await app.get('/')).headers['cache-control']).toBe('private, no-cache')
    expect(app.runs).toBe(2)
  })

  it('M-34: and that of a field which is hidden from clients, when the 304 does not repeat it', async () => {
    const targeted = { 'Cacheflow-Cache-Control': 'max-age=600', 'Cache-Control': 'max-age=5' }
    const app = await application(({ run }) =>
      run === 1
        ? { fields: { ETag: '"v1"', ...targeted } }
        : { status: 304, fields: { ETag: '"v1"' }, body: null },
    )
    await app.get('/')
    app.advance(600)
    await app.get('/')
    app.advance(599)
    const hit = await app.get('/')
    expect(hit.headers['cache-status']).toBe('cacheflow; hit; ttl=1')
    expect(hit.headers['cacheflow-cache-control']).toBeUndefined()
  })

  it('M-34: a 304 may say that the response is not to be kept any longer', async () => {
    const app = await application(({ run }) =>
      run === 1
        ? { fields: tagged }
        : { status: 304, fields: { ...tagged, 'Cache-Control': 'no-store' }, body: null },
    )
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).body).toBe('made 1')
    expect(app.refusals).toEqual(['no-store'])
    expect((await app.get('/')).headers['cache-status']).not.toContain('hit')
    expect(app.runs).toBe(3)
  })

  it('M-34: a 304 that speaks of another version freshens nothing', async () => {
    const app = await application(({ run }) =>
      run === 1
        ? { fields: tagged }
        : { status: 304, fields: { ...tagged, ETag: '"v2"' }, body: null },
    )
    await app.get('/')
    app.advance(61)
    await app.get('/')
    expect(app.seen('store')).toHaveLength(1)
  })

  it('M-34: cookies that come with a 304 go to this visitor alone', async () => {
    const app = await application(({ run }) =>
      run === 1
        ? { fields: tagged }
        : { status: 304, fields: { ...tagged, 'Set-Cookie': `sid=${run}` }, body: null },
    )
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).headers['set-cookie']).toEqual(['sid=2'])
    const next = await app.get('/')
    expect([next.body, next.headers['set-cookie']?.[0] ?? 'none']).not.toEqual(['made 1', 'sid=2'])
  })

  it('M-34: the application is asked by the validators that it gave, not by one of ours', async () => {
    const asked: IncomingHttpHeaders[] = []
    const modified = 'Wed, 04 Mar 2026 11:00:00 GMT'
    const app = await application(({ request }) => {
      asked.push({
        'if-none-match': request.headers['if-none-match'],
        'if-modified-since': request.headers['if-modified-since'],
      })
      return asked.length === 1
        ? { fields: { 'Last-Modified': modified } }
        : { status: 304, fields: { 'Last-Modified': modified }, body: null }
    })
    await app.get('/')
    const { etag } = (await app.get('/')).headers
    app.advance(61)
    const validated = await app.get('/')
    expect(asked[1]).toEqual({ 'if-none-match': undefined, 'if-modified-since': modified })
    expect([validated.body, validated.headers['etag']]).toEqual(['made 1', etag])
  })

  it('M-34: the ETag of res.send() is offered to Express, which confirms it by itself', async () => {
    const app = await expressApplication((express, cache, self) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        self.runs++
        response.send('page')
      })
    })
    const { headers } = await app.get('/')
    expect(headers['etag']).toMatch(/^W\//)
    app.advance(61)
    const validated = await app.get('/')
    expect([validated.status, validated.body]).toEqual([200, 'page'])
    expect(validated.headers['cache-status']).toBe('cacheflow; fwd=stale; fwd-status=304')
    expect(validated.headers['content-type']).toBe('text/html; charset=utf-8')
    expect((await app.get('/')).headers['cache-status']).toBe('cacheflow; hit; ttl=60')
    expect(app.runs).toBe(2)
  })

  it('M-34: a page without a validator of the application is made anew', async () => {
    const asked: (string | undefined)[] = []
    const app = await application(({ request }) => {
      asked.push(request.headers['if-none-match'])
      return {}
    })
    await app.get('/')
    app.advance(61)
    expect((await app.get('/')).body).toBe('made 2')
    expect(asked).toEqual([undefined, undefined])
  })

  it('M-34: what a stored response depends on and is tagged with outlives its confirmation', async () => {
    const app = await expressApplication((express, cache, self) => {
      express.use(cache)
      express.get('/posts/:id', cache.route({ tags: ['posts'] }), (_request, response) => {
        self.runs++
        const { cacheflow } = response.locals
        if (cacheflow.freshWhen({ id: 1, updatedAt: 1_000 })) return
        cacheflow.tag('author-7')
        response.send('post')
      })
    })
    await app.get('/posts/1')
    app.advance(61)
    expect((await app.get('/posts/1')).body).toBe('post')
    expect(app.runs).toBe(2)
    expect(app.seen('store').map(({ tags }) => tags.toSorted())).toEqual([
      ['author-7', 'posts'],
      ['author-7', 'posts'],
    ])
    expect((await app.cache.invalidate({ tag: 'author-7' })).responses).toBe(1)
  })

  it('M-35: a generated ETag is weak, equal for equal bytes, and another for other bytes or codings', async () => {
    const bodies = ['a page', 'a page', 'another', 'a page']
    const app = await application(({ run }) => ({
      body: bodies[run - 1] ?? '',
      fields: run === 4 ? { 'Content-Encoding': 'br' } : {},
    }))
    const tags: (string | undefined)[] = []
    for (const path of ['/1', '/2', '/3', '/4']) {
      await app.get(path)
      tags.push((await app.get(path)).headers['etag'])
    }
    expect(tags.every((tag) => /^W\/"[^"]+"$/.test(tag ?? ''))).toBe(true)
    expect(tags[0]).toBe(tags[1])
    expect(tags[0]).not.toBe(tags[2])
    expect((await app.get('/1', { 'If-None-Match': String(tags[0]) })).status).toBe(304)
  })

  it("M-35: an application's own ETag is never replaced", async () => {
    const app = await application(() => ({ fields: tagged }))
    await app.get('/')
    expect((await app.get('/')).headers['etag']).toBe('"v1"')
  })

  it.each([
    ['another ETag', { ETag: '"v2"' }],
    ['another Last-Modified', { 'Last-Modified': 'Wed, 04 Mar 2026 11:30:00 GMT' }],
    ['another Content-Length', { 'Content-Length': '7' }],
  ])('M-36: a HEAD that shows %s makes the stored GET stale', async (_what, change) => {
    const same = {
      ...tagged,
      'Last-Modified': 'Wed, 04 Mar 2026 11:00:00 GMT',
      'Content-Length': '6',
    }
    const app = await application(
      ({ run, request }) => {
        const isHead = request.method === 'HEAD'
        const fields = isHead && run === 3 ? { ...same, ...change } : same
        return isHead || run < 4 ? { fields, ...(isHead ? { body: null } : {}) } : { status: 500 }
      },
      { staleIfError: '1h' },
    )
    await app.get('/')
    app.advance(61)
    await app.head('/')
    expect(app.cache.stats().entries).toBe(1)
    await app.head('/')
    // It is not even used where something stale would be.
    expect((await app.get('/')).status).toBe(500)
  })

  it.each([
    ['If-Match', '"v1"'],
    ['If-Match', '*'],
    ['If-Unmodified-Since', 'Wed, 04 Mar 2026 11:00:00 GMT'],
  ])('M-37: %s goes to the application, whose 412 it is', async (name, value) => {
    const app = await application(({ request }) =>
      request.headers[name.toLowerCase()] === undefined ? { fields: tagged } : { status: 412 },
    )
    await app.get('/')
    expect((await app.get('/', { [name]: value })).status).toBe(412)
    expect(app.seen('bypass')).toMatchObject([{ reason: 'precondition' }])
    expect((await app.get('/')).body).toBe('made 1')
  })
})
