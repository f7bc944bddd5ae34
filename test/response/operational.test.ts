import { describe, expect, it } from 'vitest'
import { isOperational } from '../../src/http/operational.ts'
import { application, expressApplication, hosts } from '../support/application.ts'

it.each([
  '/health',
  '/healthz',
  '/livez',
  '/readyz',
  '/metrics',
  '/ping',
  '/status',
  '/api/v1/health',
  '/actuator/health/liveness',
  '/__heartbeat__',
  '/-/healthy',
])('%s is a check', (path) => {
  expect(isOperational(path, [])).toBe(true)
})

it.each(['/', '/posts/status', '/blog/ping', '/healthy-food', '/live', '/shipping'])(
  '%s is a page',
  (path) => {
    expect(isOperational(path, [])).toBe(false)
  },
)

describe.each(hosts)('%s', (host) => {
  it('stores no health check and no metrics by the lifetime of the whole cache', async () => {
    const app = await application(
      ({ request }) =>
        request.url === '/numbers'
          ? { fields: { 'Content-Type': 'text/plain; version=0.0.4' }, body: 'up 1' }
          : { body: 'ok' },
      {},
      host,
    )
    for (const path of ['/healthz', '/numbers']) for (let i = 0; i < 3; i++) await app.get(path)
    expect(app.runs).toBeGreaterThanOrEqual(6)
    expect(new Set(app.refusals).has('operational')).toBe(true)
  })

  it('stores one that says itself how long it is fresh', async () => {
    const fields = { 'Cache-Control': 'max-age=60' }
    const app = await application(() => ({ fields, body: 'ok' }), {}, host)
    for (let i = 0; i < 4; i++) await app.get('/healthz')
    expect(app.runs).toBeLessThan(4)
  })
})

it('a route that names a lifetime stores its check, and a doubtful path is told of once', async () => {
  const app = await expressApplication((express, cache) => {
    express.use(cache)
    express.get('/status', cache.route({ maxAge: '5s' }), (_, response) => void response.send('x'))
    express.get('/push/:token', (_, response) => void response.send('x'))
  })
  for (let i = 0; i < 2; i++) await app.get('/status')
  expect(app.seen('hit').length).toBe(1)
  for (const token of ['a', 'b']) await app.get(`/push/${token}`)
  const told = app.seen('warning')
  expect(told.map(({ reason, route }) => [reason, route])).toEqual([
    ['operational', '/push/:token'],
  ])
  expect(told[0]?.message).toContain('cache.route(false)')
})
