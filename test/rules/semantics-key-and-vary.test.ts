import { gunzipSync, gzipSync } from 'node:zlib'
import { TRACKING_PARAMETERS } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { application, expressApplication, hosts } from '../support/application.ts'
import { latch } from '../support/latch.ts'

describe.each(hosts)('the key behind %s', (host) => {
  it('M-13: scheme, authority, path and query, as received, are the key', async () => {
    const app = await application(() => ({}), {}, host)
    const targets = [
      '/a',
      '/A',
      '/a/',
      '/%61',
      '/a?',
      '/a?x=1',
      '/a?x=1&',
      '/a?X=1',
      '//a',
      '/a;b',
      '/a%2f',
    ]
    const bodies: string[] = []
    for (const target of [...targets, ...targets]) bodies.push((await app.get(target)).body)
    const made = targets.map((_, i) => `made ${i + 1}`)
    expect(bodies).toEqual([...made, ...made])
    expect(app.seen('store').map(({ key }) => key)).toEqual(
      targets.map((target) => app.origin + target),
    )
  })

  it('M-13: one host never gets what another was given', async () => {
    const app = await application(
      ({ request }) => ({ body: `for ${request.headers.host}` }),
      {},
      host,
    )
    for (const name of ['a.example', 'b.example', 'a.example:8080', 'a.example', 'b.example']) {
      expect((await app.get('/', { Host: name })).body).toBe(`for ${name}`)
    }
    expect(app.runs).toBe(3)
  })
})

describe('the key', () => {
  it('M-13: the scheme is that of the client, where a proxy is trusted to tell it', async () => {
    const app = await expressApplication((express, cache, application_) => {
      express.set('trust proxy', true)
      express.use(cache)
      express.get('/', (request, response) => {
        application_.runs++
        response.send(request.protocol)
      })
    })
    for (const scheme of ['http', 'https', 'http', 'https']) {
      expect((await app.get('/', { 'X-Forwarded-Proto': scheme })).body).toBe(scheme)
    }
    expect(app.runs).toBe(2)
  })

  it('M-13: a target with a fragment in it passes by: no invalidation would reach it', async () => {
    const app = await application(() => ({}))
    for (let i = 0; i < 2; i++) {
      const { headers } = await app.get('/x#f')
      expect(headers['cache-status']).toBe('cacheflow; fwd=bypass')
    }
    expect(app.runs).toBe(2)
    expect(app.cache.stats().entries).toBe(0)
  })

  it('M-13: a fragment names no other resource: it falls with the URL it stands on', async () => {
    const app = await application(() => ({}))
    await app.get('/a')
    const { responses } = await app.cache.invalidate({ url: '/a#chapter' })
    expect(responses).toBe(1)
    await app.get('/a')
    await app.cache.invalidate({ url: `${app.origin}/a#chapter` })
    expect((await app.get('/a')).body).toBe('made 3')
  })

  it('M-14: nothing in the query is reordered or dropped by default', async () => {
    const app = await application(({ request }) => ({ body: request.url ?? '' }))
    const targets = [
      '/?a=1&b=2',
      '/?b=2&a=1',
      '/?a=1&b=2&utm_source=x',
      '/?a=1&a=1',
      '/?a=1',
      '/?a',
      '/?a=',
    ]
    for (const target of targets) expect((await app.get(target)).body).toBe(target)
    expect(app.runs).toBe(targets.length)
  })

  it('M-14: what the options leave out of the key, the application does not see', async () => {
    const app = await application(({ request }) => ({ body: request.url ?? '' }), {
      query: { ignore: TRACKING_PARAMETERS },
    })
    expect((await app.get('/?utm_source=mail&page=2&%75tm_id=7')).body).toBe('/?page=2')
    expect((await app.get('/?page=2')).body).toBe('/?page=2')
    expect((await app.get('/?page=2&gclid=1')).body).toBe('/?page=2')
    expect(app.runs).toBe(1)

    const only = await application(({ request }) => ({ body: request.url ?? '' }), {
      query: { only: ['page'] },
    })
    expect((await only.get('/?a=1&page=2&b=3')).body).toBe('/?page=2')
    expect((await only.get('/?page=2')).body).toBe('/?page=2')
    expect((await only.get('/?b=3')).body).toBe('/')
    expect(only.runs).toBe(2)
  })
})

