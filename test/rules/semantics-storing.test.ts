import type { Response } from 'express'
import { describe, expect, it } from 'vitest'
import { application, expressApplication, hosts } from '../support/application.ts'
import { latch } from '../support/latch.ts'

const minute = { 'Cache-Control': 'max-age=60' }

describe.each(hosts)('storing behind %s', (host) => {
  it('M-1: only answers to GET are stored; every other method reaches the application', async () => {
    const app = await application(() => ({ fields: minute }), {}, host)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PURGE']) {
      expect((await app.ask('/', { method })).status).toBe(200)
      expect((await app.ask('/', { method })).status).toBe(200)
    }
    expect(app.runs).toBe(14)
    expect(app.cache.stats().entries).toBe(0)
    expect((await app.get('/')).body).toBe('made 15')
    expect((await app.get('/')).body).toBe('made 15')
  })

  it('M-1: HEAD is answered from a stored GET, and never fills in for one', async () => {
    const app = await application(() => ({ fields: minute }), {}, host)
    await app.head('/')
    expect(app.cache.stats().entries).toBe(0)
    const made = await app.get('/')
    expect(made.body).toBe('made 2')
    const head = await app.head('/')
    expect(app.runs).toBe(2)
    expect(head.body).toBe('')
    expect(head.headers['content-length']).toBe(made.headers['content-length'])
    expect(head.headers['cache-status']).toBe('cacheflow; hit; ttl=60')
  })
})

