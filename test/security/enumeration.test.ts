import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { pageStages } from '../support/stages.ts'

/** The ways in which programs copy all headers of a request. */
const copies: Readonly<Record<string, (request: IncomingMessage) => Headers>> = {
  entries: ({ headers }) => new Headers(Object.entries(headers).map(([n, v]) => [n, String(v)])),
  spread: ({ headers }) => new Headers({ ...headers } as Record<string, string>),
  keys: ({ headers }) =>
    new Headers(Object.keys(headers).map((name) => [name, String(headers[name])])),
  loop: ({ headers }) => {
    const copy = new Headers()
    for (const name in headers) copy.set(name, String(headers[name]))
    return copy
  },
  json: ({ headers }) => new Headers(JSON.parse(JSON.stringify(headers)) as Record<string, string>),
  raw: ({ rawHeaders }) => {
    const copy = new Headers()
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) copy.set(rawHeaders[i]!, rawHeaders[i + 1]!)
    return copy
  },
  distinct: ({ headersDistinct }) => {
    const copy = new Headers()
    for (const [name, lines] of Object.entries(headersDistinct)) copy.set(name, String(lines))
    return copy
  },
}

const shown = ['cookie', 'authorization', 'x-user', 'x-api-key', 'accept-language', 'user-agent']

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-14: who copies all headers has read each of them, absent ones included', async () => {
      const app = await open({
        page: (request) => {
          const copy = copies[request.url?.slice(1) ?? '']?.(request)
          return { body: shown.map((name) => copy?.get(name)).join(' ') }
        },
      })
      const visitors: Record<string, string>[] = [
        {},
        { Cookie: 'sid=alice' },
        { Authorization: 'Bearer b' },
        { 'X-User': 'carol' },
        { 'X-Api-Key': 'd' },
        { 'Accept-Language': 'de' },
        { 'User-Agent': 'Mozilla/5.0 Eve' },
        {},
      ]
      for (const way of Object.keys(copies)) {
        for (let round = 0; round < 2; round++) {
          for (const headers of visitors) {
            const given = new Headers(headers)
            const { body } = await app.get(`/${way}`, headers)
            expect([way, body]).toEqual([way, shown.map((name) => given.get(name)).join(' ')])
          }
        }
      }
    })

    it('guests who send the same share it, and nobody else gets it', async () => {
      const app = await open({
        page: ({ headers }) => ({ body: `${{ ...headers }.cookie}` }),
      })
      for (let i = 0; i < 3; i++) await app.get('/', { Accept: 'text/html' })
      expect(app.runs).toBe(1)
      expect((await app.get('/', { Accept: 'text/html' })).headers['vary']).toContain('Cookie')
      for (let i = 0; i < 3; i++) await app.get('/', { Accept: 'text/html', Cookie: 'a=1' })
      expect(app.runs).toBe(4)
      expect(new Set(app.refusals)).toEqual(new Set(['headers-read']))
    })

    it('what says public or s-maxage is for everybody, and what is read by name still counts', async () => {
      const app = await open({
        page: (request) => {
          const { headers, url } = request
          const copy = { ...headers }
          const language = url === '/by-name' ? headers['accept-language'] : ''
          const control = url === '/s' ? 's-maxage=60' : 'public, max-age=60'
          return { fields: { 'Cache-Control': control }, body: `${language}${typeof copy}` }
        },
      })
      for (const path of ['/public', '/s']) {
        for (const user of ['alice', 'bob']) {
          await app.get(path, { Cookie: `sid=${user}`, 'User-Agent': user })
        }
      }
      expect(app.runs).toBe(2)
      for (const language of ['de', 'en', 'de']) {
        const { body } = await app.get('/by-name', { 'Accept-Language': language })
        expect(body).toBe(`${language}object`)
      }
      expect(app.runs).toBe(4)
    })
  })
}
