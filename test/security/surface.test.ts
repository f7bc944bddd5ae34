import type { AddressInfo } from 'node:net'
import { cacheflow } from 'cacheflow/express'
import express, { type Express } from 'express'
import { fastly } from 'cacheflow'
import type { CacheHandle } from 'cacheflow'
import { describe, expect, it, onTestFinished } from 'vitest'
import { send } from '../support/wire.ts'

interface Shop {
  readonly port: number
  readonly cache: CacheHandle
}

async function open(
  options: Parameters<typeof cacheflow>[0],
  routes: (app: Express) => void,
): Promise<Shop> {
  const app = express()
  const cache = cacheflow(options)
  app.use(cache)
  routes(app)
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, cache }
}

const page = 'p'.repeat(10_000)

describe('what a visitor can reach from outside', () => {
  it("S-13: a visitor's page is not shared by a path that looks like a file", async () => {
    const { port } = await open({}, (app) => {
      app.get(/^\/account/, (request, response) => {
        response.send(`account of ${request.headers.cookie ?? 'nobody'}`)
      })
    })
    for (const path of ['/account/x.css', '/account;.js', '/account%2f.png']) {
      const mine = await send(port, { path, headers: { cookie: 'sid=alice' } })
      expect(mine.text).toBe('account of sid=alice')
      expect((await send(port, { path })).text).toBe('account of nobody')
    }
  })

  it('S-22: no request for ranges makes more than the body of it, or reaches beyond it', async () => {
    const body = 'abcdefghij'
    const { port } = await open({}, (app) => {
      app.get('/', (_request, response) => void response.type('text').send(body))
    })
    await send(port, { path: '/' })
    const thousand = `bytes=${Array.from({ length: 1000 }, () => '0-9').join(',')}`
    const ranges = ['bytes=0-0', 'bytes=-0', 'bytes=0-99999999999999999999', thousand, 'bytes=5-2']
    for (const range of ranges) {
      const answer = await send(port, { path: '/', headers: { range } })
      expect([200, 206, 416]).toContain(answer.status)
      expect(body).toContain(answer.text)
    }
    expect((await send(port, { path: '/' })).text).toBe(body)
  })

  it('S-27: thousands of URLs and tags stay within the bound, and leave no trace in the indexes', async () => {
    const { port, cache } = await open({ memory: { maxSize: 200_000 } }, (app) => {
      app.get('/', (request, response) => {
        response.locals.cacheflow.tag(`tag ${request.url}`)
        response.send(page)
      })
    })
    for (let i = 0; i < 500; i++) {
      await send(port, { path: `/?q=${i}` })
      expect(cache.stats().bytes).toBeLessThanOrEqual(200_000)
    }
    const { entries, dependencies } = cache.stats()
    expect(entries).toBeLessThanOrEqual(20)
    expect(dependencies).toBeLessThanOrEqual(entries * 8)
  })

  it('S-28: variants of one URL are bounded in number', async () => {
    const { port, cache } = await open({ maxVariants: 10 }, (app) => {
      app.get('/', (request, response) => void response.send(request.get('x-any') ?? 'none'))
    })
    for (let i = 0; i < 100; i++) {
      const answer = await send(port, { path: '/', headers: { 'x-any': `v${i}` } })
      expect(answer.text).toBe(`v${i}`)
    }
    expect(cache.stats().entries).toBeLessThanOrEqual(11)
  })

  it('S-30, S-31: directives of any length, number and shape are answered', async () => {
    const fields: (string | string[])[] = [
      `max-age=${' '.repeat(50_000)}60`,
      Array.from({ length: 10_000 }, (_, i) => `x${i}="a\\"b"`).join(', '),
      ['max-age=60', 'max-age=5', 'private="'],
    ]
    const { port } = await open({}, (app) => {
      app.get('/:n', (request, response) => {
        const field = fields[Number(request.params.n)] ?? ''
        response.setHeader('Cache-Control', field)
        response.end('page')
      })
    })
    for (const n of fields.keys()) {
      expect((await send(port, { path: `/${n}` })).text).toBe('page')
    }
  })

  it('S-34: tags, keys and reasons are not shown to visitors', async () => {
    const { port } = await open({}, tagged)
    for (let i = 0; i < 2; i++) {
      const { lines } = await send(port, { path: '/' })
      const text = JSON.stringify(lines)
      expect(text).not.toContain('secret-tag')
      expect(text).not.toMatch(/surrogate-key|cache-tag|cacheflow-debug|key=/i)
    }
    const declared = await open({ surrogate: fastly() }, tagged)
    expect((await send(declared.port, { path: '/' })).get('surrogate-key')).toBe('secret-tag')
  })

  it('S-35, S-36: nothing a visitor sends empties or passes the cache, and there is no door to do so', async () => {
    let runs = 0
    const { port, cache } = await open({}, (app) => {
      app.get('/', (_request, response) => void response.send(`run ${++runs}`))
    })
    await send(port, { path: '/' })
    const headers = {
      'surrogate-key': 'x',
      'cache-group-invalidation': '"x"',
      'cache-control': 'no-cache',
      pragma: 'no-cache',
      'x-apicache-bypass': '1',
    }
    expect((await send(port, { method: 'PURGE', path: '/', headers })).status).toBe(404)
    expect((await send(port, { path: '/', headers })).text).toBe('run 1')
    expect(cache.stats().entries).toBe(1)
  })

  it('S-39: no stored field or reason splits a response', async () => {
    const tag = 'a\r\nX-Evil: 1'
    let runs = 0
    const { port, cache } = await open({ debug: true, surrogate: fastly() }, (app) => {
      app.get('/', (_request, response) => {
        response.locals.cacheflow.noStore('line\r\nX-Evil: 1')
        response.send('page')
      })
      app.get('/tagged', (_request, response) => {
        response.locals.cacheflow.tag(tag)
        response.send(`run ${++runs}`)
      })
    })
    const answer = await send(port, { path: '/' })
    expect(answer.get('x-evil')).toBeUndefined()
    expect(answer.get('cacheflow-debug')).toContain('draft')
    const tagged = await send(port, { path: '/tagged' })
    expect([tagged.get('x-evil'), tagged.get('surrogate-key')]).toEqual([
      undefined,
      expect.stringMatching(/^[!-~]+$/),
    ])
    await cache.invalidate({ tag })
    expect((await send(port, { path: '/tagged' })).text).toBe('run 2')
  })
})

function tagged(app: Express): void {
  app.get('/', (_request, response) => {
    response.locals.cacheflow.tag('secret-tag')
    response.send('page')
  })
}
