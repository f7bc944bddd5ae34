import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { latch } from '../support/latch.ts'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-18: a cookie is set for the one who asked, one after the other and all at once', async () => {
      let made = 0
      const handler = latch()
      const app = await open({
        page: async ({ url }) => {
          const id = ++made
          if (url === '/slow') await handler.opened
          return { fields: { 'Set-Cookie': `sid=${id}; Path=/` }, body: `visitor ${id}` }
        },
      })
      const slow = Promise.all([1, 2, 3, 4].map(() => app.get('/slow')))
      for (let i = 0; i < 5; i++) await turn()
      handler.open()
      const answers = [
        ...(await slow),
        await app.get('/'),
        await app.get('/'),
        await app.get('/slow'),
      ]
      const cookies = answers.map(({ headers }) => headers['set-cookie']?.join())
      expect(new Set(cookies).size).toBe(answers.length)
      expect(new Set(answers.map(({ body }) => body)).size).toBe(answers.length)
    })

    it('S-19: those who come while a private page is made get pages of their own', async () => {
      const handler = latch()
      const app = await open({
        page: async (request) => {
          const user = request.headers['x-user']
          await handler.opened
          return { fields: { 'Cache-Control': 'private' }, body: `for ${String(user)}` }
        },
      })
      const users = ['alice', 'bob', 'carol', 'alice']
      const pages = Promise.all(users.map((user) => app.get('/me', { 'X-User': user })))
      for (let i = 0; i < 5; i++) await turn()
      handler.open()
      expect((await pages).map(({ body }) => body)).toEqual(users.map((user) => `for ${user}`))
    })

    it('S-19: nor do they get a page that turns out to be made from a header they did not send', async () => {
      const handler = latch()
      const app = await open({
        page: async (request) => {
          await handler.opened
          return { body: `in ${request.headers['accept-language'] ?? 'none'}` }
        },
      })
      const languages = ['de', undefined, 'fr', 'de', undefined]
      const pages = Promise.all(
        languages.map((language) =>
          app.get('/', language === undefined ? {} : { 'Accept-Language': language }),
        ),
      )
      for (let i = 0; i < 5; i++) await turn()
      handler.open()
      expect((await pages).map(({ body }) => body)).toEqual(
        languages.map((l) => `in ${l ?? 'none'}`),
      )
    })

    it('S-20: when the one who leads fails or leaves, those who wait get their page', async () => {
      const render = { runs: 0, gate: latch() }
      const app = await open({
        page: async ({ url }) => {
          if (++render.runs > 1) return { body: 'the page' }
          await render.gate.opened
          if (url === '/fails') throw new Error('of the test')
          return { body: 'the page' }
        },
      })
      for (const path of ['/fails', '/leaves']) {
        render.runs = 0
        render.gate = latch()
        const leader = connect(app.port, '127.0.0.1')
        leader.on('error', () => undefined)
        leader.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\n\r\n`)
        while (render.runs === 0) await turn()
        const followers = [1, 2, 3].map(() => app.get(path))
        for (let i = 0; i < 10; i++) await turn()
        if (path === '/leaves') leader.destroy()
        else render.gate.open()
        for (const { status, body } of await Promise.all(followers)) {
          expect([path, status, body]).toEqual([path, 200, 'the page'])
        }
        render.gate.open()
        leader.destroy()
      }
    })

    it('S-24: requests that race each other through one handler never mix', async () => {
      const app = await open({
        page: async (request) => {
          const { headers } = request
          for (let i = Number(headers['x-turns'] ?? 0); i > 0; i--) await turn()
          const id = headers['x-id']
          for (let i = 3 - Number(headers['x-turns'] ?? 0); i > 0; i--) await turn()
          return { fields: { 'X-Seen': String(id) }, body: String(headers['x-id']) }
        },
      })
      const ids = Array.from({ length: 40 }, (_, i) => String(i % 7))
      const answers = await Promise.all(
        ids.map((id, i) => app.get('/', { 'X-Id': id, 'X-Turns': String(i % 4) })),
      )
      expect(answers.map(({ body }) => body)).toEqual(ids)
      expect(answers.map(({ headers }) => headers['x-seen'])).toEqual(ids)
    })
  })
}

/** Asks by a connection of its own and leaves when the first bytes have come. */
async function leaveEarly(app: Application, path: string): Promise<void> {
  const client = connect(app.port, '127.0.0.1')
  client.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\n\r\n`)
  await new Promise((resolve) => client.once('data', resolve))
  const closed = new Promise((resolve) => client.once('close', resolve))
  client.destroy()
  await closed
}

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-20: what a handler leaves out because its client has left, is left out for nobody else', async () => {
      const ended = [latch(), latch(), latch()]
      let isLeaving = true
      const app = await open({
        handler: async (request, response) => {
          const way = Number(request.path.slice(1))
          const slow = isLeaving
          const parts = ['one']
          response.write('zero ')
          if (slow) await new Promise((resolve) => response.once('close', resolve))
          if (!response.destroyed) parts.push('two')
          if (way === 0) response.end(parts.join())
          if (way === 1) {
            for (const part of parts) response.write(part)
            response.end()
          }
          if (way === 2) {
            response.write(parts.join())
            setImmediate(() => response.end())
          }
          if (slow) setImmediate(() => setImmediate(() => ended[way]?.open()))
        },
      })
      for (const way of ended.keys()) {
        isLeaving = true
        await leaveEarly(app, `/${way}`)
        await ended[way]?.opened
        isLeaving = false
        for (let i = 0; i < 2; i++)
          expect((await app.get(`/${way}`)).body).toMatch(/^zero one,?two$/)
      }
    })

    it('S-23: an empty end to a client that has left is no empty page for all', async () => {
      let isLeaving = true
      const ended = latch()
      const app = await open({
        handler: (request, response) => {
          if (!isLeaving) {
            response.send('the page')
            return
          }
          request.on('close', () => {
            response.end()
            setImmediate(ended.open)
          })
        },
      })
      const client = connect(app.port, '127.0.0.1')
      client.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\n\r\n`)
      while (app.runs === 0) await turn()
      client.destroy()
      await ended.opened
      isLeaving = false
      for (let i = 0; i < 2; i++) expect((await app.get('/')).body).toBe('the page')
    })
  })
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    it('S-20: what a handler leaves out because its client has left, is left out for nobody else', async () => {
      let isLeaving = true
      const ended = latch()
      const app = await open({
        handler: async (ctx) => {
          if (isLeaving) await new Promise((resolve) => ctx.res.once('close', resolve))
          ctx.body = ctx.res.destroyed || !ctx.writable ? 'one' : 'one two'
          if (isLeaving) setImmediate(() => setImmediate(ended.open))
        },
      })
      const client = connect(app.port, '127.0.0.1')
      client.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${app.port}\r\n\r\n`)
      while (app.runs === 0) await turn()
      client.destroy()
      await ended.opened
      isLeaving = false
      for (let i = 0; i < 2; i++) expect((await app.get('/')).body).toBe('one two')
    })
  })
}
