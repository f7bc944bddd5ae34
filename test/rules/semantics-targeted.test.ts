import { fastly } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { type Made, application, expressApplication, hosts } from '../support/application.ts'
import { latch } from '../support/latch.ts'

/** Seconds for which a page with these fields is stored; undefined when it is not. */
async function storedFor(
  fields: Made['fields'],
  options: object = { maxAge: 'http' },
): Promise<number | undefined> {
  const app = await application(() => ({ fields: fields ?? {} }), options)
  await app.get('/')
  return app.seen('store')[0]?.ttl
}

describe('targeted control', () => {
  const targets = ['Shop-Cache-Control', 'CDN-Cache-Control']

  it('M-43: the first field of the list that is there decides, and takes the place of the others wholly', async () => {
    const options = { maxAge: 'http', targetedFields: targets }
    const all = {
      'CDN-Cache-Control': 'max-age=20',
      'Shop-Cache-Control': 'max-age=30',
      'Cache-Control': 'max-age=10',
    }
    expect(await storedFor(all, options)).toBe(30)
    expect(await storedFor({ ...all, 'Shop-Cache-Control': 'no-store' }, options)).toBeUndefined()
    expect(
      await storedFor({ 'CDN-Cache-Control': 'max-age=20', 'Cache-Control': 'no-store' }, options),
    ).toBe(20)
    expect(
      await storedFor({ 'CDN-Cache-Control': 'max-age=20', 'Cache-Control': 'private' }, options),
    ).toBe(20)
    // s-maxage and Expires of the untargeted fields count no more.
    expect(await storedFor({ ...all, 'Cache-Control': 's-maxage=99' }, options)).toBe(30)
    const expires = new Date(Date.UTC(2026, 2, 4, 13)).toUTCString()
    expect(await storedFor({ 'CDN-Cache-Control': 'max-age=20', Expires: expires }, options)).toBe(
      20,
    )
    expect(await storedFor({ Expires: expires }, options)).toBe(3600)
  })

  it('M-43: a field that is no Dictionary, or empty, is passed over', async () => {
    const options = { maxAge: 'http', targetedFields: targets }
    const behind = { 'CDN-Cache-Control': 'max-age=20' }
    for (const invalid of ['', 'max-age=', 'max-age=60, &&', 'Max-Age=60', 'a=(', ',']) {
      expect([
        invalid,
        await storedFor({ 'Shop-Cache-Control': invalid, ...behind }, options),
      ]).toEqual([invalid, 20])
    }
  })

  it('M-43: a directive of the wrong type is never read as longer', async () => {
    const options = { maxAge: 'http', targetedFields: targets }
    for (const wrong of [
      'max-age=60.0',
      'max-age="60"',
      'max-age',
      'max-age=-60',
      'max-age=?0, s-maxage=x',
    ]) {
      const field = { 'CDN-Cache-Control': wrong, 'Cache-Control': 'max-age=10' }
      expect([wrong, await storedFor(field, options)]).toEqual([wrong, undefined])
    }
  })

  it('M-43: members and parameters that nobody knows are passed over', async () => {
    const options = { maxAge: 'http', targetedFields: targets }
    const known = { 'CDN-Cache-Control': 'x=1, max-age=20;y=2, ("a" "b")=z, z=("a" "b")' }
    expect(
      await storedFor({ 'CDN-Cache-Control': 'x=1, max-age=20;y=2, z=("a" "b")' }, options),
    ).toBe(20)
    expect(await storedFor(known, options)).toBeUndefined()
    // Only unknown ones: it says nothing of storing, and leaves that to Cache-Control.
    expect(
      await storedFor({ 'CDN-Cache-Control': 'x=1', 'Cache-Control': 'max-age=9' }, options),
    ).toBe(9)
  })

  it('M-43, M-44: a field that says nothing of storing grants nothing', async () => {
    const control = { 'Cache-Control': 'private, no-store' }
    for (const word of [
      'content="ESI/1.0"',
      'public',
      'none',
      'max-age=0',
      'x=1',
      'must-understand',
    ]) {
      for (const name of ['Surrogate-Control', 'Cacheflow-Cache-Control']) {
        expect([name, word, await storedFor({ [name]: word, ...control }, {})]).toEqual([
          name,
          word,
          undefined,
        ])
      }
    }
  })

  it('S-31: what restricts counts in each field however it is misspelled', async () => {
    const names = ['Cache-Control', 'Surrogate-Control', 'Cacheflow-Cache-Control']
    for (const value of [
      'no-cache; no-store',
      'private; max-age=60',
      '"no-store"',
      'private no-store',
    ]) {
      for (const name of names) {
        expect([name, value, await storedFor({ [name]: value }, {})]).toEqual([
          name,
          value,
          undefined,
        ])
        const lines = { [name]: ['max-age=60', value] }
        expect([name, value, await storedFor(lines, {})]).toEqual([name, value, undefined])
      }
    }
    expect(await storedFor({ Pragma: 'no-cache' }, {})).toBeUndefined()
    expect(await storedFor({ Pragma: 'no-cache', 'Cache-Control': 'max-age=9' }, {})).toBe(9)
    expect(await storedFor({ Expires: 'in a minute' }, {})).toBeUndefined()
    expect(await storedFor({ 'Cache-Control': 'public; max-age=5' }, {})).toBe(5)
  })

  it('M-43: by default it is our own field that counts, and those of others are left to them', async () => {
    expect(
      await storedFor({ 'Cacheflow-Cache-Control': 'max-age=30', 'Cache-Control': 'no-store' }),
    ).toBe(30)
    expect(
      await storedFor({ 'CDN-Cache-Control': 'max-age=30', 'Cache-Control': 'max-age=10' }),
    ).toBe(10)
    const app = await application(() => ({ fields: { 'CDN-Cache-Control': 'max-age=30' } }))
    await app.get('/')
    expect((await app.get('/')).headers['cdn-cache-control']).toBe('max-age=30')
  })

  it.each(hosts)(
    'M-43: our own field is hidden from clients behind %s, stored or not',
    async (host) => {
      const app = await application(
        ({ request }) => ({
          fields: {
            'Cacheflow-Cache-Control': request.url === '/private' ? 'private' : 'max-age=30',
            'Cache-Control': 'max-age=5',
            ETag: '"1"',
          },
        }),
        {},
        host,
      )
      const answers = [
        await app.get('/'),
        await app.get('/'),
        await app.get('/', { 'If-None-Match': '"1"' }),
        await app.get('/other', { 'If-None-Match': '"1"' }),
        await app.get('/private'),
        await app.head('/never'),
        await app.ask('/', { method: 'POST' }),
      ]
      for (const { headers } of answers) {
        expect(headers['cacheflow-cache-control']).toBeUndefined()
        expect(headers['cache-control']).toBe('max-age=5')
      }
    },
  )

  it('M-44: Surrogate-Control is heard: max-age with its stale part, no-store, and who is meant', async () => {
    expect(
      await storedFor({ 'Surrogate-Control': 'max-age=30', 'Cache-Control': 'no-cache' }),
    ).toBe(30)
    expect(
      await storedFor({ 'Surrogate-Control': 'no-store', 'Cache-Control': 'max-age=9' }),
    ).toBeUndefined()
    expect(
      await storedFor({ 'Surrogate-Control': 'max-age=30;squid', 'Cache-Control': 'max-age=9' }),
    ).toBe(9)
    expect(await storedFor({ 'Surrogate-Control': 'content="ESI/1.0", max-age=30' })).toBe(30)

    const app = await application(() => ({ fields: { 'Surrogate-Control': 'max-age=30+60' } }))
    await app.get('/')
    app.advance(31)
    expect((await app.get('/')).headers['cache-status']).toBe('cacheflow; hit; ttl=-1')
    await app.happened('refresh')
  })

  it('M-44: it is removed before the client, and left for a CDN where one stands before us', async () => {
    const fields = { 'Surrogate-Control': 'max-age=30' }
    const app = await application(() => ({ fields }))
    expect((await app.get('/')).headers['surrogate-control']).toBeUndefined()
    expect((await app.get('/')).headers['surrogate-control']).toBeUndefined()
    expect((await app.ask('/', { method: 'POST' })).headers['surrogate-control']).toBeUndefined()
    const behind = await application(() => ({ fields }), { surrogate: fastly() })
    expect((await behind.get('/')).headers['surrogate-control']).toBe('max-age=30')
    expect((await behind.get('/')).headers['surrogate-control']).toBe('max-age=30')
  })

  it.each(hosts)(
    'M-44: what it says to others reaches them behind %s, stored or not',
    async (host) => {
      const said = ['content="ESI/1.0"', 'max-age=30, content="ESI/1.0"', 'max-age=5;squid']
      const app = await application(
        ({ request }) => ({
          fields: { 'Surrogate-Control': said[Number(request.url?.slice(1))] ?? 'max-age=30' },
        }),
        {},
        host,
      )
      for (const [n, value] of said.entries()) {
        for (let i = 0; i < 2; i++) {
          expect((await app.get(`/${n}`)).headers['surrogate-control']).toBe(value)
        }
      }
      expect(app.runs).toBe(said.length)
      expect((await app.get('/9')).headers['surrogate-control']).toBeUndefined()
    },
  )

  it('M-45: the handler may revoke storing until its last byte', async () => {
    const held = latch()
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', (_request, response) => {
        response.set('Cache-Control', 'max-age=60').write('first, ')
        void held.opened.then(() => {
          response.locals.cacheflow.noStore('the second half was made for one visitor')
          response.end('second')
        })
      })
    })
    const answer = app.get('/')
    await app.arrived(1)
    held.open()
    expect((await answer).body).toBe('first, second')
    expect(app.seen('uncacheable')).toMatchObject([
      { reason: 'draft', detail: 'the second half was made for one visitor' },
    ])
    expect(app.cache.stats().entries).toBe(0)
  })
})
