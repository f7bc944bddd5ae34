import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  type Application,
  type Options,
  application,
  expressApplication,
} from '../support/application.ts'

const text = 'The kettle sings. '.repeat(200)

async function library(options: Options): Promise<Application> {
  return expressApplication((express, cache) => {
    express.use(cache)
    express.get('/page', (_request, response) => {
      response.type('html').send(text)
    })
    express.get('/as-it-is', (_request, response) => {
      response.set('Cache-Control', 'max-age=60, no-transform').type('html').send(text)
    })
    express.get('/short', (_request, response) => {
      response.type('html').send('short')
    })
  }, options)
}

/** A hit for whoever accepts a coding, once it has been made. */
async function coded(
  app: Application,
  path: string,
  accepted: string,
): Promise<Awaited<ReturnType<Application['get']>>> {
  await app.get(path)
  await expect
    .poll(
      async () =>
        (await app.get(path, { 'accept-encoding': accepted })).headers['content-encoding'],
    )
    .toBeDefined()
  return app.get(path, { 'accept-encoding': accepted })
}

describe('compress', () => {
  it.each(['br', 'gzip'] as const)(
    'a hit is sent in %s to those who accept it, made once',
    async (coding) => {
      const app = await library({ compress: coding })
      const { headers, bytes } = await coded(app, '/page', `deflate, ${coding}`)
      expect(headers['content-encoding']).toBe(coding)
      expect(headers['content-length']).toBe(String(bytes.length))
      expect(headers['vary']).toContain('Accept-Encoding')
      const whole = coding === 'br' ? brotliDecompressSync(bytes) : gunzipSync(bytes)
      expect(whole.toString()).toBe(text)
    },
  )

  it('to others a hit is sent as the application made it, and says that it varies', async () => {
    const app = await library({ compress: 'br' })
    await coded(app, '/page', 'br')
    for (const accepted of ['gzip', 'identity', 'br;q=0']) {
      const { headers, body } = await app.get('/page', { 'accept-encoding': accepted })
      expect([headers['content-encoding'], body]).toEqual([undefined, text])
      expect(headers['vary']).toContain('Accept-Encoding')
    }
  })

  it('the compressed representation has a tag of its own, which confirms it and nothing else', async () => {
    const app = await library({ compress: 'br' })
    const { headers } = await coded(app, '/page', 'br')
    const plain = (await app.get('/page')).headers['etag'] ?? ''
    const tag = headers['etag'] ?? ''
    if (plain.startsWith('"')) expect(tag).not.toBe(plain)
    const again = { 'accept-encoding': 'br', 'if-none-match': tag }
    expect((await app.get('/page', again)).status).toBe(304)
    expect(
      (await app.get('/page', { 'if-none-match': '"other"', 'accept-encoding': 'br' })).status,
    ).toBe(200)
  })

  it('a range is one of the body as it is', async () => {
    const app = await library({ compress: 'br' })
    await coded(app, '/page', 'br')
    const { status, headers, body } = await app.get('/page', {
      'accept-encoding': 'br',
      range: 'bytes=0-9',
    })
    expect([status, headers['content-encoding'], body]).toEqual([206, undefined, text.slice(0, 10)])
  })

  it('no-transform and short bodies stay as they are', async () => {
    const app = await library({ compress: 'br' })
    await coded(app, '/page', 'br')
    for (const path of ['/as-it-is', '/short']) {
      await app.get(path)
      await coded(app, '/page?after', 'br')
      const { headers } = await app.get(path, { 'accept-encoding': 'br' })
      expect(headers['content-encoding']).toBeUndefined()
    }
  })

  it('HEAD says the same as GET', async () => {
    const app = await library({ compress: 'gzip' })
    const { headers } = await coded(app, '/page', 'gzip')
    const head = await app.head('/page', { 'accept-encoding': 'gzip' })
    expect(head.headers['content-encoding']).toBe('gzip')
    expect(head.headers['content-length']).toBe(headers['content-length'])
  })

  it('in Koa, too', async () => {
    const page = { fields: { 'content-type': 'text/html' }, body: text }
    const app = await application(() => page, { compress: 'br' }, 'koa')
    const { bytes } = await coded(app, '/page', 'br')
    expect(brotliDecompressSync(bytes).toString()).toBe(text)
  })
})
