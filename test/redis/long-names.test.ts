import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { onGround } from '../consistency/ground.ts'
import type { Shelf } from '../consistency/shelf.ts'
import { site, visit } from '../consistency/site.ts'

let server: RedisServer
let shelf: Shelf
onGround((ground) => {
  ;({ server, shelf } = ground)
})

const long = 'x'.repeat(15_000)
let text = ''

function start(): Promise<Application> {
  text = 'old'
  return site(server.port, (app, cache) => {
    app.use(cache)
    app.get('/things/:id', (_request, response) => void response.send(text))
    app.post('/things/:id', (_request, response) => void response.sendStatus(204))
  })
}

/** What all keys of the namespace take, their names included. */
async function bytes(): Promise<number> {
  let sum = 0
  for (const key of await shelf.keys()) {
    sum += Number(await server.command('MEMORY', 'USAGE', shelf.key(key), 'SAMPLES', '0'))
  }
  return sum
}

describe('a URL of 15 KB', () => {
  it('takes no more of Redis than a small page and a few short names', async () => {
    const app = await start()
    await visit(app, '/things/1')
    await until('it rests', async () => (await shelf.keys('v:')).length === 1)
    const before = await bytes()
    await visit(app, `/things/${long}?a=${long.slice(0, 500)}`)
    await until('it rests', async () => (await shelf.keys('v:')).length === 2)
    expect((await bytes()) - before).toBeLessThan(32_768)
  })

  it('leaves little behind a POST', async () => {
    const app = await start()
    await visit(app, '/things/1')
    await until('it rests', async () => (await shelf.keys('v:')).length === 1)
    const before = await bytes()
    const { sequence } = await app.cache.invalidate({ tag: 'unrelated' })
    const count = 20
    for (let i = 0; i < count; i++) {
      await app.ask(`/things/${long}${i}`, { method: 'POST', headers: { host: 'shop.example' } })
    }
    await until('all are carried out', () => (app.cache.status()?.applied ?? 0) >= sequence + count)
    expect(((await bytes()) - before) / count).toBeLessThan(2048)
  })

  it.each([
    ['its URL', { url: `/things/${long}` }],
    ['its whole URL', { url: `http://shop.example/things/${long}` }],
    ['its key', { key: `http://shop.example/things/${long}` }],
    ['its route and parameter', { route: '/things/:id', params: { id: long } }],
  ])('is invalidated by %s, and what shares its beginning is not', async (_by, target) => {
    const app = await start()
    const [path, other] = [`/things/${long}`, `/things/${long}y`]
    for (const each of [path, other]) expect((await visit(app, each)).body).toBe('old')
    text = 'new'
    await app.cache.invalidate(target)
    expect((await visit(app, path)).body).toBe('new')
    expect((await visit(app, other)).body).toBe('old')
  })

  it('is invalidated by a POST to it', async () => {
    const app = await start()
    await visit(app, `/things/${long}`)
    text = 'new'
    await app.ask(`/things/${long}`, { method: 'POST', headers: { host: 'shop.example' } })
    await until('it is made anew', async () => (await visit(app, `/things/${long}`)).body === 'new')
  })
})
