import type { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { cacheflow as forKoa } from 'cacheflow/koa'
import type { CacheHandle } from 'cacheflow'
import Koa3, { type Context } from 'koa'
import Koa2 from 'koa2'
import { describe, expect, it } from 'vitest'
import { bare } from '../support/bare.ts'
import { type Listener, serveHttp2 } from '../support/http2-client.ts'

interface Heard {
  readonly inputs: (readonly string[])[]
  readonly refusals: string[]
}

function hear(cache: CacheHandle): Heard {
  const heard: Heard = { inputs: [], refusals: [] }
  cache.on('store', ({ vary }) => void heard.inputs.push(vary))
  cache.on('uncacheable', ({ reason }) => void heard.refusals.push(reason))
  cache.on('error', ({ error }) => void heard.refusals.push(String(error)))
  return heard
}

function streamOf(request: IncomingMessage): ServerHttp2Stream {
  return Reflect.get(request, 'stream') as ServerHttp2Stream
}

describe('HTTP/2 on bare Node', () => {
  async function look(read: (request: IncomingMessage) => unknown): Promise<Heard> {
    const { listener, cache } = bare((request, response) => {
      response.end(String(read(request)))
    })
    const heard = hear(cache)
    const site = await serveHttp2(listener)
    await site.send()
    return heard
  }

  it('S-38: whatever tells one connection from another makes the page its own, by every way to it', async () => {
    const ways: ((request: IncomingMessage) => unknown)[] = [
      ({ socket }) => socket.remotePort,
      ({ connection }) => connection.remotePort,
      (request) => streamOf(request).session?.socket.remotePort,
      ({ socket }) => Reflect.get(socket, 'authorized') as unknown,
      (request) => Reflect.get(streamOf(request).session?.socket ?? {}, 'authorized') as unknown,
      ({ socket }) => (Reflect.get(socket, 'getCipher') as () => object)(),
    ]
    for (const [index, way] of ways.entries()) {
      expect([index, await look(way)]).toEqual([
        index,
        { inputs: [], refusals: ['connection-read'] },
      ])
    }
  })

  it('S-38: the address makes variants', async () => {
    const ways: ((request: IncomingMessage) => unknown)[] = [
      ({ socket }) => socket.remoteAddress,
      (request) => streamOf(request).session?.socket.remoteAddress,
    ]
    for (const way of ways) {
      expect(await look(way)).toEqual({ inputs: [['x-forwarded-for']], refusals: [] })
    }
  })

  it('S-1: what HTTP/2 tells beside the headers is an input like them', async () => {
    expect((await look((request) => Reflect.get(request, 'scheme') as unknown)).inputs).toEqual([
      [':scheme'],
    ])
    expect((await look((request) => Reflect.get(request, 'authority') as unknown)).inputs).toEqual([
      [':authority'],
    ])
  })

  it('S-15: a session that has said who it is by Negotiate is asked for each page', async () => {
    const { listener, cache } = bare((request, response) => {
      if (request.headers.authorization === undefined && request.url === '/login') {
        response.writeHead(401, { 'WWW-Authenticate': 'Negotiate' })
      }
      response.end('x')
    })
    const heard = hear(cache)
    const site = await serveHttp2(listener)
    await site.send({ ':path': '/login' })
    heard.refusals.length = 0
    await site.send({ authorization: 'Negotiate abc' })
    await site.send()
    expect(heard).toEqual({ inputs: [], refusals: ['authorization', 'authorization'] })
  })
})

describe.each([
  ['Koa 2', Koa2 as unknown as typeof Koa3],
  ['Koa 3', Koa3],
])('HTTP/2 on %s', (_, Koa) => {
  async function look(read: (ctx: Context) => unknown): Promise<Heard> {
    const cache = forKoa()
    const app = new Koa()
    app.use(cache)
    app.use((ctx) => {
      ctx.body = String(read(ctx))
    })
    const heard = hear(cache)
    const listener: Listener = app.callback()
    const site = await serveHttp2(listener)
    // Koa tells of itself with the first request.
    await site.send({ ':path': '/first' })
    heard.inputs.length = heard.refusals.length = 0
    await site.send()
    return heard
  }

  it('S-38: the address makes variants, a port is private, and Koa’s own looks are neither', async () => {
    expect(await look(({ ip }) => ip)).toEqual({ inputs: [['x-forwarded-for']], refusals: [] })
    expect((await look((ctx) => ctx.socket.remotePort)).refusals).toEqual(['connection-read'])
    expect(await look(({ protocol, secure }) => `${protocol} ${secure}`)).toEqual({
      inputs: [[]],
      refusals: [],
    })
  })
})
