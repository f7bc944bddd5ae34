import { format, inspect } from 'node:util'
import cookieParser from 'cookie-parser'
import type { Request } from 'express'
import type { Context } from 'koa'
import { describe, expect, it } from 'vitest'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'

const visitors = ['alice', 'bob', undefined, 'alice', 'bob', undefined]

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-17: what is printed of a request is its visitor’s alone', async () => {
      const ways: ((request: Request) => string)[] = [
        ({ headers }) => inspect(headers),
        ({ headers }) => inspect(headers, { showHidden: true }),
        ({ headers }) => inspect(headers, { showProxy: true }),
        ({ headers }) => format('%o', headers),
        ({ headers }) => format('%O', headers),
        ({ headers }) => format('%j', headers),
        ({ headers }) => format('seen:', { in: { here: headers } }),
        ({ cookies }) => inspect(cookies),
        ({ cookies }) => format('%o', cookies),
        ({ cookies }) => format([cookies]),
        (request) => inspect(request),
        (request) => format('%O', { request }),
        (request) => inspect(request, { getters: true }),
      ]
      const app = await open({
        before: [cookieParser()],
        handler: (request, response) => {
          const shown = ways[Number(request.path.slice(1))]?.(request)
          response.send(/a(=|: ')(alice|bob)/.exec(shown ?? '')?.[2])
        },
      })
      for (const index of ways.keys()) {
        for (const name of visitors) {
          const { body } = await app.get(
            `/${index}`,
            name === undefined ? {} : { Cookie: `a=${name}` },
          )
          expect([index, body]).toEqual([index, name ?? ''])
        }
      }
    })

    it('the empty jar of those who send no cookie is nobody’s', async () => {
      const app = await open({
        before: [cookieParser()],
        handler: ({ cookies }, response) => {
          response.send(inspect(cookies))
        },
      })
      expect((await app.get('/')).body).toBe('[Object: null prototype] {}')
      expect(app.seen('store')[0]?.vary).toEqual(['cookie'])
    })
  })
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    it('S-17: what is printed of a context is its visitor’s alone', async () => {
      const ways: ((ctx: Context) => string)[] = [
        ({ headers }) => inspect(headers),
        ({ request }) => inspect(request),
        ({ req }) => inspect(req),
        (ctx) => inspect(ctx),
        (ctx) => format('%O', ctx.inspect()),
        (ctx) => format(ctx.toJSON()),
        ({ request }) => inspect(request.toJSON()),
        ({ request }) => JSON.stringify(request),
      ]
      const app = await open({
        handler: (ctx) => {
          const shown = ways[Number(ctx.path.slice(1))]?.(ctx)
          ctx.body = /a=(alice|bob)/.exec(shown ?? '')?.[1] ?? 'nobody'
        },
      })
      for (const index of ways.keys()) {
        for (const name of visitors) {
          const { body } = await app.get(
            `/${index}`,
            name === undefined ? {} : { Cookie: `a=${name}` },
          )
          expect([index, body]).toEqual([index, name ?? 'nobody'])
        }
      }
    })
  })
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-38: what is printed of a connection is its client’s alone', async () => {
      const app = await open({
        page: ({ socket, url }) => ({
          body: url === '/one' ? typeof inspect(socket) : typeof format('%O', { socket }),
        }),
      })
      for (const path of ['/one', '/other']) await app.get(path)
      expect(app.refusals).toEqual(['connection-read', 'connection-read'])
    })

    it('prints the headers as they are, in one list of keys, frozen or not', async () => {
      const app = await open({
        page: ({ headers, url }) => {
          if (url === '/frozen') Object.freeze(headers)
          const names = Object.keys(headers).join()
          return { body: `${inspect(headers)} ${names} ${Object.isFrozen(headers)}` }
        },
      })
      const host = `127.0.0.1:${app.port}`
      const shown = `{ 'x-a': '1', host: '${host}', connection: 'close' } x-a,host,connection`
      expect((await app.get('/', { 'X-A': '1' })).body).toBe(`${shown} false`)
      expect((await app.get('/frozen', { 'X-A': '1' })).body).toBe(`${shown} true`)
    })

    it('S-14: nothing that JSON looks for in headers is taken for a field', async () => {
      const app = await open({
        page: ({ headers }) => ({ body: typeof JSON.stringify(headers) }),
      })
      const { headers } = await app.get('/', { 'X-A': '1' })
      expect(app.seen('store')[0]?.vary).toEqual([':headers'])
      expect(headers['vary']).toBe('X-A, Connection, Cookie, Authorization')
    })
  })
}