describe('storing', () => {
  it('M-2: no-store in the response keeps it out, whatever else it says', async () => {
    const app = await application(() => ({
      fields: { 'Cache-Control': 'public, max-age=60, s-maxage=60, no-store' },
    }))
    await app.get('/')
    expect((await app.get('/')).body).toBe('made 2')
    expect(app.refusals).toEqual(['no-store', 'no-store'])
  })

  it('M-2: no-store in the request keeps its answer out, and does not empty what is stored', async () => {
    const app = await application(() => ({ fields: minute }))
    await app.get('/', { 'Cache-Control': 'no-store' })
    expect(app.refusals).toEqual(['request-no-store'])
    expect((await app.get('/')).body).toBe('made 2')
    await app.get('/', { 'Cache-Control': 'no-store' })
    expect((await app.get('/')).body).toBe('made 2')
  })

  it.each([
    'private',
    'private, max-age=60',
    'max-age=60, private="x-user"',
    'PRIVATE, s-maxage=60',
  ])('M-3: "%s" is never in the shared store', async (control) => {
    const app = await application(() => ({ fields: { 'Cache-Control': control } }))
    await app.get('/')
    expect((await app.get('/')).body).toBe('made 2')
    expect(app.refusals).toEqual(['private', 'private'])
  })

  it.each(['no-cache', 'no-cache, max-age=60', 'max-age=60, no-cache="x-user"'])(
    'M-4: "%s" is stored to be validated on each use, and not without a validator',
    async (control) => {
      const app = await application(({ request }) => {
        const fields = { 'Cache-Control': control, ETag: '"1"' }
        return request.headers['if-none-match'] === '"1"'
          ? { status: 304, fields, body: null }
          : { fields }
      })
      expect((await app.get('/')).body).toBe('made 1')
      expect((await app.get('/')).body).toBe('made 1')
      expect((await app.get('/')).body).toBe('made 1')
      expect(app.runs).toBe(3)
      expect(app.seen('hit').map(({ reason }) => reason)).toEqual(['validated', 'validated'])

      const bare = await application(() => ({ fields: { 'Cache-Control': control } }))
      await bare.get('/')
      expect((await bare.get('/')).body).toBe('made 2')
      expect(bare.refusals).toEqual(['no-validator', 'no-validator'])
    },
  )

  it('M-5: the answer to a request with Authorization is stored by leave only', async () => {
    const alice = { Authorization: 'Bearer alice' }
    const bob = { Authorization: 'Bearer bob' }
    const app = await application(() => ({ fields: minute }))
    await app.get('/', alice)
    expect((await app.get('/', alice)).body).toBe('made 2')
    expect(app.refusals).toEqual(['authorization', 'authorization'])
    // What was made for nobody in particular does not answer those who say who they are, either.
    expect((await app.get('/')).body).toBe('made 3')
    expect((await app.get('/', bob)).body).toBe('made 4')
    expect((await app.get('/')).body).toBe('made 3')

    for (const leave of ['public', 's-maxage=60', 'must-revalidate']) {
      const shared = await application(() => ({
        fields: { 'Cache-Control': `max-age=60, ${leave}` },
      }))
      await shared.get('/', alice)
      expect((await shared.get('/', bob)).body).toBe('made 1')
      expect((await shared.get('/')).body).toBe('made 1')
    }
  })

  it('M-5: credentials of other names count as Authorization does', async () => {
    const app = await application(() => ({ fields: minute }), { credentials: ['X-Api-Key'] })
    await app.get('/', { 'X-Api-Key': 'alice' })
    expect((await app.get('/', { 'X-Api-Key': 'alice' })).body).toBe('made 2')
    expect((await app.get('/')).body).toBe('made 3')
  })

  it('M-6: a request with cookies passes by when nobody knows which of them matter', async () => {
    const app = await application(() => ({}), { observe: false })
    await app.get('/')
    expect((await app.get('/', { Cookie: 'theme=dark' })).body).toBe('made 2')
    expect((await app.get('/', { Cookie: 'theme=dark' })).body).toBe('made 3')
    expect(app.seen('bypass').map(({ reason }) => reason)).toEqual(['cookie', 'cookie'])
    expect((await app.get('/')).body).toBe('made 1')
  })

  it('M-6: with `vary: ["cookie:theme"]` that cookie selects the variant, and others do not', async () => {
    const app = await application(() => ({}), { observe: false, vary: ['cookie:theme'] })
    expect((await app.get('/', { Cookie: 'theme=dark; ad=1' })).body).toBe('made 1')
    expect((await app.get('/', { Cookie: 'ad=2; theme=dark' })).body).toBe('made 1')
    expect((await app.get('/', { Cookie: 'theme=light' })).body).toBe('made 2')
    expect((await app.get('/')).body).toBe('made 3')
  })

  it('M-6: cookies that the application never looks at shape nothing', async () => {
    const app = await application(() => ({}))
    await app.get('/', { Cookie: '_ga=1' })
    expect((await app.get('/', { Cookie: '_ga=2' })).body).toBe('made 1')
  })

  it('M-6: an answer made from the Cookie header is not stored', async () => {
    const app = await application(({ request }) => ({ body: `for ${request.headers.cookie}` }))
    expect((await app.get('/', { Cookie: 'sid=alice' })).body).toBe('for sid=alice')
    expect((await app.get('/', { Cookie: 'sid=bob' })).body).toBe('for sid=bob')
    expect(app.refusals).toEqual(['cookie-read', 'cookie-read'])
  })

  it('M-7: an answer that sets a cookie is not stored, not even a public one', async () => {
    const app = await application(({ run }) => ({
      fields: { 'Cache-Control': 'public, s-maxage=60', 'Set-Cookie': [`sid=${run}`, 'b=1'] },
    }))
    expect((await app.get('/')).headers['set-cookie']).toEqual(['sid=1', 'b=1'])
    expect((await app.get('/')).headers['set-cookie']).toEqual(['sid=2', 'b=1'])
    expect(app.refusals).toEqual(['set-cookie', 'set-cookie'])
    expect(app.cache.stats().entries).toBe(0)
  })

  it('M-8: must-understand takes the place of no-store where the status is known, and forbids others', async () => {
    const control = { 'Cache-Control': 'max-age=60, must-understand, no-store' }
    const app = await application(({ request }) => ({
      status: Number(request.url?.slice(1)),
      fields: control,
    }))
    await app.get('/200')
    expect((await app.get('/200')).body).toBe('made 1')
    await app.get('/299')
    expect((await app.get('/299')).body).toBe('made 3')
    expect(app.refusals).toEqual(['must-understand', 'must-understand'])
  })

  it('M-9: with `maxAge: "http"` any final status with a lifetime of its own may be stored', async () => {
    const app = await application(
      ({ request }) => ({ status: Number(request.url?.slice(1)), fields: minute }),
      { maxAge: 'http' },
    )
    for (const status of [200, 201, 203, 204, 302, 307, 400, 403, 404, 410, 418, 500, 503, 599]) {
      await app.get(`/${status}`)
      const hit = await app.get(`/${status}`)
      expect([status, hit.status, hit.headers['cache-status']]).toEqual([
        status,
        status,
        'cacheflow; hit; ttl=60',
      ])
    }
  })

  it.each([304, 412, 416, 417])(
    'M-9: but a %i, which answers what one client asked about, is for nobody else',
    async (status) => {
      const app = await application(() => ({ status, fields: minute }), { maxAge: 'http' })
      await app.get('/')
      await app.get('/')
      expect([app.runs, app.refusals]).toEqual([2, ['status', 'status']])
    },
  )

  it('M-9: without one, heuristics are for the statuses that RFC 9110 §15.1 names', async () => {
    const app = await application(
      ({ request }) => ({
        status: Number(request.url?.slice(1)),
        fields: { 'Last-Modified': app.date(-1000) },
      }),
      { maxAge: 'http', heuristic: true },
    )
    const stored: number[] = []
    const statuses = [200, 201, 202, 203, 204, 300, 301, 302, 303, 307, 308]
    statuses.push(400, 401, 403, 404, 405, 410, 414, 451, 500, 501, 503)
    for (const status of statuses) {
      await app.get(`/${status}`)
      const { headers } = await app.get(`/${status}`)
      if (headers['cache-status'] === 'cacheflow; hit; ttl=100') stored.push(status)
    }
    expect(stored).toEqual([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
  })

  it('M-9: our own lifetime is for pages, redirections for good, and "there is none" alone', async () => {
    const app = await application(({ request }) => ({ status: Number(request.url?.slice(1)) }))
    const stored: number[] = []
    const statuses = [200, 201, 202, 203, 204, 300, 301, 302, 303, 307, 308]
    statuses.push(400, 401, 403, 404, 405, 410, 414, 429, 451, 500, 501, 503)
    for (const status of statuses) {
      await app.get(`/${status}`)
      const { headers } = await app.get(`/${status}`)
      if (headers['cache-status'] === 'cacheflow; hit; ttl=60') stored.push(status)
    }
    expect(stored).toEqual([200, 203, 301, 308, 404, 410])
  })

  it('M-9: a max-age that an application puts on everything does not keep its error pages', async () => {
    const app = await application(({ run }) => ({
      status: [500, 503, 403][run % 3]!,
      fields: minute,
    }))
    for (let i = 0; i < 6; i++) await app.get('/')
    expect(app.runs).toBe(6)
    expect(app.refusals).toEqual(Array.from({ length: 6 }, () => 'status'))
  })

  it('M-10: a part is never stored as the whole', async () => {
    const app = await application(({ request }) =>
      request.headers.range === undefined
        ? { fields: minute, body: '0123456789' }
        : { status: 206, fields: { ...minute, 'Content-Range': 'bytes 0-3/10' }, body: '0123' },
    )
    const part = await app.get('/', { Range: 'bytes=0-3' })
    expect([part.status, part.body]).toEqual([206, '0123'])
    expect(app.refusals).toEqual(['partial'])
    expect((await app.get('/')).body).toBe('0123456789')

    const odd = await application(() => ({
      fields: { ...minute, 'Content-Range': 'bytes 0-3/10' },
    }))
    await odd.get('/')
    expect((await odd.get('/')).body).toBe('made 2')
  })

  it('M-10: nor is what an application made of a Range that it read, whatever status it gave', async () => {
    const app = await application(({ request }) => ({
      fields: minute,
      body: request.headers.range === undefined ? 'whole' : 'part',
    }))
    expect((await app.get('/', { Range: 'bytes=0-1' })).body).toBe('part')
    expect((await app.get('/')).body).toBe('whole')
    // What an application makes of a Range itself is not for the cache to cut.
    expect((await app.get('/', { Range: 'bytes=0-1' })).body).toBe('part')
  })

  it('M-10: a body that broke off is not stored', async () => {
    let runs = 0
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        if (++runs > 1) {
          response.set(minute).send('0123456789')
          return
        }
        response.set({ ...minute, 'Content-Length': '10' })
        response.write('0123')
        setImmediate(() => response.destroy())
      })
    })
    await expect(app.get('/')).rejects.toThrow()
    expect(app.cache.stats()).toMatchObject({ entries: 0, inFlight: 0 })
    expect((await app.get('/')).body).toBe('0123456789')
  })

  it('M-10: a body of another length than it declares is not stored', async () => {
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        response.writeHead(200, { ...minute, 'Content-Length': '10' })
        response.end('0123')
      })
    })
    await app.get('/').catch(() => undefined)
    expect(app.refusals).toEqual(['incomplete'])
    expect(app.cache.stats().entries).toBe(0)
  })

  it('M-11: fields of one connection, and those that Connection names, are not replayed', async () => {
    const hop = {
      Connection: 'close, X-Hop',
      'X-Hop': '1',
      'Keep-Alive': 'timeout=7',
      'Proxy-Authenticate': 'Basic',
      'Proxy-Connection': 'close',
      TE: 'trailers',
      Upgrade: 'h2c',
    }
    const app = await application(() => ({ fields: { ...minute, ...hop, 'X-End-To-End': '1' } }))
    expect((await app.get('/')).headers).toMatchObject({ 'x-hop': '1', te: 'trailers' })
    const { headers } = await app.get('/')
    expect(app.runs).toBe(1)
    expect(headers['x-end-to-end']).toBe('1')
    const kept = Object.keys(hop).filter((name) => headers[name.toLowerCase()] !== undefined)
    expect(kept).toEqual(['Connection'])
    expect(headers.connection).toBe('close')
  })

  it('M-11: nor are they where there is no Connection field', async () => {
    const app = await application(() => ({
      fields: { ...minute, 'Keep-Alive': 'timeout=7', TE: 'trailers' },
    }))
    await app.get('/')
    const { headers } = await app.get('/')
    expect([app.runs, headers['keep-alive'], headers['te']]).toEqual([1, undefined, undefined])
  })

  it('M-11: what was sent in chunks is replayed with its length', async () => {
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        response.set(minute).write('01234')
        response.end('56789')
      })
    })
    expect((await app.get('/')).headers['transfer-encoding']).toBe('chunked')
    const { headers, body } = await app.get('/')
    expect(headers['transfer-encoding']).toBeUndefined()
    expect([headers['content-length'], body]).toEqual(['10', '0123456789'])
  })

  it('M-12: a body over `memory.maxEntrySize` flows on to the client and is not kept', async () => {
    const chunk = Buffer.alloc(16_384, 'x')
    const held = latch()
    let response: Response | undefined
    const app = await expressApplication(
      (express, cache) => {
        express.use(cache)
        express.get('/', (_request, ours) => {
          response = ours
          ours.set(minute)
          for (let i = 0; i < 3; i++) ours.write(chunk)
          void held.opened.then(() => ours.end(chunk))
        })
      },
      { memory: { maxEntrySize: '32KiB' } },
    )
    const answer = app.get('/')
    await app.happened('uncacheable')
    // Refused in the middle: nobody waits for a response that will not be shared.
    expect(response?.writableEnded).toBe(false)
    expect(app.cache.stats().inFlight).toBe(0)
    held.open()
    expect((await answer).bytes).toEqual(Buffer.alloc(65_536, 'x'))
    expect(app.refusals).toEqual(['too-large'])
    expect(app.cache.stats().entries).toBe(0)
  })
})
