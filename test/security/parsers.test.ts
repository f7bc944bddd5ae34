import { performance } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import { application, hosts } from '../support/application.ts'
import { hostileValues } from '../support/string-work.ts'

/** Request fields that the cache or the framework parses. */
const requestFields = [
  'Cache-Control',
  'Pragma',
  'If-None-Match',
  'If-Modified-Since',
  'If-Range',
  'Range',
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Cookie',
  'User-Agent',
  'X-Forwarded-For',
]

describe.each(hosts)('behind %s', (host) => {
  it('S-30: no request field costs more than a moment, on a miss or on a hit', async () => {
    const app = await application(
      ({ request }) => ({
        fields: { Vary: 'Accept, Accept-Encoding, Accept-Language, User-Agent' },
        body: (request.headers['accept'] ?? '').slice(0, 1),
      }),
      { requestDirectives: true, vary: ['cookie:a'] },
      host,
    )
    await app.get('/')
    let slowest = 0
    for (const field of requestFields) {
      for (const make of Object.values(hostileValues)) {
        const value = make(4_000).slice(0, 14_000)
        for (let i = 0; i < 2; i++) {
          const start = performance.now()
          await app.get('/', { [field]: value }).catch(() => undefined)
          slowest = Math.max(slowest, performance.now() - start)
        }
      }
    }
    expect(app.seen('error')).toEqual([])
    // Connection and machine included; what is not linear takes seconds here.
    expect(slowest).toBeLessThan(1_000)
  })

  it('S-30: no response field costs more than a moment', async () => {
    const fields = [
      'Cache-Control',
      'Expires',
      'Age',
      'Vary',
      'ETag',
      'Cache-Status',
      'Cacheflow-Cache-Control',
      'Cache-Groups',
    ]
    const values = Object.values(hostileValues).map((make) => make(12_000).slice(0, 50_000))
    const app = await application(
      ({ request }) => {
        const [, field = '', value = ''] = request.url?.split('/') ?? []
        return { fields: { [field]: values[Number(value)] ?? '' } }
      },
      {},
      host,
    )
    let slowest = 0
    for (const field of fields) {
      for (const index of values.keys()) {
        const start = performance.now()
        // A head this long is more than the client takes: what counts is the server.
        await app.get(`/${field}/${index}`).catch(() => undefined)
        slowest = Math.max(slowest, performance.now() - start)
      }
    }
    expect(slowest).toBeLessThan(1_000)
  })

  it('S-31: fields as numbers, lists and several lines are taken for what they say', async () => {
    const made: Record<string, Record<string, string | readonly string[]>> = {
      '/list': { 'Cache-Control': ['max-age=60', 'private'] },
      '/number': { 'Cache-Control': [60 as unknown as string] },
      '/expires': { Expires: ['0', '0'] },
      '/age': { Age: [-1 as unknown as string] },
      '/bytes': { 'Cache-Control': 'max-age=60, \u00e9', 'X-Name': 'caf\u00e9' },
      '/vary': { Vary: ['X-A', 'X-B', '', ','] },
      '/empty': { 'Cache-Control': '', Vary: '', ETag: '', 'Last-Modified': '' },
      '/tag': { ETag: ['"a"', '"b"'] },
      '/none': { ETag: 'not a tag', 'Last-Modified': 'no date', Expires: 'never' },
    }
    const app = await application(
      ({ request }) => ({ fields: made[request.url ?? ''] ?? {} }),
      {},
      host,
    )
    for (const path of Object.keys(made)) {
      for (let i = 0; i < 3; i++) expect([path, (await app.get(path)).status]).toEqual([path, 200])
    }
    expect(app.seen('error')).toEqual([])
    const stored = app.seen('store').map(({ key }) => new URL(key).pathname)
    expect(stored).not.toContain('/list')
    expect(stored).not.toContain('/expires')
  })
})
