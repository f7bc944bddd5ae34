import { createServer, request as open, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { cacheflow } from 'cacheflow/express'
import express from 'express'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Application, application, expressApplication, hosts } from '../support/application.ts'

const minute = { 'Cache-Control': 'max-age=60' }

/** Writes these bytes on a connection of its own and reads until the server closes it. */
async function raw(app: Application, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(app.port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (answer += chunk))
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

/** The interim responses that come before the answer to a GET. */
async function interimOf(app: Application, headers: IncomingHttpHeaders = {}) {
  return new Promise<{
    interim: [number, string | string[] | undefined][]
    body: string
    headers: IncomingHttpHeaders
  }>((resolve, reject) => {
    const interim: [number, string | string[] | undefined][] = []
    const client = open(`${app.origin}/`, { agent: false, headers })
    client.on('information', (info) => interim.push([info.statusCode, info.headers['link']]))
    client.on('error', reject)
    client.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ interim, body, headers: response.headers }))
    })
    client.end()
  })
}

describe.each(hosts)('messages behind %s', (host) => {
  it('M-52: Content-Length counts bytes, and HEAD tells that of GET', async () => {
    const app = await application(() => ({ fields: minute, body: 'naïve café – 👍' }), {}, host)
    const length = String(Buffer.byteLength('naïve café – 👍'))
    for (let i = 0; i < 2; i++) {
      const { headers, body } = await app.get('/')
      expect([headers['content-length'], body]).toEqual([length, 'naïve café – 👍'])
      const head = await app.head('/')
      expect([head.headers['content-length'], head.body]).toEqual([length, ''])
    }
    expect(app.runs).toBe(1)
  })

  it('M-52: there is no body with 204, stored or not, and none is announced', async () => {
    const app = await application(() => ({ status: 204, fields: minute, body: null }), {}, host)
    for (let i = 0; i < 2; i++) {
      const answer = await app.get('/')
      expect([answer.status, answer.body]).toEqual([204, ''])
      expect(answer.headers['content-length']).toBeUndefined()
      expect(answer.headers['transfer-encoding']).toBeUndefined()
    }
    expect(app.runs).toBe(1)
  })

  it('M-52: an empty page is a page', async () => {
    const app = await application(() => ({ fields: minute, body: '' }), {}, host)
    for (let i = 0; i < 2; i++) {
      const answer = await app.get('/')
      expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([200, '0', ''])
    }
    expect(app.runs).toBe(1)
  })

  it('M-54: a GET with a body passes by: the key does not know what it says', async () => {
    const app = await application(
      async ({ request }) => {
        let said = ''
        for await (const chunk of request) said += String(chunk)
        return { fields: minute, body: `for ${said}` }
      },
      {},
      host,
    )
    expect((await app.ask('/', { headers: { 'Content-Length': '4' }, body: 'evil' })).body).toBe(
      'for evil',
    )
    expect(
      (await app.ask('/', { headers: { 'Transfer-Encoding': 'chunked' }, body: 'evil' })).body,
    ).toBe('for evil')
    expect(app.seen('bypass').map(({ reason }) => reason)).toEqual(['body', 'body'])
    expect((await app.get('/')).body).toBe('for ')
    expect((await app.ask('/', { headers: { 'Content-Length': '0' } })).body).toBe('for ')
    expect(app.runs).toBe(3)
  })
})

describe('messages', () => {
  it('M-52: bytes that were announced wrongly are not announced again', async () => {
    const app = await expressApplication((mounted, cache, self) => {
      mounted.use(cache)
      mounted.get('/', (_request, response) => {
        self.runs++
        response.set({ ...minute, 'Content-Length': '99' })
        response.flushHeaders()
        response.end('short')
      })
    })
    await app.get('/').catch(() => undefined)
    expect(app.cache.stats().entries).toBe(0)
  })

  it('M-52: a 304 from the store has no body behind it: the next answer on the connection is whole', async () => {
    const app = await application(() => ({ fields: { ...minute, ETag: '"1"' }, body: 'the page' }))
    await app.get('/')
    const answer = await raw(
      app,
      [
        'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: "1"\r\n\r\n',
        'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      ].join(''),
    )
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1])
    expect(statuses).toEqual(['200', '304', '200', '200'])
    expect(answer.match(/the page/g)).toHaveLength(2)
  })

  it('M-52: so is a 304 made from what the application answers in full', async () => {
    const app = await application(() => ({
      fields: { 'Cache-Control': 'private', ETag: '"1"' },
      body: 'the page',
    }))
    const answer = await raw(
      app,
      [
        'GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: "1"\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      ].join(''),
    )
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1])
    expect(statuses).toEqual(['304', '200'])
    expect(answer.match(/the page/g)).toHaveLength(1)
  })

  it('M-53: interim responses reach the client of a miss, and are no part of what is stored', async () => {
    const app = await expressApplication((mounted, cache, self) => {
      mounted.use(cache)
      mounted.get('/', (_request, response) => {
        self.runs++
        response.writeProcessing()
        response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => {
          response.set(minute).send('page')
        })
      })
    })
    const miss = await interimOf(app)
    expect(miss.interim).toEqual([
      [102, undefined],
      [103, '</style.css>; rel=preload'],
    ])
    expect([miss.body, miss.headers['link']]).toEqual(['page', undefined])
    const hit = await interimOf(app)
    expect([hit.interim, hit.body, hit.headers['link']]).toEqual([[], 'page', undefined])
    expect(app.runs).toBe(1)
  })

  it.each(['QUERY', 'SEARCH', 'REPORT', 'PROPFIND'])(
    'M-54: %s passes by, with and without a body',
    async (method) => {
      const app = await application(async ({ request }) => {
        let said = ''
        for await (const chunk of request) said += String(chunk)
        return { fields: minute, body: `for ${said}` }
      })
      expect((await app.ask('/', { method, body: 'a' })).body).toBe('for a')
      expect((await app.ask('/', { method, body: 'b' })).body).toBe('for b')
      expect((await app.ask('/', { method })).body).toBe('for ')
      expect(app.seen('bypass').map(({ reason }) => reason)).toEqual(['method', 'method', 'method'])
      expect(app.cache.stats().entries).toBe(0)
    },
  )

  it('M-55: a request that asks to change the protocol passes by, where nobody takes it up', async () => {
    const app = await application(() => ({ fields: minute }))
    await app.get('/')
    const answer = await raw(
      app,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    )
    expect(answer).toContain('made 2')
    expect(app.seen('bypass')).toMatchObject([{ reason: 'upgrade' }])
  })

  it('M-55: and never meets the cache where somebody does, a CONNECT likewise', async () => {
    const cache = cacheflow()
    const app = express().use(cache)
    const server = createServer(cache.wrap(app))
    server.on('upgrade', (_request, socket) => {
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello',
      )
    })
    server.on('connect', (_request, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\ntunnel'))
    server.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await cache.close()
    })
    const { port } = server.address() as AddressInfo
    const at = { port } as Application
    expect(
      await raw(at, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'),
    ).toContain('hello')
    expect(await raw(at, 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n')).toContain('tunnel')
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, bypasses: 0 })
  })

  it('M-55: Expect: 100-continue is heard as ever, and passes by', async () => {
    const app = await application(() => ({ fields: minute }))
    await app.get('/')
    const { interim, body } = await interimOf(app, { expect: '100-continue' })
    expect([interim, body]).toEqual([[[100, undefined]], 'made 2'])
    expect(app.seen('bypass')).toMatchObject([{ reason: 'upgrade' }])
  })
})
