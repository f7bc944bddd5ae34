import { describe, expect, it } from 'vitest'
import { pageStages } from '../support/stages.ts'

describe.each(pageStages)('$name', ({ open }) => {
  it('a cache with enabled: false does nothing', async () => {
    const app = await open({
      page: () => ({ fields: { 'Cache-Control': 'max-age=60' }, body: 'page' }),
      options: { enabled: false },
    })
    for (let i = 0; i < 3; i++) {
      const { body, headers } = await app.get('/')
      expect([body, headers['cache-status'], headers['age']]).toEqual([
        'page',
        undefined,
        undefined,
      ])
    }
    expect(app.runs).toBe(3)
    expect(app.cache.stats().entries).toBe(0)
  })
})
