import { request } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Application, Options } from '../support/application.ts'
import { latch, meeting } from '../support/latch.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { OtherProcess } from './other-process.ts'
import { Shelf } from './shelf.ts'
import { bodies, site, visit } from './site.ts'

let server: RedisServer
let shelf: Shelf
let runs = 0
beforeAll(async () => {
  server = await RedisServer.start()
  shelf = new Shelf(server)
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
  runs = 0
})

/** A page that is not made before the promise has resolved. */
function pageSite(
  hold: () => Promise<unknown> = () => Promise.resolve(),
  options: Options & { readonly maxStaleness?: number } = {},
  fields: Readonly<Record<string, string>> = {},
): Promise<Application> {
  return site(
    server.port,
    (app, cache) => {
      app.use(cache)
      app.get(
        '/page',
        cache.route({ maxAge: '1m', staleWhileRevalidate: '1h', tags: ['page'] }),
        async (_request, response) => {
          const run = ++runs
          await hold()
          response.set(fields).send(`page ${run}`)
        },
      )
    },
    options,
  )
}

function many(app: Application, count: number): Promise<Awaited<ReturnType<typeof visit>>[]> {
  return Promise.all(Array.from({ length: count }, () => visit(app, '/page')))
}

async function pageRests(): Promise<void> {
  await until('the page rests in Redis', async () => (await shelf.keys('v:')).length > 0)
}

describe('a page that nobody has', () => {
  it('is made once for 200 requests at each of two instances', async () => {
    const handler = latch()
    const [a, b] = await Promise.all([
      pageSite(() => handler.opened),
      pageSite(() => handler.opened),
    ])
    const asked = [many(a, 200), many(b, 200)]
    await Promise.all([a.arrived(200), b.arrived(200)])
    await until('one makes it', () => runs > 0)
    handler.open()
    const answers = (await Promise.all(asked)).flat()
    expect(bodies(answers)).toEqual(['page 1'])
    expect(runs).toBe(1)
  })

  it('is made by one of two others when the process that makes it is killed', async () => {
    const maxStaleness = 900
    await using leader = await OtherProcess.start(server.port, maxStaleness)
    const port = await leader.listen()
    await leader.holdUp()
    const [a, b] = await Promise.all([
      pageSite(undefined, { maxStaleness }),
      pageSite(undefined, { maxStaleness }),
    ])
    const lost = request({
      host: '127.0.0.1',
      port,
      path: '/page',
      headers: { host: 'shop.example' },
    })
    lost.on('error', () => undefined).end()
    await until('it has begun', async () => (await leader.runs()) === 1)
    const asked = [many(a, 200), many(b, 200)]
    await Promise.all([a.arrived(200), b.arrived(200)])
    await until('it is known to be waited for', async () => {
      const [key] = await shelf.keys('fill:')
      return key !== undefined && (await server.command('HGET', shelf.key(key), 'waiting')) === '1'
    })
    expect(runs).toBe(0)
    await leader.kill()
    const answers = (await Promise.all(asked)).flat()
    expect(bodies(answers)).toEqual(['page 1'])
    expect(runs).toBe(1)
  })

  it('is made anew once when what others wait for is overtaken by an invalidation', async () => {
    const handler = latch()
    const [a, b] = await Promise.all([
      pageSite(() => handler.opened),
      pageSite(() => handler.opened),
    ])
    const first = visit(a, '/page')
    await until('one makes it', () => runs === 1)
    const asked = many(b, 50)
    await b.arrived(50)
    await until('it is waited for', async () => {
      const [key] = await shelf.keys('fill:')
      return key !== undefined && (await server.command('HGET', shelf.key(key), 'waiting')) === '1'
    })
    await b.cache.invalidate({ tag: 'page' })
    handler.open()
    expect((await first).body).toBe('page 1')
    expect(bodies(await asked)).toEqual(['page 2'])
    expect(runs).toBe(2)
  })
})

describe('a response that may not be shared', () => {
  it('lets nobody queue, at no instance', async () => {
    let together = meeting(1)
    const hold = (): Promise<void> => together()
    const fields = { 'Set-Cookie': 'sid=1', 'Cache-Control': 'private' }
    const [a, b] = await Promise.all([pageSite(hold, {}, fields), pageSite(hold, {}, fields)])
    await visit(a, '/page')
    await until('it is known to all', async () => {
      const [key] = await shelf.keys('fill:')
      return key !== undefined && (await server.command('HGET', shelf.key(key), 'by')) === 'pass'
    })
    // It hangs unless all of them run side by side.
    together = meeting(60)
    const answers = await Promise.all([many(a, 30), many(b, 30)])
    expect(bodies(answers.flat())).toHaveLength(60)
    expect(await shelf.keys('v:')).toEqual([])
  })
})

describe('a page that is stale', () => {
  it('is served at once by every instance and made anew by one of them', async () => {
    const [a, b] = await Promise.all([pageSite(), pageSite()])
    expect((await visit(a, '/page')).body).toBe('page 1')
    await pageRests()
    expect((await visit(b, '/page')).body).toBe('page 1')
    for (const each of [a, b]) each.advance(90)
    const answers = await Promise.all([many(a, 20), many(b, 20)])
    expect(bodies(answers.flat())).toContain('page 1')
    await until('it is made anew', async () => (await visit(a, '/page')).body === 'page 2')
    await until('the other has it too', async () => (await visit(b, '/page')).body === 'page 2')
    expect(runs).toBe(2)
  })

  it('because it was softly invalidated, likewise', async () => {
    const [a, b] = await Promise.all([pageSite(), pageSite()])
    await visit(a, '/page')
    await pageRests()
    await visit(b, '/page')
    const { sequence } = await a.cache.invalidate({ tag: 'page' }, { soft: true })
    await until('the other has heard', () => (b.cache.status()?.applied ?? 0) >= sequence)
    const answers = await Promise.all([many(a, 20), many(b, 20)])
    expect(bodies(answers.flat())).toContain('page 1')
    await until('it is made anew', async () => (await visit(a, '/page')).body === 'page 2')
    await until('the other has it too', async () => (await visit(b, '/page')).body === 'page 2')
    expect(runs).toBe(2)
  })

  it('is made anew by one whose clock is behind that of the one who made it', async () => {
    const [a, b] = await Promise.all([pageSite(), pageSite()])
    b.advance(30)
    await visit(b, '/page')
    await pageRests()
    await visit(a, '/page')
    const { sequence } = await b.cache.invalidate({ tag: 'page' }, { soft: true })
    await until('the other has heard', () => (a.cache.status()?.applied ?? 0) >= sequence)
    await visit(a, '/page')
    await until('it is made anew', async () => (await visit(a, '/page')).body === 'page 2')
    await until('it rests in Redis', async () => {
      const [key = ''] = await shelf.keys('v:')
      // The mark of what was softly invalidated.
      return (await server.command('GETRANGE', shelf.key(key), '30', '30')) === '0'
    })
    await until('the other has it too', async () => (await visit(b, '/page')).body === 'page 2')
    expect(runs).toBe(2)
  })
})
