import { describe, expect, it } from 'vitest'
import { application } from '../support/application.ts'

const honoured = { requestDirectives: true } as const
const minute = { 'Cache-Control': 'max-age=60' }

describe('request directives', () => {
  it('M-26: no visitor can defeat the cache: what requests say of it is ignored by default', async () => {
    const app = await application(() => ({ fields: minute }))
    await app.get('/')
    app.advance(30)
    for (const headers of [
      { 'Cache-Control': 'no-cache' },
      { 'Cache-Control': 'max-age=0' },
      { 'Cache-Control': 'min-fresh=50' },
      { 'Cache-Control': 'only-if-cached' },
      { Pragma: 'no-cache' },
    ]) {
      expect((await app.get('/', headers)).body).toBe('made 1')
    }
    expect((await app.get('/never', { 'Cache-Control': 'only-if-cached' })).status).toBe(200)
    app.advance(31)
    expect((await app.get('/', { 'Cache-Control': 'max-stale' })).body).toBe('made 3')
  })

  it.each([
    ['Cache-Control', 'no-cache'],
    ['Cache-Control', 'max-age=0'],
    ['Cache-Control', 'max-age=29'],
    ['Cache-Control', 'max-age=x'],
    ['Pragma', 'no-cache'],
  ])(
    'M-26: with `requestDirectives`, "%s: %s" has a fresh response made anew',
    async (name, value) => {
      const app = await application(() => ({ fields: minute }), honoured)
      await app.get('/')
      app.advance(30)
      const anew = await app.get('/', { [name]: value })
      expect([anew.body, anew.headers['cache-status']]).toEqual([
        'made 2',
        'cacheflow; fwd=request; stored',
      ])
      // For the others, too.
      expect((await app.get('/')).body).toBe('made 2')
    },
  )

  it('M-26: with it, what asks for less than is there is answered from the store', async () => {
    const app = await application(() => ({ fields: minute }), honoured)
    await app.get('/')
    app.advance(30)
    for (const value of ['max-age=30', 'max-age=3600', 'min-fresh=30', 'max-stale=10', 'x=1', '']) {
      expect((await app.get('/', { 'Cache-Control': value })).body).toBe('made 1')
    }
    // Pragma counts only where there is no Cache-Control.
    expect((await app.get('/', { 'Cache-Control': 'x=1', Pragma: 'no-cache' })).body).toBe('made 1')
  })

  it('M-26: honouring what requests say leaves those that say nothing as they were', async () => {
    const app = await application(() => ({ fields: minute }), {
      ...honoured,
      staleWhileRevalidate: '1m',
      staleIfError: '1m',
    })
    await app.get('/')
    app.advance(61)
    const stale = await app.get('/')
    expect([stale.body, stale.headers['cache-status']]).toEqual([
      'made 1',
      'cacheflow; hit; ttl=-1',
    ])
    await app.happened('refresh')
    expect((await app.get('/')).body).toBe('made 2')
  })

  it('M-26: who names a greatest age is not given anything stale without saying so', async () => {
    const app = await application(() => ({ fields: minute }), {
      ...honoured,
      staleWhileRevalidate: '1m',
    })
    await app.get('/')
    app.advance(61)
    expect((await app.get('/', { 'Cache-Control': 'max-age=3600' })).body).toBe('made 2')
    app.advance(61)
    expect((await app.get('/', { 'Cache-Control': 'min-fresh=1' })).body).toBe('made 3')
    app.advance(60)
    expect((await app.get('/', { 'Cache-Control': 'min-fresh=0' })).body).toBe('made 4')
    app.advance(61)
    expect((await app.get('/', { 'Cache-Control': 'max-age=3600, max-stale=10' })).body).toBe(
      'made 4',
    )
  })

  it('M-27: only-if-cached gets what is stored, and 504 when nothing is', async () => {
    const app = await application(() => ({ fields: minute }), honoured)
    const onlyIfCached = { 'Cache-Control': 'only-if-cached' }
    expect((await app.get('/', onlyIfCached)).status).toBe(504)
    expect(app.runs).toBe(0)
    await app.get('/')
    expect((await app.get('/', onlyIfCached)).body).toBe('made 1')
    app.advance(60)
    expect((await app.get('/', onlyIfCached)).status).toBe(504)
    expect(app.runs).toBe(1)
  })

  it('M-27: min-fresh wants a response that stays fresh so long', async () => {
    const app = await application(() => ({ fields: minute }), honoured)
    await app.get('/')
    app.advance(30)
    expect((await app.get('/', { 'Cache-Control': 'min-fresh=30' })).body).toBe('made 1')
    expect((await app.get('/', { 'Cache-Control': 'min-fresh=31' })).body).toBe('made 2')
  })

  it('M-27: max-stale takes a response that is stale by so much, unless that is forbidden', async () => {
    const app = await application(() => ({ fields: minute }), honoured)
    await app.get('/')
    app.advance(70)
    const stale = await app.get('/', { 'Cache-Control': 'max-stale=10' })
    expect([stale.body, stale.headers['cache-status']]).toEqual([
      'made 1',
      'cacheflow; hit; ttl=-10',
    ])
    expect((await app.get('/', { 'Cache-Control': 'max-stale' })).body).toBe('made 1')
    expect((await app.get('/', { 'Cache-Control': 'max-stale=9' })).body).toBe('made 2')

    for (const strict of ['must-revalidate', 'proxy-revalidate', 's-maxage=60']) {
      const forbidden = await application(
        () => ({ fields: { 'Cache-Control': `max-age=60, ${strict}` } }),
        honoured,
      )
      await forbidden.get('/')
      forbidden.advance(61)
      expect((await forbidden.get('/', { 'Cache-Control': 'max-stale' })).body).toBe('made 2')
    }
  })
})
