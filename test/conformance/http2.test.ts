import { cacheflow as forExpress } from 'cacheflow/express'
import { cacheflow as forKoa } from 'cacheflow/koa'
import express5 from 'express'
import express4 from 'express4'
import Koa3 from 'koa'
import koaCompress from 'koa-compress'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { bare } from '../support/bare.ts'
import { type Http2Response, type Listener, serveHttp2 } from '../support/http2-client.ts'
import { isHit } from '../support/host.ts'
import { send } from '../support/wire.ts'
import { contextWays } from './context-ways.ts'
import { ways } from './ways.ts'

describe('C-28: HTTP/2 on bare Node', () => {
  for (const { title, handler, isStored = true } of ways) {
    // HTTP/2 has no reason phrase, and Node warns whoever sets one; an empty chunk is the last one to Node there.
    if (/reason|statusMessage|empty chunks/.test(title)) continue
    it(`C-28: over HTTP/2, ${title}`, async () => {
      const listener: Listener = (request, response) => handler(request, response, () => undefined)
      await expectSame(listener, bare(listener).listener, isStored)
    })
  }

  it('C-28: nothing is asked of HTTP/2 that it has not got', async () => {
    const warnings: string[] = []
    const hear = (warning: Error): void => void warnings.push(warning.name)
    process.on('warning', hear)
    const { listener } = bare((_, response) => {
      response.writeHead(200, { 'x-a': '1' })
      response.end('x')
    })
    const site = await serveHttp2(listener)
    for (let i = 0; i < 2; i++) await site.send()
    await site.send({ 'if-none-match': '*' })
    await site.send({ range: 'bytes=0-0' })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', hear)
    expect(warnings).toEqual([])
  })

  it('C-28: conditions, ranges and HEAD are answered from the store', async () => {
    const { listener } = bare((_, response) => {
      response.setHeader('ETag', '"v1"')
      response.end('abcdef')
    })
    const site = await serveHttp2(listener)
    await site.send()
    const same = await site.send({ 'if-none-match': '"v1"' })
    expect([same.status, same.body.length, hits(same)]).toEqual([304, 0, true])
    const part = await site.send({ range: 'bytes=1-2' })
    expect([part.status, String(part.body), hits(part)]).toEqual([206, 'bc', true])
    const head = await site.send({ ':method': 'HEAD' })
    expect([head.status, head.headers['content-length'], hits(head)]).toEqual([200, '6', true])
  })

  it('S-5: a GET with a body passes by, though HTTP/2 announces none', async () => {
    const { listener } = bare((request, response) => {
      let text = ''
      request.on('data', (part) => (text += String(part)))
      request.on('end', () => response.end(`body ${text}`))
    })
    const site = await serveHttp2(listener)
    expect(String((await site.send({}, 'evil')).body)).toBe('body evil')
    expect(String((await site.send()).body)).toBe('body ')
  })

  it('C-28: what was made over one version of HTTP is served over the other', async () => {
    let runs = 0
    const { listener } = bare((request, response) => {
      runs++
      // Whoever asks the request for its version gets a page for each of them.
      response.setHeader('X-Made-Over', 'stream' in request ? '2.0' : '1.1')
      response.setHeader('Connection', 'close')
      response.end('x')
    })
    const site = await serveHttp2(listener)
    // When the second version comes, what was made before falls, once.
    await site.send({ ':path': '/first' })
    await send(site.port, { path: '/first', tls: true })
    runs = 0
    const over2 = await site.send({ ':path': '/2' })
    const over1 = await send(site.port, { path: '/2', tls: true })
    expect([over2.headers['x-made-over'], over1.get('x-made-over'), isHit(over1)]).toEqual([
      '2.0',
      '2.0',
      true,
    ])
    const first1 = await send(site.port, { path: '/1', tls: true })
    const then2 = await site.send({ ':path': '/1' })
    expect([first1.get('x-made-over'), then2.headers['x-made-over'], hits(then2)]).toEqual([
      '1.1',
      '1.1',
      true,
    ])
    expect(then2.headers['connection']).toBeUndefined()
    expect(runs).toBe(2)
  })

  it('C-28: a page that tells the version is made for each, also where the other version comes later', async () => {
    const { listener } = bare((request, response) => response.end(`HTTP/${request.httpVersion}`))
    const site = await serveHttp2(listener)
    const over1 = async (): Promise<string> =>
      String((await send(site.port, { tls: true, path: '/' })).body)
    const over2 = async (): Promise<string> => String((await site.send()).body)
    for (let i = 0; i < 3; i++) {
      expect([await over1(), await over1(), await over2()]).toEqual([
        'HTTP/1.1',
        'HTTP/1.1',
        'HTTP/2.0',
      ])
    }
  })

  it('C-28: a stream that is reset in the middle is not stored', async () => {
    let isBroken = true
    const { listener } = bare((_, response) => {
      response.write('half ')
      setImmediate(() => (isBroken ? response.destroy() : response.end('and half')))
    })
    const site = await serveHttp2(listener)
    await site.send()
    isBroken = false
    const whole = await site.send()
    expect([String(whole.body), hits(whole)]).toEqual(['half and half', false])
    expect(hits(await site.send())).toBe(true)
  })
})

