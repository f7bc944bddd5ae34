import { expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { onGround } from './ground.ts'
import type { Shelf } from './shelf.ts'
import { site, visit } from './site.ts'

let server: RedisServer
let shelf: Shelf
onGround((ground) => {
  ;({ server, shelf } = ground)
})

let status = 200

/** A page of which all instances say the same. */
function pageSite(): Promise<Application> {
  return site(
    server.port,
    (app, cache, self) => {
      app.use(cache)
      app.get('/page', (request, response) => {
        self.runs++
        response.status(status).send(`page for ${request.get('Accept-Language')}`)
      })
    },
    { staleWhileRevalidate: '1h', staleIfError: '1h' },
  )
}

it('M-56: a page that one instance is told to take down goes in Redis and in every other', async () => {
  status = 200
  const [a, b] = await Promise.all([pageSite(), pageSite()])
  const german = { 'Accept-Language': 'de' }
  await visit(a, '/page', german)
  await until('the page rests in Redis', async () => (await shelf.keys('v:')).length === 2)
  expect((await visit(b, '/page', german)).status).toBe(200)
  expect([a.runs, b.runs]).toEqual([1, 0])

  status = 451
  for (const each of [a, b]) each.advance(61)
  expect((await visit(a, '/page', german)).status).toBe(200)
  await a.happened('refresh')
  await until('the page has left Redis', async () =>
    (await shelf.keys('v:')).every((key) => !key.includes('de')),
  )
  await b.happened('invalidate')

  status = 500
  for (const each of [a, b]) expect((await visit(each, '/page', german)).status).toBe(500)
  // An instance that starts now finds nothing of it in Redis either.
  const c = await pageSite()
  c.advance(61)
  expect((await visit(c, '/page', german)).status).toBe(500)
})
