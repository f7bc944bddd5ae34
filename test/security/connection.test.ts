import { Agent, request as ask } from 'node:http'
import type { Request } from 'express'
import type { Context } from 'koa'
import morgan from 'morgan'
import { describe, expect, it, onTestFinished } from 'vitest'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'

const ignored = { write: () => undefined }

for (const { name: stage, open } of expressStages) {
  describe(stage, () => {
    it('S-38: a logger that runs what comes after it excuses nothing of what that reads', async () => {
      const ways: Record<string, (request: Request) => unknown> = {
        '/socket': ({ socket }) => socket.remoteAddress,
        '/ip': ({ ip }) => ip,
        '/ips': ({ ips }) => ips[0],
        '/forwarded': ({ headers }) => headers['x-forwarded-for'],
      }
      const app = await open({
        settings: { 'trust proxy': true },
        before: [
          morgan('tiny', { stream: ignored }),
          (request, response, next) => {
            response.locals['seen'] = ways[request.path]?.(request)
            next()
          },
        ],
        handler: (_request, response) => {
          response.send(String(response.locals['seen']))
        },
      })
      for (const path of Object.keys(ways)) {
        const own: string[] = []
        for (const address of ['1.1.1.1', '2.2.2.2']) {
          own.push((await app.get(path, { 'X-Forwarded-For': address })).body)
        }
        expect([path, app.seen('store').at(-1)?.vary]).toEqual([path, ['x-forwarded-for']])
        if (path !== '/socket') expect(own).toEqual(['1.1.1.1', '2.2.2.2'])
      }
    })

    it('S-38: nor does a logger open to all what a certificate opened to one', async () => {
      const app = await open({
        before: [
          morgan('tiny', { stream: ignored }),
          (request, response, next) => {
            // In plain HTTP nobody proves anything: what matters is that it was asked.
            if (Reflect.get(request.socket, 'authorized') === undefined) next()
            else response.status(401).end()
          },
        ],
        handler: (_request, response) => {
          response.send('secret')
        },
      })
      await app.get('/')
      await app.get('/')
      expect(app.seen('store')).toEqual([])
    })

    it('what a logger itself notes of the address selects no variants', async () => {
      const app = await open({
        settings: { 'trust proxy': true },
        before: [morgan('combined', { stream: ignored, immediate: true })],
        handler: (_request, response) => {
          response.send('x')
        },
      })
      await app.get('/', { 'X-Forwarded-For': '1.1.1.1' })
      expect(app.seen('store')[0]?.vary).not.toContain('x-forwarded-for')
    })
  })
}

for (const { name: stage, open } of koaStages) {
  describe(stage, () => {
    it('S-38: a logger that runs what comes after it excuses nothing of what that reads', async () => {
      const ways: Record<string, (ctx: Context) => unknown> = {
        '/ip': ({ ip }) => ip,
        '/socket': ({ socket }) => socket.remoteAddress,
        '/forwarded': (ctx) => ctx.get('x-forwarded-for'),
      }
      const log = morgan('tiny', { stream: ignored })
      const app = await open({
        before: [
          (ctx, next) =>
            new Promise((resolve, reject) =>
              log(ctx.req, ctx.res, () => void next().then(resolve, reject)),
            ),
        ],
        handler: (ctx) => {
          ctx.body = String(ways[ctx.path]?.(ctx))
        },
      })
      for (const path of Object.keys(ways)) {
        await app.get(path)
        expect([path, app.seen('store').at(-1)?.vary]).toEqual([path, ['x-forwarded-for']])
      }
    })
  })
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-38: whatever tells one connection from another makes the page its own', async () => {
      const names = ['remotePort', 'localPort', 'address', '_getpeername', 'alpnProtocol']
      const proofs = ['authorized', 'getCipher', 'getFinished', 'getPeerFinished', 'getProtocol']
      const secrets = ['getSession', 'getTLSTicket', 'exportKeyingMaterial', 'servername']
      const all = [...names, ...proofs, ...secrets]
      const app = await open({
        page: ({ socket, url }) => ({
          body: typeof Reflect.get(socket, all[Number(url?.slice(1))] ?? ''),
        }),
      })
      for (const [index, name] of all.entries()) {
        await app.get(`/${index}`)
        expect([name, app.seen('uncacheable').at(-1)?.detail]).toEqual([name, `req.socket.${name}`])
      }
    })

    it('the address alone is a variant: Node asks itself for the rest', async () => {
      const app = await open({ page: ({ socket }) => ({ body: `${socket.remoteAddress}` }) })
      await app.get('/')
      expect([app.refusals, app.seen('store')[0]?.vary]).toEqual([[], ['x-forwarded-for']])
    })
  })
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-15: whom a connection knows by NTLM or Negotiate, it knows without a word of his', async () => {
      const names = new WeakMap<object, string>()
      const app = await open({
        page: ({ socket, headers, url }) => {
          const { authorization } = headers
          if (authorization !== undefined) names.set(socket, authorization)
          if (url?.startsWith('/login') === true && authorization === undefined) {
            return { status: 401, fields: { 'WWW-Authenticate': url.slice('/login/'.length) } }
          }
          return { body: `for ${names.get(socket)}` }
        },
      })
      await app.get('/')
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onTestFinished(() => agent.destroy())
      for (const scheme of ['NTLM', 'negotiate']) {
        await seen(agent, app.port, `/login/${scheme}`)
        for (const path of ['/', `/${scheme}`]) {
          const login = { Authorization: `${scheme} alice` }
          expect(await seen(agent, app.port, path, login)).toBe(`for ${scheme} alice`)
          expect(await seen(agent, app.port, path)).toBe(`for ${scheme} alice`)
          expect((await app.get(path)).body).toBe('for undefined')
        }
      }
    })

    it('S-15: a proof that nobody has asked for, or that is refused, proves nothing', async () => {
      const app = await open({
        page: ({ url, headers }) =>
          url === '/members'
            ? { status: 401, fields: { 'WWW-Authenticate': 'Negotiate' } }
            : { body: `seen ${headers['x-a']}` },
      })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onTestFinished(() => agent.destroy())
      for (const path of ['/', '/members']) {
        await seen(agent, app.port, path, { Authorization: 'Negotiate x' })
        app.forget()
        for (let i = 0; i < 3; i++) await seen(agent, app.port, '/page')
        expect([path, app.refusals, app.seen('bypass')]).toEqual([path, [], []])
      }
    })

    it('S-15: other schemes prove nothing for the requests that follow', async () => {
      const app = await open({ page: () => ({ body: 'x' }) })
      await app.get('/')
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      onTestFinished(() => agent.destroy())
      await seen(agent, app.port, '/', { Authorization: 'Bearer A' })
      await seen(agent, app.port, '/')
      expect(app.runs).toBe(2)
    })
  })
}

function seen(
  agent: Agent,
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = ask({ host: '127.0.0.1', port, path, headers, agent })
    client.on('error', reject).on('response', (response) => {
      let body = ''
      response.on('data', (chunk) => (body += String(chunk)))
      response.on('end', () => setImmediate(() => resolve(body)))
    })
    client.end()
  })
}
