import { runInThisContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { pageStages } from '../support/stages.ts'

const fields = [
  'traceparent',
  'tracestate',
  'baggage',
  'x-amzn-trace-id',
  'x-cloud-trace-context',
  'cache-control',
  'pragma',
  'te',
  'keep-alive',
  'if-range',
  'range',
  'connection',
] as const

/** A function of a package, as far as a stack can tell. */
function fromPackage(path: string): (request: IncomingMessage, name: string) => unknown {
  return runInThisContext('(request, name) => request.headers[name]', {
    filename: `/app/node_modules/${path}`,
  }) as never
}
const traced = fromPackage('@opentelemetry/core/build/src/trace/propagator.js')

/** A value that a client may send in each of these fields. */
function valueOf(name: string, who: string): string {
  if (name === 'connection') return `close, ${who}`
  if (name === 'range') return `items=${who}`
  return who
}

for (const { name: stage, open } of pageStages) {
  describe(stage, () => {
    it('S-12: what an application makes from a field of framing or traces is for those who send it', async () => {
      const app = await open({
        page: ({ headers, url }) => {
          const value = String(headers[url?.slice(1) ?? ''])
          // Chosen by it, and its value stands nowhere.
          return { body: value.includes('tenant-b') ? 'goods of B' : 'goods of A' }
        },
      })
      for (const name of fields) {
        for (const who of ['tenant-a', 'tenant-b', 'tenant-a', 'tenant-b']) {
          const { body } = await app.get(`/${name}`, { [name]: valueOf(name, who) })
          expect([name, body]).toEqual([name, who === 'tenant-b' ? 'goods of B' : 'goods of A'])
        }
      }
    })

    it('tracing libraries read what they go on with, and the page is for everybody', async () => {
      const app = await open({
        page: (request) => {
          for (const name of fields.slice(0, 5)) traced(request, name)
          return { body: 'goods' }
        },
      })
      for (const trace of ['00-aaaaaaaa', '00-bbbbbbbb']) {
        await app.get('/', Object.fromEntries(fields.slice(0, 5).map((name) => [name, trace])))
      }
      expect(app.runs).toBe(1)
    })

    it('S-12: unless it shows what they read, in its body, coded or not, or in a field', async () => {
      const app = await open({
        page: (request) => {
          const trace = String(traced(request, 'traceparent'))
          if (request.url === '/field') return { fields: { 'X-Trace': trace }, body: 'x' }
          const body = `<meta content="${trace.replaceAll('-', '&#45;')}">`
          return request.url === '/coded'
            ? { fields: { 'Content-Encoding': 'gzip' }, body: gzipSync(body) }
            : { body }
        },
      })
      for (const path of ['/field', '/body', '/coded']) {
        for (const trace of ['00-aaaaaaaa-01', '00-bbbbbbbb-01']) {
          await app.get(path, { traceparent: trace })
        }
      }
      expect([app.runs, new Set(app.refusals)]).toEqual([6, new Set(['request-shown'])])
    })

    it('S-12: a page that shows the User-Agent is for nobody else of its class', async () => {
      const app = await open({
        page: ({ headers, url }) => ({
          body:
            url === '/shown' ? `You use ${headers['user-agent']}` : typeof headers['user-agent'],
        }),
      })
      for (const path of ['/shown', '/read']) {
        for (const version of ['118.0', '119.0', '120.0']) {
          const agent = `Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/${version}`
          const { body } = await app.get(path, { 'User-Agent': agent })
          if (path === '/shown') expect(body).toBe(`You use ${agent}`)
        }
      }
      expect(app.runs).toBe(4)
    })

    it('S-12: what observe.ignore leaves out of the key is not shown to others', async () => {
      const app = await open({
        options: { observe: { ignore: ['x-request-id'] } },
        page: ({ headers, url }) => ({ body: url === '/id' ? `${headers['x-request-id']}` : 'x' }),
      })
      for (const path of ['/id', '/']) {
        for (const id of ['11112222', '33334444']) await app.get(path, { 'X-Request-Id': id })
      }
      expect(app.runs).toBe(3)
    })
  })
}
