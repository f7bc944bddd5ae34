import { describe, expect, it } from 'vitest'
import { type AuditEvent, cacheFragment, dependsOn } from 'cacheflow'
import { type Application, type Options, expressApplication } from '../support/application.ts'

interface Data {
  title: string
  price: number
  status: number
  /** What happens while the page is made. */
  during: () => Promise<void>
}

/** A page of two fragments whose data change without anybody telling the cache. */
async function forgetful(options: Options): Promise<{
  app: Application
  data: Data
  audits: AuditEvent[]
}> {
  const data: Data = { title: 'Tea', price: 3, status: 200, during: () => Promise.resolve() }
  const audits: AuditEvent[] = []
  const app = await expressApplication((express, cache) => {
    cache.on('audit', (event) => audits.push(event))
    express.use(cache)
    express.get('/tea', async (_request, response) => {
      dependsOn({ tag: 'tea' })
      const price = await cacheFragment('price', () => `${data.price} euro`)
      const page = `${data.title}: ${price}`
      await data.during()
      response.status(data.status).send(page)
    })
  }, options)
  return { app, data, audits }
}

describe('audit', () => {
  it('makes a share of the hits anew beside, and says that they are equal', async () => {
    const { app, audits } = await forgetful({ audit: { sample: 1 } })
    await app.get('/tea')
    await app.get('/tea')
    await expect.poll(() => audits.length).toBe(2)
    expect(audits.map(({ kind, difference }) => [kind, difference])).toEqual([
      ['fragment', undefined],
      ['response', undefined],
    ])
  })

  it('tells what would have been shown by now, and serves what is stored all the same', async () => {
    const { app, data, audits } = await forgetful({ audit: { sample: 1 } })
    await app.get('/tea')
    data.price = 4
    expect((await app.get('/tea')).body).toBe('Tea: 3 euro')
    await expect.poll(() => audits.length).toBe(2)
    expect(
      audits.map(({ key, difference, detail }) => [key.replace(/.*:\d+/, ''), difference, detail]),
    ).toEqual([
      ['fragment:price', 'body', 'at byte 0: "3 euro", now "4 euro"'],
      ['/tea', 'body', 'at byte 5: "Tea: 3 euro", now "Tea: 4 euro"'],
    ])
    expect(audits[1]?.dependencies).toContain('tag:tea')
  })

  it('sees another status', async () => {
    const { app, data, audits } = await forgetful({ audit: { sample: 1 } })
    await app.get('/tea')
    data.status = 404
    await app.get('/tea')
    await expect.poll(() => audits.at(-1)?.difference).toBe('status')
  })

  it('sees that it would not be stored any more', async () => {
    const { app, data, audits } = await forgetful({ audit: { sample: 1 } })
    await app.get('/tea')
    data.status = 500
    await app.get('/tea')
    await expect.poll(() => audits.at(-1)?.difference).toBe('uncacheable')
  })

  it('says nothing of what has fallen meanwhile: it may well differ', async () => {
    let fell = false
    const { app, data, audits } = await forgetful({ audit: { sample: 1 } })
    await app.get('/tea')
    data.title = 'Green tea'
    data.during = async () => {
      await app.cache.invalidate({ tag: 'tea' })
      fell = true
    }
    await app.get('/tea')
    await expect.poll(() => fell).toBe(true)
    // The next audit comes behind the one that had nothing to say.
    data.during = () => Promise.resolve()
    await app.get('/tea')
    await app.get('/tea')
    await expect.poll(() => audits.filter(({ kind }) => kind === 'response').length).toBe(1)
    expect(audits.filter(({ difference }) => difference !== undefined)).toEqual([])
  })

  it('with a sample of 0 makes nothing anew', async () => {
    const { app, audits } = await forgetful({ audit: { sample: 0 } })
    for (let i = 0; i < 20; i++) await app.get('/tea')
    expect(audits).toEqual([])
    expect(app.cache.stats().fragmentMisses).toBe(1)
  })
})

describe('verify', () => {
  it('serves what the application makes, and compares it with what would have been served', async () => {
    const { app, data, audits } = await forgetful({ verify: true })
    expect((await app.get('/tea')).body).toBe('Tea: 3 euro')
    expect((await app.get('/tea')).body).toBe('Tea: 3 euro')
    expect(audits.map(({ kind, difference }) => [kind, difference])).toEqual([
      ['fragment', undefined],
      ['response', undefined],
    ])
    data.price = 4
    expect((await app.get('/tea')).body).toBe('Tea: 4 euro')
    expect(audits.slice(2).map(({ kind, difference }) => [kind, difference])).toEqual([
      ['fragment', 'body'],
      ['response', 'body'],
    ])
  })

  it('compares with the newer one after a difference', async () => {
    const { app, data, audits } = await forgetful({ verify: true })
    await app.get('/tea')
    data.price = 4
    await app.get('/tea')
    audits.length = 0
    await app.get('/tea')
    await app.get('/tea')
    expect(audits.map(({ difference }) => difference)).toEqual([undefined, undefined, undefined])
  })
})