describe('Vary', () => {
  it('M-15: every field that it lists selects the variant, and several variants are kept', async () => {
    const app = await application(() => ({ fields: { Vary: 'X-Shop, X-Currency' } }))
    const visits: [string, string][] = [
      ['a', 'eur'],
      ['a', 'usd'],
      ['b', 'eur'],
    ]
    for (const [shop, currency] of visits)
      await app.get('/', { 'X-Shop': shop, 'X-Currency': currency })
    for (const [index, [shop, currency]] of visits.entries()) {
      const answer = await app.get('/', { 'X-Shop': shop, 'X-Currency': currency })
      expect(answer.body).toBe(`made ${index + 1}`)
    }
    expect((await app.get('/', { 'X-Shop': 'a' })).body).toBe('made 4')
    expect((await app.get('/')).body).toBe('made 5')
    expect(app.seen('miss').map(({ reason }) => reason)).toEqual([
      'uri-miss',
      'vary-miss',
      'vary-miss',
      'vary-miss',
      'vary-miss',
    ])
  })

  it('M-15: spaces around commas make no other value, another order does', async () => {
    const app = await application(() => ({ fields: { Vary: 'Accept-Language' } }))
    const languages = ['de, en', 'de,en', ' de ,en', 'en, de', 'DE, en']
    const bodies: string[] = []
    for (const language of languages) {
      bodies.push((await app.get('/', { 'Accept-Language': language })).body)
    }
    expect(bodies).toEqual(['made 1', 'made 1', 'made 1', 'made 2', 'made 3'])
  })

  it('M-15: several lines of Vary count together', async () => {
    const app = await application(() => ({ fields: { Vary: ['X-A', 'x-b, X-C'] } }))
    await app.get('/', { 'X-A': '1', 'X-B': '1', 'X-C': '1' })
    expect((await app.get('/', { 'X-A': '1', 'X-B': '1', 'X-C': '1' })).body).toBe('made 1')
    expect((await app.get('/', { 'X-A': '2', 'X-B': '1', 'X-C': '1' })).body).toBe('made 2')
    expect((await app.get('/', { 'X-A': '1', 'X-B': '2', 'X-C': '1' })).body).toBe('made 3')
    expect((await app.get('/', { 'X-A': '1', 'X-B': '1', 'X-C': '2' })).body).toBe('made 4')
  })

  it.each(['*', 'Accept, *', ' * '])('M-15: "Vary: %s" is never matched', async (vary) => {
    const app = await application(() => ({ fields: { Vary: vary, 'Cache-Control': 'max-age=60' } }))
    await app.get('/')
    expect((await app.get('/')).body).toBe('made 2')
    expect(app.refusals).toEqual(['vary-any', 'vary-any'])
  })

  it('M-15: the most recent answer of a variant takes the place of the one before', async () => {
    const app = await application(({ run }) => ({
      fields: { Vary: run === 3 ? 'X-A, X-B' : 'X-A' },
    }))
    await app.get('/', { 'X-A': '1' })
    await app.get('/', { 'X-A': '2' })
    app.advance(61)
    expect((await app.get('/', { 'X-A': '1' })).body).toBe('made 3')
    // The page now says that X-B matters, too: what was stored without it cannot be told apart any more.
    expect((await app.get('/', { 'X-A': '1', 'X-B': 'x' })).body).toBe('made 4')
    expect((await app.get('/', { 'X-A': '1' })).body).toBe('made 3')
  })

  it('M-15: one that was begun earlier and ends later takes the place of none', async () => {
    const held = latch()
    const app = await expressApplication(
      (express, cache, self) => {
        express.use(cache)
        express.get('/', (_request, response) => {
          const run = ++self.runs
          response.write('made ')
          if (run === 1) void held.opened.then(() => response.end('1'))
          else response.end(String(run))
        })
      },
      { collapse: false },
    )
    const slow = app.get('/')
    await app.arrived(1)
    app.advance(50)
    expect((await app.get('/')).body).toBe('made 2')
    held.open()
    expect((await slow).body).toBe('made 1')
    app.advance(20)
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('M-15: what the application reads of a request selects the variant as Vary does, and is told in it', async () => {
    const app = await application(({ request }) => ({
      fields: { Vary: 'Accept' },
      body: `in ${request.headers['accept-language'] ?? 'any language'}`,
    }))
    expect((await app.get('/', { 'Accept-Language': 'de' })).headers.vary).toBe(
      'Accept, Accept-Language',
    )
    expect((await app.get('/', { 'Accept-Language': 'fr' })).body).toBe('in fr')
    const german = await app.get('/', { 'Accept-Language': 'de' })
    expect(german.body).toBe('in de')
    expect(german.headers.vary).toBe('Accept, Accept-Language')
    expect(app.runs).toBe(2)
  })

  it('M-15: the number of variants is bounded, the oldest goes first', async () => {
    const app = await application(() => ({ fields: { Vary: 'X-A' } }), { maxVariants: 3 })
    for (const value of ['1', '2', '3', '4']) await app.get('/', { 'X-A': value })
    expect(app.cache.stats().entries).toBe(4)
    expect((await app.get('/', { 'X-A': '4' })).body).toBe('made 4')
    expect((await app.get('/', { 'X-A': '2' })).body).toBe('made 2')
    expect((await app.get('/', { 'X-A': '1' })).body).toBe('made 5')
  })

  it('M-16: a page that was compressed with a dictionary goes only to those who have it', async () => {
    const app = await application(({ request }) => {
      const dictionary = request.headers['available-dictionary']
      const isCoded =
        dictionary !== undefined && request.headers['accept-encoding']?.includes('dcz')
      return {
        fields: {
          Vary: 'Accept-Encoding, Available-Dictionary',
          ...(isCoded ? { 'Content-Encoding': 'dcz' } : {}),
        },
        body: isCoded ? `with ${dictionary}` : 'plain',
      }
    })
    const dcz = { 'Accept-Encoding': 'gzip, br, dcz' }
    for (let i = 0; i < 2; i++) {
      expect((await app.get('/', { ...dcz, 'Available-Dictionary': ':YQ==:' })).body).toBe(
        'with :YQ==:',
      )
      expect((await app.get('/', { ...dcz, 'Available-Dictionary': ':Yg==:' })).body).toBe(
        'with :Yg==:',
      )
      expect((await app.get('/', dcz)).body).toBe('plain')
      expect(
        (await app.get('/', { 'Accept-Encoding': 'br', 'Available-Dictionary': ':YQ==:' })).body,
      ).toBe('plain')
    }
    expect(app.runs).toBe(4)
  })

  it('M-17: equal wishes for a coding share a variant, however they are spelled', async () => {
    const app = await application(({ request }) => {
      const accepted = request.headers['accept-encoding'] ?? ''
      const gzip = /gzip/i.test(accepted) && !/gzip;q=0(?!\.)/i.test(accepted)
      return {
        fields: { Vary: 'Accept-Encoding', ...(gzip ? { 'Content-Encoding': 'gzip' } : {}) },
        body: gzip ? gzipSync('page') : 'page',
      }
    })
    for (const accepted of ['gzip, br', 'GZIP,br', 'gzip;q=1.0, br;q=1', ' gzip ,, br']) {
      const { headers, bytes } = await app.get('/', { 'Accept-Encoding': accepted })
      expect([headers['content-encoding'], gunzipSync(bytes).toString()]).toEqual(['gzip', 'page'])
    }
    expect(app.runs).toBe(1)
    for (const accepted of ['identity', '', 'gzip;q=0']) {
      const { headers, body } = await app.get('/', { 'Accept-Encoding': accepted })
      expect([headers['content-encoding'], body]).toEqual([undefined, 'page'])
    }
    expect(app.runs).toBe(2)
  })

  it('M-17: a value that breaks the grammar never brings a coded page to clients without one', async () => {
    const app = await application(({ request }) => {
      // An application that reads more into the field than the grammar allows.
      const gzip = request.headers['accept-encoding']?.includes('gzip') === true
      return {
        fields: { Vary: 'Accept-Encoding', ...(gzip ? { 'Content-Encoding': 'gzip' } : {}) },
        body: gzip ? gzipSync('page') : 'page',
      }
    })
    for (const broken of ['gzip;q=.5', 'gzip;q=2', 'gzip;x=1', '"gzip"', 'gzip;q=0.0001']) {
      await app.get('/', { 'Accept-Encoding': broken })
    }
    expect(app.refusals).toEqual(Array.from({ length: 5 }, () => 'encoding'))
    const { headers, body } = await app.get('/', { 'Accept-Encoding': 'identity' })
    expect([headers['content-encoding'], body]).toEqual([undefined, 'page'])
  })
})
