import { fileURLToPath } from 'node:url'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { Response } from 'express'
import { describe, expect, it } from 'vitest'
import { type Handler, type Host, isHit, open } from '../../support/host.ts'

const file = fileURLToPath(new URL('../ways.ts', import.meta.url))
const content = readFileSync(file)

/** C-12 to C-15: requests that ask for less than the whole response. */
export function requests(host: Host): void {
  if (host.framework === 'Koa') contextConditions(host)
  if (!host.seesRaw) return
  ranges(host)
  heads(host)
  conditions(host)
}

function ranges(host: Host): void {
  const alphabet: Handler = (_, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.setHeader('ETag', '"abc"')
    response.end('abcdefghijklmnopqrstuvwxyz')
  }

  describe('C-12', () => {
    it('C-12: a range of a stored response is cut out of it', async () => {
      const site = await open(host, { handler: alphabet })
      await site.send()
      const part = await site.send({ headers: { range: 'bytes=2-4' } })
      expect([part.status, part.text, part.get('content-range')]).toEqual([
        206,
        'cde',
        'bytes 2-4/26',
      ])
      expect(part.get('content-length')).toBe('3')
      expect(part.get('etag')).toBe('"abc"')
      const tail = await site.send({ headers: { range: 'bytes=-2' } })
      expect([tail.status, tail.text]).toEqual([206, 'yz'])
      expect(site.runs).toBe(1)
    })

    it('C-12: several ranges of a stored response come as multipart/byteranges', async () => {
      const site = await open(host, { handler: alphabet })
      await site.send()
      const parts = await site.send({ headers: { range: 'bytes=0-1,25-25' } })
      expect(parts.status).toBe(206)
      const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(
        parts.get('content-type') ?? '',
      )?.[1]
      expect(
        parts.text.split(`--${boundary}`).map((part) => part.trim().split('\r\n').at(-1)),
      ).toEqual(['', 'ab', 'z', '--'])
      expect(parts.isComplete).toBe(true)
    })

    it('C-12: a range outside of a stored response is 416 with its length where ranges are served', async () => {
      const site = await open(host, {
        handler: (_, response) => {
          response.setHeader('Accept-Ranges', 'bytes')
          response.end('abcdefghijklmnopqrstuvwxyz')
        },
      })
      await site.send()
      const none = await site.send({ headers: { range: 'bytes=99-' } })
      expect([none.status, none.get('content-range'), none.text]).toEqual([416, 'bytes */26', ''])
    })

    it('C-12: where no ranges are served, one that cannot be had gets the whole, as from the application', async () => {
      const site = await open(host, { handler: alphabet })
      const range = 'bytes=99-'
      const first = await site.send({ headers: { range } })
      await site.send()
      const second = await site.send({ headers: { range } })
      expect([first.status, first.text]).toEqual([second.status, second.text])
      expect([isHit(second), second.status]).toEqual([true, 200])
    })

    it('C-12: a stored response that says Accept-Ranges: none is answered whole', async () => {
      const site = await open(host, {
        handler: (_, response) => {
          response.setHeader('Accept-Ranges', 'none')
          response.end('abcdef')
        },
      })
      await site.send()
      for (const range of ['bytes=2-4', 'bytes=99-']) {
        const whole = await site.send({ headers: { range } })
        expect([isHit(whole), whole.status, whole.text]).toEqual([true, 200, 'abcdef'])
      }
    })

    it('C-12: If-Range decides between the part and the whole', async () => {
      const site = await open(host, { handler: alphabet })
      await site.send()
      const range = 'bytes=0-2'
      const same = await site.send({ headers: { range, 'if-range': '"abc"' } })
      const other = await site.send({ headers: { range, 'if-range': '"xyz"' } })
      expect([same.status, same.text]).toEqual([206, 'abc'])
      expect([other.status, other.text.length]).toEqual([200, 26])
    })

    it('C-12: a 206 of the application is passed on and never stored as the whole', async () => {
      const site = await open(host, {
        handler: (request, response) => {
          if (request.headers.range === undefined) {
            response.end('abcdef')
            return
          }
          response.writeHead(206, { 'Content-Range': 'bytes 0-1/6', 'Cache-Control': 'max-age=60' })
          response.end('ab')
        },
      })
      const part = await site.send({ headers: { range: 'bytes=0-1' } })
      expect([part.status, part.text]).toEqual([206, 'ab'])
      const whole = await site.send()
      expect([whole.status, whole.text, isHit(whole)]).toEqual([200, 'abcdef', false])
      // It reads Range itself, so its answer to another Range is another variant: the cache cuts none.
      const again = await site.send({ headers: { range: 'bytes=1-2' } })
      expect([again.status, again.text, isHit(again)]).toEqual([206, 'ab', false])
      const stored = await site.send()
      expect([stored.status, stored.text, isHit(stored)]).toEqual([200, 'abcdef', true])
    })

    it('C-12: an application that ignores Range answers 200 in full, and that is stored', async () => {
      const site = await open(host, { handler: alphabet })
      const whole = await site.send({ headers: { range: 'bytes=0-1' } })
      expect([whole.status, whole.text.length]).toEqual([200, 26])
      expect(isHit(await site.send())).toBe(true)
    })

    it.runIf(host.framework === 'Express')(
      'C-12: sendFile answers whole and in part, from the disk and from the store',
      async () => {
        const site = await open(host, {
          handler: (_, response) => (response as Response).sendFile(file, { maxAge: '1h' }),
        })
        const headers = { range: 'bytes=10-19' }
        const cold = await site.send({ headers })
        expect([cold.status, cold.text]).toEqual([206, content.toString('latin1', 10, 20)])
        const whole = await site.send()
        expect(whole.body.equals(content)).toBe(true)
        const warm = await site.send({ headers })
        expect([warm.status, warm.text, isHit(warm)]).toEqual([206, cold.text, true])
        expect(warm.get('content-range')).toBe(cold.get('content-range'))
        const hit = await site.send()
        expect([hit.status, hit.body.equals(content), isHit(hit)]).toEqual([200, true, true])
      },
    )
  })
}

