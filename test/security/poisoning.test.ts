import type { IncomingMessage } from 'node:http'
import methodOverride from 'method-override'
import { describe, expect, it } from 'vitest'
import { expressStages, pageStages } from '../support/stages.ts'
import { send } from '../support/wire.ts'

/** What the attacker sends, what the page makes of it, and what a plain request must get. */
const echo = (name: string) => (request: IncomingMessage) => ({
  body: `${name}: ${String(request.headers[name] ?? 'none')}`,
})

const unkeyed: Readonly<Record<string, string>> = {
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'evil',
  'x-forwarded-port': '666',
  'x-forwarded-scheme': 'evil',
  'x-forwarded-prefix': '/evil',
  'x-forwarded-for': '6.6.6.6',
  'x-original-url': '/evil',
  'x-rewrite-url': '/evil',
  forwarded: 'host=evil.example',
  'x-host': 'evil.example',
  origin: 'https://evil.example',
  referer: 'https://evil.example/',
  'accept-language': 'xx',
  accept: 'text/evil',
}

/** Headers that frameworks use among themselves, and that made them answer otherwise to everybody. */
const internal: Readonly<Record<string, string>> = {
  'x-now-route-matches': '1',
  'x-nextjs-data': '1',
  'x-middleware-prefetch': '1',
  rsc: '1',
  'next-router-state-tree': 'x',
  'x-react-router-spa-mode': 'yes',
  'x-react-router-prerender-data': 'x',
  'x-requested-with': 'XMLHttpRequest',
  'x-invoke-status': '404',
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-1: what a request says in X-Forwarded-Host is never shown to those who do not say it', async () => {
      const app = await open({ page: echo('x-forwarded-host') })
      const evil = { 'X-Forwarded-Host': 'evil.example' }
      for (let round = 0; round < 3; round++) {
        expect((await app.get('/', evil)).body).toBe('x-forwarded-host: evil.example')
        expect((await app.get('/')).body).toBe('x-forwarded-host: none')
      }
      expect(app.runs).toBeLessThan(6)
    })

    it('S-2: where forwarded hosts and protocols are trusted, each has answers of its own', async () => {
      const app = await open({
        trust: true,
        page: ({ headers }) => ({
          body: [headers.host, headers['x-forwarded-host'], headers['x-forwarded-proto']].join(' '),
        }),
      })
      const visitors = [
        { 'X-Forwarded-Host': 'evil.example' },
        {},
        { 'X-Forwarded-Host': 'good.example' },
        { Host: 'good.example' },
        { Host: 'evil.example', 'X-Forwarded-Host': 'good.example' },
        { 'X-Forwarded-Host': 'good.example, evil.example' },
        { Host: 'good.example', 'X-Forwarded-Proto': 'https' },
        { Host: 'good.example', 'X-Forwarded-Proto': 'http' },
        { Host: 'good.example', 'X-Forwarded-Proto': 'evil, https' },
      ]
      for (const headers of [...visitors, ...visitors.toReversed()]) {
        const {
          'X-Forwarded-Host': forwarded,
          'X-Forwarded-Proto': proto,
        }: Record<string, string> = headers
        const host = 'Host' in headers ? headers.Host : `127.0.0.1:${app.port}`
        expect((await app.get('/', headers)).body).toBe([host, forwarded, proto].join(' '))
      }
    })

    it('S-2: a host or protocol that is none is never part of a key: the request passes by', async () => {
      const app = await open({
        trust: true,
        page: ({ url, headers }) => ({ body: `${url} for ${headers.host}` }),
      })
      const attacks: [string, Record<string, string>][] = [
        ['/y', { Host: 'good.example/x' }],
        ['/y', { Host: 'good.example', 'X-Forwarded-Host': 'good.example/x' }],
        ['/h/y', { Host: 'good.example', 'X-Forwarded-Proto': 'http://good.example/x?' }],
        ['/y', { Host: 'good.example?x=1' }],
        ['/y', { Host: 'good.example#x' }],
        ['/y', { Host: 'good.example\\x' }],
        ['/y', { Host: 'good.example /x' }],
      ]
      for (const [path, headers] of attacks) await app.get(path, headers)
      expect(app.seen('store')).toEqual([])
      for (const path of ['/x/y', '/x?://good.example/h/y', '/?x=1/y']) {
        expect((await app.get(path, { Host: 'good.example' })).body).toBe(
          `${path} for good.example`,
        )
      }
    })

    it('S-3: no field of one request reaches another, whatever proxies mean by it', async () => {
      const app = await open({
        page: ({ url = '', headers }) => ({ body: String(headers[url.slice(1)] ?? 'none') }),
      })
      for (const [name, value] of Object.entries(unkeyed)) {
        for (const headers of [{ [name]: value }, {}, { [name]: value }, {}]) {
          expect((await app.get(`/${name}`, headers)).body, name).toBe(headers[name] ?? 'none')
        }
      }
    })

    it('S-3: nor does it where earlier middleware has read it', async () => {
      const seen = new WeakMap<object, string>()
      const app = await open(
        {
          before: (request) => {
            seen.set(request, request.headers['accept-language'] ?? 'none')
          },
          page: (request) => ({ body: seen.get(request) ?? 'lost' }),
        },
        false,
      )
      for (const language of ['de', undefined, 'fr', 'de', undefined, 'fr']) {
        const headers = language === undefined ? {} : { 'Accept-Language': language }
        expect((await app.get('/', headers)).body).toBe(language ?? 'none')
      }
    })

    it('S-4: an answer that a framework gives to its own machinery is not the answer of plain requests', async () => {
      const app = await open({
        page: ({ url = '', headers }) =>
          url.slice(1) in headers
            ? { status: 404, body: 'an answer for machines' }
            : { body: 'the dashboard' },
      })
      for (const [name, value] of Object.entries(internal)) {
        for (const headers of [{ [name]: value }, { [name]: value }, {}, {}]) {
          const answer = await app.get(`/${name}`, headers)
          const isPlain = headers[name] === undefined
          expect([answer.status, answer.body], name).toEqual(
            isPlain ? [200, 'the dashboard'] : [404, 'an answer for machines'],
          )
        }
      }
    })

    it('S-5: the body of a GET makes no page for those who send none', async () => {
      const app = await open({
        page: async (request) => {
          let body = ''
          for await (const chunk of request) body += String(chunk)
          return { body: `q=${body || (request.url ?? '')}` }
        },
      })
      const fat = await app.ask('/?q=1', { body: 'evil', headers: { 'Content-Length': 4 } })
      expect(fat.body).toBe('q=evil')
      const chunked = await send(app.port, {
        path: '/?q=1',
        headers: { Host: `127.0.0.1:${app.port}`, 'Transfer-Encoding': 'chunked' },
        body: '4\r\nevil\r\n0\r\n\r\n',
      }).catch(() => undefined)
      if (chunked?.status === 200) expect(chunked.text).not.toBe('q=/?q=1')
      expect(app.seen('store')).toEqual([])
      expect((await app.get('/?q=1')).body).toBe('q=/?q=1')
    })

    it('S-7: an error that a request provokes by its headers is not the answer of others', async () => {
      const app = await open({
        page: ({ headers }) => {
          const text = Object.values(headers).join('')
          if (text.length > 8_000) return { status: 400, body: 'too large' }
          if (text.includes('\u0080')) return { status: 400, body: 'bad character' }
          return { body: 'fine' }
        },
      })
      for (const value of ['x'.repeat(12_000), 'a\u0080b']) {
        expect((await app.get('/', { 'X-Long': value })).status).toBe(400)
      }
      expect((await app.get('/')).body).toBe('fine')
    })

    it('S-7: nor is it where the application gives its errors a lifetime', async () => {
      const app = await open({
        options: { maxAge: 'http' },
        page: ({ headers }) => {
          const isBad = String(headers['x-long'] ?? '').length > 8_000 || 'range' in headers
          return isBad
            ? {
                status: 'range' in headers ? 416 : 400,
                fields: { 'Cache-Control': 'max-age=60' },
                body: 'bad',
              }
            : { fields: { 'Cache-Control': 'max-age=60' }, body: 'fine' }
        },
      })
      for (const headers of [{ 'X-Long': 'x'.repeat(12_000) }, { Range: 'bytes=x' }]) {
        expect((await app.get('/', headers)).body).toBe('bad')
        expect((await app.get('/')).body).toBe('fine')
        await app.cache.invalidate({ all: true })
      }
    })

    it('S-7: Expect and Upgrade pass by, whatever they make the application say', async () => {
      const app = await open({
        page: ({ headers }) =>
          headers.upgrade === undefined ? { body: 'fine' } : { status: 404, body: 'upgrade' },
      })
      await send(app.port, { headers: { Host: `127.0.0.1:${app.port}`, Upgrade: 'x' } })
      await send(app.port, { headers: { Host: `127.0.0.1:${app.port}`, Expect: 'evil' } })
      expect(app.seen('store')).toEqual([])
      expect((await app.get('/')).body).toBe('fine')
    })

    it('S-8: a parameter that the key leaves out is not there for the application either', async () => {
      const app = await open({
        options: { query: { ignore: ['cb', 'utm'] } },
        page: ({ url }) => ({ body: url ?? '' }),
      })
      const pages: [string, string][] = [
        ['/?cb=ok&utm=x;cb=evil', '/'],
        ['/?cb=ok', '/'],
        ['/?a=1&a=2&cb=evil', '/?a=1&a=2'],
        ['/?a=1&%63b=evil', '/?a=1'],
        ['/?a=1', '/?a=1'],
        ['/?a[]=1&cb=x', '/?a[]=1'],
        ['/?%61=1', '/?%61=1'],
        ['/?cb[]=evil', '/?cb[]=evil'],
        ['/?CB=evil', '/?CB=evil'],
        ['/?a=1;cb=evil', '/?a=1;cb=evil'],
        ['/?a=1%26cb=evil', '/?a=1%26cb=evil'],
        ['/?cb', '/'],
        ['/?&cb=x&', '/?&'],
        ['/?cb+=evil', '/?cb+=evil'],
        ['/?%cb=evil', '/?%cb=evil'],
      ]
      for (const [path, shown] of [...pages, ...pages])
        expect((await app.get(path)).body).toBe(shown)
    })

    it('S-8: nor is it where only some parameters are part of the key', async () => {
      const app = await open({
        options: { query: { only: ['q'] } },
        page: ({ url }) => ({ body: url ?? '' }),
      })
      const pages: [string, string][] = [
        ['/?q=1&evil=1', '/?q=1'],
        ['/?q=1', '/?q=1'],
        ['/?evil=1&q=1', '/?q=1'],
        ['/?q[]=evil', '/'],
        ['/?q=1&q=2', '/?q=1&q=2'],
        ['/?%71=1', '/?%71=1'],
      ]
      for (const [path, shown] of [...pages, ...pages])
        expect((await app.get(path)).body).toBe(shown)
    })

    it('S-10: hosts that differ in case, port or a final dot share nothing', async () => {
      const app = await open({ page: ({ headers }) => ({ body: `for ${headers.host}` }) })
      const hosts = ['a', 'b', 'A', 'a:80', 'a:8080', 'a.', 'a%2f', '[::1]', 'a@b', 'a,b', 'ä']
      for (const host of [...hosts, ...hosts]) {
        expect((await app.get('/', { Host: Buffer.from(host).toString('latin1') })).body).toBe(
          `for ${Buffer.from(host).toString('latin1')}`,
        )
      }
    })

    it('S-10: of two Host lines Node takes none, or the first', async () => {
      const app = await open({ page: ({ headers }) => ({ body: `for ${headers.host}` }) })
      const answer = await send(app.port, { headers: { Host: 'evil.example' } })
      if (answer.status === 200) expect(answer.text).toBe('for test.example')
      expect((await app.get('/', { Host: 'evil.example' })).body).toBe('for evil.example')
      expect((await app.get('/', { Host: 'test.example' })).body).toBe('for test.example')
    })

    it('S-11: a request target in absolute form passes by', async () => {
      const app = await open({
        page: ({ url, headers }) => ({ body: `${url} for ${headers.host}` }),
      })
      const headers = { Host: 'good.example' }
      await app.get('http://evil.example/p', headers)
      await app.get('http://evil.example/p', { Host: 'evil.example' })
      expect(app.seen('bypass').map(({ reason }) => reason)).toEqual(['target', 'target'])
      expect((await app.get('/p', headers)).body).toBe('/p for good.example')
      expect((await app.get('//evil.example/p', headers)).body).toBe(
        '//evil.example/p for good.example',
      )
      expect((await app.get('/p', headers)).body).toBe('/p for good.example')
    })

    it('S-12: paths share nothing that a router may tell apart', async () => {
      const app = await open({ page: ({ url }) => ({ body: url ?? '' }) })
      const variants = [
        '/x',
        '/x/',
        '/X',
        '/x;a',
        '/x%00',
        '/./x',
        '/y/../x',
        '/x%2f',
        '/x%2F',
        '/p//x',
        '//x',
        '/x?',
        '/x??',
        '/x%5c',
        '/x\\',
        '/x#f',
        '/%78',
        '/x.',
        '/x%20',
        '/x?&',
        '/x%0a',
        '/x%',
        '/xé',
      ]
      for (const path of [...variants, ...variants]) {
        const target = Buffer.from(path).toString('latin1')
        const answer = await send(app.port, { path: target })
        if (answer.status !== 400) expect(answer.text).toBe(Buffer.from(target).toString())
      }
    })

    it('S-23: an empty answer that one request provokes is not the answer of others', async () => {
      const app = await open({
        page: ({ headers }) => {
          if ('x-prefetch' in headers)
            return { status: 204, fields: { 'Cache-Control': 'max-age=60' } }
          return headers['purpose'] === 'prefetch' ? { body: '' } : { body: 'the page' }
        },
      })
      for (const headers of [{ 'X-Prefetch': '1' }, { Purpose: 'prefetch' }]) {
        await app.get('/', headers)
        const plain = await app.get('/')
        expect([plain.status, plain.body]).toEqual([200, 'the page'])
      }
    })

    it('S-25: what other methods were answered is never the answer of GET', async () => {
      const app = await open({
        page: ({ method }) => ({ fields: { 'X-Method': method ?? '' }, body: `by ${method}` }),
      })
      for (const method of ['HEAD', 'OPTIONS', 'POST', 'PURGE', 'DELETE', 'PROPFIND', 'TRACE']) {
        const answer = await app.ask('/', { method })
        expect(answer.headers['x-method']).toBe(method)
      }
      expect(app.seen('store')).toEqual([])
      const lower = await send(app.port, { method: 'get' })
      expect(lower.status).toBe(400)
      for (let i = 0; i < 2; i++) expect((await app.get('/')).body).toBe('by GET')
      expect((await app.ask('/', { method: 'POST' })).body).toBe('by POST')
    })

    it('S-26: a redirect that one request provokes sends nobody else away', async () => {
      const app = await open({
        page: ({ headers, url }) => ({
          status: 301,
          fields: {
            Location: `https://${String(headers['x-forwarded-host'] ?? headers.host)}${url}`,
            'Cache-Control': 'max-age=60',
          },
        }),
      })
      const host = `127.0.0.1:${app.port}`
      for (const [headers, to] of [
        [{ 'X-Forwarded-Host': 'evil.example' }, 'evil.example'],
        [{}, host],
        [{ Host: 'other.example' }, 'other.example'],
        [{ 'X-Forwarded-Host': 'evil.example' }, 'evil.example'],
        [{}, host],
      ] as const) {
        expect((await app.get('/r', headers)).headers.location).toBe(`https://${to}/r`)
      }
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-2: what Express makes of forwarded hosts and protocols is told apart', async () => {
      const app = await open({
        settings: { 'trust proxy': true },
        handler: ({ hostname, protocol, secure, subdomains, ip }, response) => {
          response.json([hostname, protocol, secure, subdomains, ip])
        },
      })
      const visitors: [Record<string, string>, unknown[]][] = [
        [{ Host: 'a.b.c' }, ['a.b.c', 'http', false, ['a'], '127.0.0.1']],
        [
          { Host: 'a.b.c', 'X-Forwarded-Host': 'x.y.z' },
          ['x.y.z', 'http', false, ['x'], '127.0.0.1'],
        ],
        [
          { Host: 'x.y.z', 'X-Forwarded-Proto': 'https' },
          ['x.y.z', 'https', true, ['x'], '127.0.0.1'],
        ],
        [
          { Host: 'x.y.z', 'X-Forwarded-For': '6.6.6.6' },
          ['x.y.z', 'http', false, ['x'], '6.6.6.6'],
        ],
        [{ Host: 'x.y.z' }, ['x.y.z', 'http', false, ['x'], '127.0.0.1']],
      ]
      for (const [headers, seen] of [...visitors, ...visitors]) {
        expect(JSON.parse((await app.get('/', headers)).body)).toEqual(seen)
      }
    })

    it('S-6: a GET whose method is overridden is neither answered from the cache nor stored', async () => {
      const actions: string[] = []
      const app = await open({
        before: [methodOverride('X-HTTP-Method-Override', { methods: ['GET', 'POST'] })],
        options: { staleIfError: '1h', staleWhileRevalidate: '1h' },
        handler: (request, response) => {
          actions.push(request.method)
          if (request.method === 'GET') response.send('the page')
          else response.status(request.query['fail'] === undefined ? 200 : 500).send('deleted')
        },
      })
      const override = { 'X-HTTP-Method-Override': 'DELETE' }
      for (const path of ['/', '/?fail']) {
        actions.length = 0
        expect((await app.get(path, override)).body).toBe('deleted')
        expect((await app.get(path)).body).toBe('the page')
        expect((await app.get(path, override)).body).toBe('deleted')
        expect((await app.get(path)).body).toBe('the page')
        app.advance(90)
        expect((await app.get(path, override)).body).toBe('deleted')
        expect(actions.filter((method) => method === 'DELETE')).toHaveLength(3)
      }
    })
  })
}
