import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { expressStages, koaStages, pageStages } from '../support/stages.ts'

const html = { 'Content-Type': 'text/html' }
const token = '<form><input name="_csrf" value="aB3kd93kdQ"></form>'

/** Pages that are refused for what is in them, and the reason. */
const refused = {
  '/token': { reason: 'csrf-token', made: { fields: html, body: token } },
  '/nonce': {
    reason: 'csp-nonce',
    made: {
      fields: { ...html, 'Content-Security-Policy': "script-src 'nonce-abc'" },
      body: '<script nonce="abc"></script>',
    },
  },
  '/large': { reason: 'too-large', made: { fields: html, body: 'x'.repeat(3_000) } },
} as const

type Path = keyof typeof refused

describe.each(pageStages)('$name', ({ open }) => {
  it('tells with the head what keeps a whole body from being stored, on the first request and later', async () => {
    const app = await open({
      page: ({ url = '' }) => (url in refused ? refused[url as Path].made : { body: 'page' }),
      options: { debug: true, memory: { maxEntrySize: 2_000 } },
    })
    for (const [path, { reason }] of Object.entries(refused)) {
      for (const miss of ['uri-miss', 'hit-for-miss']) {
        const { headers } = await app.get(path)
        const { 'cache-status': status, 'cacheflow-debug': why } = headers
        expect([path, status, `${String(why)} `]).toEqual([
          path,
          'cacheflow; fwd=uri-miss',
          expect.stringContaining(`miss: ${miss}; not stored: ${reason} `),
        ])
      }
    }
    const { headers } = await app.get('/page')
    expect(headers['cache-status']).toBe('cacheflow; fwd=uri-miss; stored')
  })
})

const streamed = [
  ...expressStages.map(({ name, open }) => ({
    name,
    start: () =>
      open({
        options: { debug: true },
        handler: (_request, response) => {
          response.setHeader('Content-Type', 'text/html')
          response.write('<p>')
          response.end(token)
        },
      }),
  })),
  ...koaStages.map(({ name, open }) => ({
    name,
    start: () =>
      open({
        options: { debug: true },
        handler: (ctx) => {
          ctx.type = 'html'
          ctx.body = Readable.from([Buffer.from('<p>'), Buffer.from(token)])
        },
      }),
  })),
]

describe.each(streamed)('$name, in pieces', ({ start }) => {
  it('promises no storing of a stream that lately could not be stored, and says why', async () => {
    const app = await start()
    await app.get('/')
    const { headers } = await app.get('/')
    expect([headers['cache-status'], headers['cacheflow-debug']]).toEqual([
      'cacheflow; fwd=uri-miss',
      'miss: hit-for-miss; lately not stored: csrf-token',
    ])
  })
})
