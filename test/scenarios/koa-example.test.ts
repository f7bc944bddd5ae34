import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it, describe } from 'vitest'

// The example is plain JavaScript: this is what the tests use of it.
interface Api {
  app: { callback(): RequestListener }
  cache: {
    wrap(app: object): RequestListener
    close(): Promise<void>
    on(name: 'fragment', listener: (event: { key: string; stored: boolean }) => void): () => void
  }
}
const [apiFile, stationsFile]: string[] = ['api.js', 'stations.js'].map(
  (name) => new URL(`../../examples/koa/${name}`, import.meta.url).pathname,
)
const { createApi } = (await import(apiFile ?? '')) as {
  createApi(options: object): Api
}
const { Stations } = (await import(stationsFile ?? '')) as {
  Stations: new () => object
}

describe.each([
  ['mounted as a middleware', (api: Api) => api.app.callback()],
  ['wrapped around the application', (api: Api) => api.cache.wrap(api.app)],
])('The weather stations, with the cache %s', (_, listenerOf) => {
  let api: Api
  let server: Server
  let origin: string

  beforeEach(async () => {
    api = createApi({ stations: new Stations() })
    server = createServer(listenerOf(api)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterEach(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await api.cache.close()
  })

  async function call(path: string, method = 'GET', body?: object, headers: object = {}) {
    const response = await fetch(origin + path, {
      method,
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      hit: /cacheflow;\s*hit/.test(response.headers.get('cache-status') ?? ''),
      json: text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as never) : undefined,
      text,
    }
  }

  it('answers a station from the cache the second time', async () => {
    const first = await call('/stations/pass')
    const second = await call('/stations/pass')
    expect([first.hit, second.hit]).toEqual([false, true])
    expect(second.text).toBe(first.text)
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(second.headers.get('etag')).toMatch(/^W\/"/)
  })

  it('keeps a list for each region, and none for other parameters', async () => {
    const north = await call('/stations?region=north')
    expect(north.json).toHaveLength(2)
    expect((await call('/stations?region=south')).json).not.toEqual(north.json)
    expect((await call('/stations?region=north&cachebuster=1')).hit).toBe(true)
  })

  it('shows a new reading at once, and leaves the other stations stored', async () => {
    for (const path of ['/stations/pass', '/stations/glen', '/stations']) {
      await call(path)
      expect((await call(path)).hit, path).toBe(true)
    }
    const recorded = await call('/stations/pass/readings', 'POST', { celsius: -2.5 })
    expect(recorded.status).toBe(201)
    const station = await call('/stations/pass')
    expect(station.hit).toBe(false)
    expect(station.json).toMatchObject({
      readings: expect.arrayContaining([{ at: expect.any(Number), celsius: -2.5 }]),
    })
    expect((await call('/stations')).hit).toBe(false)
    expect((await call('/stations/glen')).hit).toBe(true)
  })

  it('answers 304 for what the client has, until the station changes', async () => {
    const etag = (await call('/stations/pass')).headers.get('etag') ?? ''
    const known = { 'if-none-match': etag }
    expect((await call('/stations/pass', 'GET', undefined, known)).status).toBe(304)
    const change = { name: 'Wolf Pass', altitude: 1680 }
    expect((await call('/stations/pass', 'PUT', change)).status).toBe(200)
    const changed = await call('/stations/pass', 'GET', undefined, known)
    expect(changed.status).toBe(200)
    expect(changed.json).toMatchObject(change)
  })

  it('renews one line, its region and the board when a reading comes in, and no other fragment', async () => {
    const fragments: { key: string; stored: boolean }[] = []
    api.cache.on('fragment', (event) => void fragments.push(event))
    await call('/')
    const first = await call('/')
    expect(first.headers.get('content-type')).toContain('text/html')
    expect([first.hit, first.text.match(/<li>/g)?.length]).toEqual([true, 8])
    fragments.length = 0
    await call('/stations/pass/readings', 'POST', { celsius: -22.5 })
    const renewed = await call('/')
    expect([renewed.hit, renewed.text.includes('-22.5 °C')]).toEqual([false, true])
    const made = fragments.flatMap(({ key, stored }) =>
      stored ? [key.replace(/ digest=.*/, '')] : [],
    )
    expect(new Set(made)).toEqual(
      new Set(['fragment:board/region region:south', 'fragment:board/station station:pass']),
    )
  })

  it('refuses what it does not understand, and invalidates nothing then', async () => {
    await call('/stations/pass')
    for (const wrong of [{}, { name: '', altitude: 3 }, { name: 'Pass', altitude: 'high' }]) {
      expect((await call('/stations/pass', 'PUT', wrong)).status).toBe(422)
    }
    expect((await call('/stations/pass/readings', 'POST', { celsius: 'hot' })).status).toBe(422)
    expect((await call('/stations/nowhere/readings', 'POST', { celsius: 1 })).status).toBe(404)
    expect((await call('/stations/nowhere')).status).toBe(404)
    expect((await call('/stations/pass')).hit).toBe(true)
  })
})