function heads(host: Host): void {
  const sized: Handler = (request, response) => {
    response.setHeader('Content-Type', 'text/plain')
    response.setHeader('Content-Length', '5')
    response.end(request.method === 'HEAD' ? undefined : 'hello')
  }

  describe('C-13', () => {
    it('C-13: HEAD is answered from a stored GET, with its fields and no body', async () => {
      const site = await open(host, { handler: sized })
      const get = await site.send()
      const head = await site.send({ method: 'HEAD' })
      expect([head.status, head.body.length, isHit(head)]).toEqual([200, 0, true])
      expect(head.get('content-length')).toBe('5')
      expect(head.get('content-type')).toBe(get.get('content-type'))
      expect(site.runs).toBe(1)
    })

    it('C-13: an answer to HEAD never becomes the body of a GET', async () => {
      const site = await open(host, { handler: sized })
      const head = await site.send({ method: 'HEAD' })
      expect([head.status, head.body.length, head.get('content-length')]).toEqual([200, 0, '5'])
      const get = await site.send()
      expect([get.text, isHit(get)]).toEqual(['hello', false])
      expect(isHit(await site.send())).toBe(true)
    })

    it('C-13: a HEAD that shows another length makes the stored GET stale', async () => {
      let body = 'hello'
      const site = await open(host, {
        handler: (_, response) => {
          response.setHeader('Content-Length', String(body.length))
          response.setHeader('Cache-Control', 'max-age=1')
          response.end(body)
        },
        options: { requestDirectives: true },
      })
      await site.send()
      body = 'longer than before'
      await site.send({ method: 'HEAD', headers: { 'cache-control': 'no-cache' } })
      const get = await site.send()
      expect([get.text, isHit(get)]).toEqual([body, false])
    })
  })
}

