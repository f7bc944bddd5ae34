import { cacheflow } from 'cacheflow/express'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { Application } from '../support/application.ts'

/** Shows one visitor's address, in a cache that leaves such headers out of its keys. */
async function site(header: string, shown: (req: express.Request) => string): Promise<Application> {
  return Application.start((made) => {
    const ignore = ['x-forwarded-for', header]
    const cache = cacheflow({ clock: () => made.now, observe: { ignore } })
    const app = express().set('trust proxy', true).use(cache)
    app.get('/', (req, res) => void res.send(`you are ${shown(req)}`))
    app.get('/plain', (req, res) => void res.send(`plain ${shown(req).slice(0, 0)}`))
    return { cache, listener: app }
  })
}

const ipOf = (req: express.Request): string => String(req.ip)

describe('a page that shows an address which the key leaves out', () => {
  it.each([
    ['10.0.0.1', '10.0.0.2'],
    ['8.8.8.8', '1.1.1.1'],
    ['81.2.69.1', '81.2.69.2'],
    ['::5', '::6'],
    ['203.0.113.101', '203.0.113.102'],
  ])('is not stored for another visitor: %s', async (first, second) => {
    const app = await site('forwarded', ipOf)
    await app.get('/', { 'x-forwarded-for': first })
    const { body } = await app.get('/', { 'x-forwarded-for': second })
    expect(body).toBe(`you are ${second}`)
    expect(app.refusals).toEqual(['request-shown', 'request-shown'])
  })

  it('is not stored where it shows the address without its IPv6 prefix', async () => {
    const app = await site('forwarded', (req) => ipOf(req).replace('::ffff:', ''))
    await app.get('/', { 'x-forwarded-for': '::ffff:10.0.0.1' })
    expect((await app.get('/', { 'x-forwarded-for': '::ffff:10.0.0.2' })).body).toBe(
      'you are 10.0.0.2',
    )
  })

  it.each([
    ['forwarded', 'for=10.0.0.1;proto=https', 'for=10.0.0.2;proto=https'],
    ['x-real-ip', '10.0.0.1', '10.0.0.2'],
    ['x-client', '10.0.0.1:4711', '10.0.0.2:4711'],
  ])('is not stored where %s tells the address', async (header, first, second) => {
    const shown = (req: express.Request): string =>
      /[\d.]{7,}/.exec(String(req.get(header)))?.[0] ?? ''
    const app = await site(header, shown)
    await app.get('/', { [header]: first })
    expect((await app.get('/', { [header]: second })).body).toBe('you are 10.0.0.2')
  })

  it('is stored where it only read the address', async () => {
    const app = await site('forwarded', ipOf)
    await app.get('/plain', { 'x-forwarded-for': '10.0.0.1' })
    await app.get('/plain', { 'x-forwarded-for': '10.0.0.2' })
    expect(app.seen('hit')).toHaveLength(1)
  })
})