for (const major of [2, 3] as const) {
  const Koa = major === 2 ? (Koa2 as unknown as typeof Koa3) : Koa3
  for (const place of ['first', 'behind', 'wrap'] as const) {
    describe(`C-28: HTTP/2 on Koa ${major}, ${place}`, () => {
      for (const { title, koa, isStored = true } of contextWays) {
        if (/message|C-27/.test(title)) continue
        it(`C-28: over HTTP/2, ${title}`, async () => {
          const faults: unknown[] = []
          const build = (isCached: boolean): Listener => {
            const cache = forKoa()
            cache.on('error', (event) => faults.push(event))
            const app = new Koa()
            app.silent = true
            if (place === 'behind') app.use((_, next) => next())
            if (isCached && place !== 'wrap') app.use(cache)
            app.use(async (ctx) => {
              if (ctx.path === arrival) ctx.body = 'arrived'
              else await koa(ctx, () => Promise.resolve())
            })
            return isCached && place === 'wrap' ? cache.wrap(app) : app.callback()
          }
          const seesRaw = place !== 'behind'
          const isHeld = typeof isStored === 'function' ? isStored({ major, seesRaw }) : isStored
          await expectSame(build(false), build(true), isHeld)
          expect(faults).toEqual([])
        })
      }

      it('C-28: compression inside the cache', async () => {
        const cache = forKoa()
        const app = new Koa()
        if (place === 'behind') app.use((_, next) => next())
        if (place !== 'wrap') app.use(cache)
        app.use(koaCompress({ threshold: 0 }) as Koa3.Middleware)
        app.use((ctx) => {
          ctx.body = 'x'.repeat(1000)
        })
        const site = await serveHttp2(place === 'wrap' ? cache.wrap(app) : app.callback())
        await site.send({ ':path': arrival })
        for (const coding of ['gzip', 'identity', 'gzip', 'identity']) {
          const answer = await site.send({ 'accept-encoding': coding })
          expect(answer.headers['content-encoding'] ?? 'identity').toBe(coding)
        }
        expect(hits(await site.send({ 'accept-encoding': 'gzip' }))).toBe(true)
      })

      it('C-28: nothing is asked of HTTP/2 that it has not got', async () => {
        const cache = forKoa()
        const app = new Koa()
        let asked = 0
        const ask: Koa3.Middleware = (ctx, next) => {
          const get = (): string => String(asked++ && '')
          Object.defineProperty(ctx.res, 'statusMessage', { configurable: true, get })
          return next()
        }
        if (place === 'behind') app.use(ask)
        if (place !== 'wrap') app.use(cache)
        app.use(async (ctx) => {
          if (place !== 'behind') await ask(ctx, () => Promise.resolve())
          ctx.status = 200
          if (ctx.path === '/text') ctx.body = 'x'
        })
        const site = await serveHttp2(place === 'wrap' ? cache.wrap(app) : app.callback())
        await site.send({ ':path': arrival })
        asked = 0
        for (const path of ['/text', '/nothing', '/text', '/nothing']) {
          await site.send({ ':path': path })
        }
        expect(asked).toBe(0)
      })
    })
  }
}

describe.each([
  ['Express 4', express4 as unknown as typeof express5],
  ['Express 5', express5],
])('C-28: %s beside HTTP/2', (_, express) => {
  it('C-28: clients of HTTP/1.1 are answered over a server that speaks both', async () => {
    const app = express()
    app.get('/', (_request, response) => void response.send('x'))
    const site = await serveHttp2(forExpress().wrap(app))
    const cold = await send(site.port, { tls: true })
    const warm = await send(site.port, { tls: true })
    expect([cold.text, warm.text, isHit(warm)]).toEqual(['x', 'x', true])
  })

  it('C-28: clients of HTTP/2 get from the store what Express itself cannot send them', async () => {
    const app = express()
    app.get('/', (_request, response) => void response.send('x'))
    const site = await serveHttp2(forExpress().wrap(app))
    // Versions are mixed from here on.
    await send(site.port, { tls: true, version: '1.0' })
    await send(site.port, { tls: true })
    const warm = await site.send()
    expect([warm.status, String(warm.body), hits(warm)]).toEqual([200, 'x', true])
  })
})

const arrival = '/the-first-request'

/** What the cache adds, and what differs with every exchange. */
const added = new Set(['age', 'cache-status', 'content-length', 'date', 'vary'])

async function expectSame(plain: Listener, cached: Listener, isStored: boolean): Promise<void> {
  const [without, behind] = [await serveHttp2(plain), await serveHttp2(cached)]
  await behind.send({ ':path': arrival })
  const expected = await without.send()
  const cold = await behind.send()
  const warm = await behind.send()
  expect(essence(cold, expected)).toEqual(essence(expected, expected))
  expect(essence(warm, expected)).toEqual(essence(expected, expected))
  expect(hits(warm)).toBe(isStored)
}

function essence(response: Http2Response, plain: Http2Response): object {
  const { headers, body, ...rest } = response
  const isUnstated = plain.headers['cache-control'] === undefined
  const kept = Object.entries(headers).filter(
    ([name, value]) =>
      !added.has(name) &&
      !(name === 'cache-control' && isUnstated && value === 'no-cache') &&
      !(name === 'etag' && plain.headers['etag'] === undefined),
  )
  return { ...rest, headers: Object.fromEntries(kept), body: body.toString('latin1') }
}

function hits(response: Http2Response): boolean {
  return String(response.headers['cache-status']).startsWith('cacheflow; hit')
}
