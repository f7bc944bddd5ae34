import { describe, expect, it } from 'vitest'
import { application } from '../support/application.ts'

describe('a key whose variants are never used again', () => {
  it('is warned of once, by the input that selects them and by what to do', async () => {
    const app = await application(({ request: { headers } }) => ({
      body: headers['x-request-id'] === undefined ? 'page' : 'page for a request',
    }))
    for (let i = 0; i < 60; i++) await app.get('/', { 'X-Request-Id': `request-${i}` })
    expect(app.seen('warning')).toEqual([
      expect.objectContaining({
        reason: 'vary-any',
        message: expect.stringMatching(
          /is never a hit: 25 variants of one URL were stored.*x-request-id.*observe: \{ ignore/,
        ),
      }),
    ])
  })

  it('is not warned of where some of them are', async () => {
    const app = await application(({ request: { headers } }) => ({
      body: String(headers['accept-language']),
    }))
    for (let i = 0; i < 40; i++) {
      await app.get('/', { 'Accept-Language': 'de' })
      await app.get('/', { 'Accept-Language': `x-${i}` })
    }
    expect(app.seen('warning')).toEqual([])
  })
})