function conditions(host: Host): void {
  const modified = 'Tue, 01 Jul 2025 10:00:00 GMT'
  const later = 'Wed, 02 Jul 2025 10:00:00 GMT'
  const earlier = 'Mon, 30 Jun 2025 10:00:00 GMT'
  const page: Handler = (_, response) => {
    response.writeHead(200, {
      'Content-Type': 'text/plain',
      'Content-Language': 'en',
      'Content-Location': '/page.en',
      'Cache-Control': 'max-age=60',
      Expires: later,
      ETag: '"v1"',
      'Last-Modified': modified,
      Vary: 'X-Kind',
      'X-Custom': 'yes',
    })
    response.end('the page')
  }
  const cases: readonly [string, Record<string, string>, number][] = [
    ['the tag', { 'if-none-match': '"v1"' }, 304],
    ['the tag, weakly', { 'if-none-match': 'W/"v1"' }, 304],
    ['one of a list', { 'if-none-match': '"v0", W/"v,1", "v1"' }, 304],
    ['any', { 'if-none-match': '*' }, 304],
    ['another tag', { 'if-none-match': '"v2"' }, 200],
    ['the date', { 'if-modified-since': modified }, 304],
    ['a later date', { 'if-modified-since': later }, 304],
    ['an earlier date', { 'if-modified-since': earlier }, 200],
    [
      'another tag, whatever the date',
      { 'if-none-match': '"v2"', 'if-modified-since': later },
      200,
    ],
    ['the tag, whatever the date', { 'if-none-match': '"v1"', 'if-modified-since': earlier }, 304],
    ['no date', { 'if-modified-since': 'yesterday' }, 200],
  ]

  describe('C-14 and C-15', () => {
    it.each(cases)('C-14: a hit is conditional: %s', async (_, headers, status) => {
      const site = await open(host, { handler: page })
      await site.send()
      const warm = await site.send({ headers })
      expect([warm.status, warm.text]).toEqual([status, status === 304 ? '' : 'the page'])
      expect(site.runs).toBe(1)
    })

    it('C-14: a 304 carries what selects and dates the response, and nothing about a body', async () => {
      const site = await open(host, { handler: page })
      await site.send()
      const warm = await site.send({ headers: { 'if-none-match': '"v1"' } })
      const names = new Set(warm.lines.map(([name]) => name.toLowerCase()))
      for (const name of ['cache-control', 'content-location', 'date', 'etag', 'expires', 'vary']) {
        expect(names, name).toContain(name)
      }
      for (const name of [
        'content-type',
        'content-length',
        'content-language',
        'transfer-encoding',
      ]) {
        expect(names, name).not.toContain(name)
      }
    })

    it.each(cases)(
      'C-15: a first request is conditional, and fills the store: %s',
      async (_, headers, status) => {
        const site = await open(host, { handler: page })
        const cold = await site.send({ headers })
        expect([cold.status, cold.text]).toEqual([status, status === 304 ? '' : 'the page'])
        if (status === 304) expect(cold.get('content-type')).toBeUndefined()
        const whole = await site.send()
        expect([whole.status, whole.text, isHit(whole)]).toEqual([200, 'the page', true])
        expect(whole.get('content-type')).toBe('text/plain')
      },
    )

    it('C-15: who asks for no cached response gets the whole of one that is not stored, as without the cache', async () => {
      const site = await open(host, {
        handler: (_, response) => {
          response.setHeader('ETag', '"v1"')
          response.setHeader('Cache-Control', 'private')
          response.end('the page')
        },
      })
      const headers = { 'if-none-match': '"v1"' }
      expect((await site.send({ headers })).status).toBe(304)
      const whole = await site.send({ headers: { ...headers, 'cache-control': 'no-cache' } })
      expect([whole.status, whole.text]).toEqual([200, 'the page'])
    })

    it('C-15: a 304 that the application makes of its own accord is passed on and not stored', async () => {
      const site = await open(host, {
        handler: (request, response) => {
          response.statusCode = request.headers['x-mine'] === 'old' ? 304 : 200
          response.end(response.statusCode === 304 ? undefined : 'the page')
        },
      })
      const own = await site.send({ headers: { 'x-mine': 'old' } })
      expect(own.status).toBe(304)
      const other = await site.send()
      expect([other.status, other.text]).toEqual([200, 'the page'])
    })

    it.runIf(host.framework === 'Express')(
      "C-15: Express's own 304 comes from the store as well",
      async () => {
        const site = await open(host, {
          handler: (_, response) => (response as Response).send('the page'),
        })
        const etag = (await site.send('/other')).get('etag') ?? ''
        const cold = await site.send({ headers: { 'if-none-match': etag } })
        expect([cold.status, cold.text]).toEqual([304, ''])
        const whole = await site.send()
        expect([whole.status, whole.text, whole.get('etag'), isHit(whole)]).toEqual([
          200,
          'the page',
          etag,
          true,
        ])
      },
    )
  })
}

/** C-15 where the body is in Koa's context. */
function contextConditions(host: Host): void {
  const bodies: [string, () => unknown][] = [
    ['a text', () => 'the page'],
    ['a Buffer', () => Buffer.from('the page')],
    ['an object', () => ({ the: 'page' })],
    ['a stream', () => Readable.from([Buffer.from('the '), Buffer.from('page')])],
    ['a Blob', () => new Blob(['the page'])],
  ]
  it.each(bodies)(
    'C-15: a first request is conditional for %s, and holds up nobody',
    async (_, body) => {
      if (host.major === 2 && body() instanceof Blob) return
      const site = await open(host, {
        koa: (ctx) => {
          ctx.etag = 'v1'
          ctx.lastModified = new Date(0)
          ctx.body = body()
        },
        // Whoever waited would wait longer than the test.
        options: { collapse: { timeout: '1h' } },
      })
      const cold = await site.send({ headers: { 'if-none-match': '"v1"' } })
      expect([cold.status, cold.text]).toEqual([304, ''])
      for (const name of ['content-type', 'content-length', 'transfer-encoding', 'last-modified']) {
        expect(cold.get(name), name).toBeUndefined()
      }
      const whole = await Promise.all([site.send(), site.send()])
      expect(whole.map(({ status }) => status)).toEqual([200, 200])
      expect(whole[0]?.text).toBe(whole[1]?.text)
      expect(whole[0]?.text).toContain('page')
      expect(isHit(await site.send())).toBe(true)
    },
  )
}
