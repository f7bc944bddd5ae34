import { describe, expect, it } from 'vitest'
import { createCacheflow } from 'cacheflow'
import { Site, type SiteRoute } from './site.ts'

function route(handler: SiteRoute['handler']): SiteRoute {
  return { pattern: '/p/:id', options: {}, handler }
}

describe('a warmer of its own', () => {
  it('stores nothing that was read before an invalidation and made behind it', async () => {
    const cache = createCacheflow()
    let row = 'old'
    cache.warmer('row', async (own) => {
      const read = row
      row = 'new'
      await cache.invalidate({ tag: 'row' })
      await own.fragment('row', { tags: ['row'] }, () => read)
    })
    await cache.warm()
    expect(await cache.fragment('row', { tags: ['row'] }, () => row)).toBe('new')
    await cache.close()
  })

  it('makes fragments, adds pages, and fails alone', async () => {
    const site = await Site.start('Express 5', [route(() => 'made')])
    const { cache } = site
    cache.warmer('menu', (own) => own.fragment('menu', { maxAge: '1h' }, () => '<nav>'))
    cache.warmer('list', (_own, { pages }) => pages(() => Promise.resolve(['/p/1', '/p/2'])))
    cache.warmer('broken', () => Promise.reject(new Error('on purpose')))
    const report = await cache.warm(site.app)
    expect(report).toMatchObject({
      warmed: 4,
      failed: [{ url: 'broken', status: undefined, reason: 'on purpose' }],
    })
    expect(cache.stats()).toMatchObject({ fragmentMisses: 1 })
    await cache.fragment('menu', { maxAge: '1h' }, () => '<nav>')
    expect(cache.stats()).toMatchObject({ fragmentHits: 1 })
  })

  it('runs without an application, too, in workers and scripts', async () => {
    const cache = createCacheflow()
    cache.warmer('menu', (own) => own.fragment('menu', () => '<nav>'))
    expect(await cache.warm()).toMatchObject({ warmed: 1, failed: [] })
    await cache.close()
  })

  it("is nobody's request, also where a request has called for it", async () => {
    const site = await Site.start('Express 5', [
      route(async ({ path }) => {
        await site.cache.warm()
        return path
      }),
    ])
    site.cache.warmer('menu', (own) => own.fragment('menu', { tags: ['menu'] }, () => '<nav>'))
    await site.visit('/p/1')
    await site.cache.invalidate({ tag: 'menu' })
    expect((await site.visit('/p/1')).cacheStatus).toContain('hit')
  })
})
