import { describe, expect, it } from 'vitest'
import { pageStages } from '../support/stages.ts'

// As koa-static sends files where nothing in the application answers conditions.
const file = {
  fields: {
    'Content-Type': 'text/css',
    'Cache-Control': 'max-age=0',
    'Last-Modified': 'Tue, 01 Dec 2026 00:00:00 GMT',
  },
  body: 'a {}',
}

describe.each(pageStages)('$name', ({ open }) => {
  it('does not store again and again what must be confirmed and never is, and tells it once', async () => {
    const app = await open({ page: () => file, options: { debug: true } })
    const before = app.seen('store').length
    for (let time = 0; time < 5; time++) expect((await app.get('/a.css')).body).toBe(file.body)
    expect(app.seen('store').length - before).toBe(1)
    expect(app.seen('uncacheable').at(-1)).toMatchObject({ reason: 'no-validator' })
    expect(app.seen('warning')).toMatchObject([{ reason: 'no-validator' }])
  })

  it('goes on to confirm for an application that answers conditions', async () => {
    const app = await open({
      page: ({ headers }) =>
        headers['if-modified-since'] === file.fields['Last-Modified']
          ? { status: 304, body: null }
          : file,
    })
    await app.get('/a.css')
    for (let time = 0; time < 3; time++) {
      const { body, headers } = await app.get('/a.css')
      expect([body, headers['cache-status']]).toEqual([
        file.body,
        expect.stringContaining('fwd-status=304'),
      ])
    }
  })
})
