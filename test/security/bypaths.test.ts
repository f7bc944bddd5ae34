import { IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import cookieParser from 'cookie-parser'
import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { expressStages, pageStages } from '../support/stages.ts'

type Way = (request: IncomingMessage) => unknown

/** The getter that Node has for a property of every request. */
function getter(name: 'headers' | 'headersDistinct'): Way {
  const { get } = Object.getOwnPropertyDescriptor(IncomingMessage.prototype, name) ?? {}
  return (request) => get?.call(request) as unknown
}

function slot(request: object, name: string): unknown {
  const symbol = Object.getOwnPropertySymbols(request).find((each) => each.description === name)
  return symbol && Reflect.get(request, symbol)
}

const beside = { customInspect: false, depth: 5 }
const ways: Readonly<Record<string, Way>> = {
  'getter of the class': (request) => inspect(getter('headers')(request)),
  'one field by the getter of the class': (request) =>
    Reflect.get(getter('headers')(request) as object, 'x-a') as unknown,
  'getter by Reflect': (request) =>
    (Reflect.get(IncomingMessage.prototype, 'headers', request) as Record<string, unknown>)['x-a'],
  'distinct getter of the class': (request) => inspect(getter('headersDistinct')(request)),
  'super.headers': (request) => {
    const heir = {
      __proto__: IncomingMessage.prototype,
      seen(this: IncomingMessage): unknown {
        return super.headers
      },
    }
    return JSON.stringify(heir.seen.call(request))
  },
  'the slot': (request) => JSON.stringify(slot(request, 'kHeaders')),
  'one field in the slot': (request) =>
    Reflect.get(slot(request, 'kHeaders') as object, 'x-a') as unknown,
  'printed beside all getters': (request) => inspect(request, beside),
  'its headers printed so': ({ headers }) => inspect(headers, beside),
  'its headers in a list': ({ headers }) => inspect([{ headers }], beside),
  'with proxies shown': ({ headers }) => inspect(headers, { showProxy: true }),
  'with hidden ones shown': (request) => inspect(request, { ...beside, showHidden: true }),
  'raw, printed': ({ rawHeaders }) => inspect(rawHeaders, beside),
  'an heir of the request': (request) => (Object.create(request) as IncomingMessage).headers['x-a'],
  'an heir of the headers': ({ headers }) =>
    Reflect.get(Object.create(headers) as object, 'x-a') as unknown,
}

const values = ['alice', 'bob', undefined, 'alice', 'bob', undefined]

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-1: headers are observed by every way to them that Node has', async () => {
      const app = await open({
        page: (request) => {
          const way = Object.values(ways)[Number(request.url?.slice(1))]
          return { body: /alice|bob/.exec(String(way?.(request)))?.[0] ?? 'nobody' }
        },
      })
      for (const [index, name] of Object.keys(ways).entries()) {
        for (const value of values) {
          const { body } = await app.get(`/${index}`, value === undefined ? {} : { 'X-A': value })
          expect([name, body]).toEqual([name, value ?? 'nobody'])
        }
      }
    })

    it('S-38: a connection is observed by what Node keeps of it, and by the system behind it', async () => {
      const looks: Way[] = [
        ({ socket }) => {
          const name: { address?: string } = {}
          const handle = Reflect.get(socket, '_handle') as { getpeername(to: object): void }
          handle.getpeername(name)
          return name.address
        },
        ({ socket }) => Reflect.get(socket, '_peername') as unknown,
        ({ socket }) => Reflect.get(socket, '_sockname') as unknown,
        ({ socket }) => inspect(socket, { customInspect: false, depth: 0 }),
      ]
      const app = await open({
        page: (request) => ({ body: typeof looks[Number(request.url?.slice(1))]?.(request) }),
      })
      for (const index of [0, 1, 2]) {
        await app.get(`/${index}`)
        expect([index, app.seen('uncacheable').at(-1)?.reason]).toEqual([index, 'connection-read'])
      }
    })

    it('headers that are assigned, raw ones too, are the application’s own', async () => {
      const app = await open({
        page: (request) => {
          request.headers = { 'x-a': 'mine' }
          request.rawHeaders = ['X-B', 'mine']
          return { body: `${request.headers['x-a']} ${request.rawHeaders.join()}` }
        },
      })
      expect((await app.get('/', { 'X-A': '1' })).body).toBe('mine X-B,mine')
    })

    it('a look for methods on the headers is told to nobody, and no two answers are mixed by it', async () => {
      const app = await open({
        page: ({ headers }) => {
          const { get, entries, then } = headers
          const isOther = [get, entries, then].some((each) => typeof each === 'function')
          return { body: `${isOther} ${get}` }
        },
      })
      expect((await app.get('/')).headers['vary']).toBeUndefined()
      await app.get('/')
      expect(app.runs).toBe(1)
      expect((await app.get('/', { Get: 'x' })).body).toBe('false x')
    })
  })
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-17: cookies are observed by every way of printing them', async () => {
      const printed: ((request: Request) => string)[] = [
        ({ cookies }) => inspect(cookies, beside),
        (request) => inspect([{ here: request.cookies as object }], beside),
        (request) => inspect(request, { ...beside, getters: true }),
      ]
      const app = await open({
        before: [cookieParser()],
        handler: (request, response) => {
          const shown = printed[Number(request.path.slice(1))]?.(request) ?? ''
          response.send(/alice|bob/.exec(shown)?.[0] ?? 'nobody')
        },
      })
      for (const index of printed.keys()) {
        for (const value of values) {
          const { body } = await app.get(
            `/${index}`,
            value === undefined ? {} : { Cookie: `a=${value}` },
          )
          expect([index, body]).toEqual([index, value ?? 'nobody'])
        }
      }
    })
  })
}
