import { cacheFragment } from 'cacheflow'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Shelf } from './shelf.ts'
import { site, visit } from './site.ts'

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

function members(): Promise<Application> {
  return site(server.port, (app, cache) => {
    app.use(cache)
    app.get(
      '/shared',
      cache.route({ session: (request) => request.get('x-user') ?? null }),
      (request, response) => {
        runs++
        response.send(`for ${request.get('x-user') ?? 'nobody'}`)
      },
    )
    app.get('/private', (request, response) => {
      runs++
      response.send(`for ${request.get('authorization') ?? request.get('cookie') ?? 'nobody'}`)
    })
    app.get('/part', async (request, response) => {
      const user = request.get('x-user') ?? 'nobody'
      const text = await cacheFragment('basket', { session: user, vary: ['x-user'] }, () => {
        runs++
        return `basket of ${user}`
      })
      response.set('Cache-Control', 'no-store').send(text)
    })
  })
}

async function see(
  app: Application,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await visit(app, path, headers)).body
}

describe('what one visitor shaped at one instance', () => {
  it('comes from Redis for those who share it, and for nobody else', async () => {
    const [a, b] = await Promise.all([members(), members()])
    expect(await see(a, '/shared', { 'x-user': 'ann' })).toBe('for ann')
    await until('it rests in Redis', async () =>
      (await shelf.keys('v:')).some((key) => key.includes('ann')),
    )
    expect(await see(b, '/shared', { 'x-user': 'bob' })).toBe('for bob')
    expect(await see(b, '/shared')).toBe('for nobody')
    expect(await see(b, '/shared', { 'x-user': 'ann' })).toBe('for ann')
    expect(runs).toBe(3)
  })

  it.each([{ authorization: 'Bearer ann' }, { cookie: 'sid=ann' }])(
    'is not in Redis at all, where nobody said who shares it: %o',
    async (headers) => {
      const [a, b] = await Promise.all([members(), members()])
      const [value] = Object.values(headers)
      expect(await see(a, '/private', headers)).toBe(`for ${value}`)
      expect(await see(b, '/private')).toBe('for nobody')
      expect(await see(b, '/private', headers)).toBe(`for ${value}`)
      await until('what may rest in Redis does', async () => (await shelf.keys('v:')).length > 0)
      const resting = await Promise.all(
        (await shelf.keys('v:')).map((key) => server.command('GET', shelf.key(key))),
      )
      expect(JSON.stringify(resting)).not.toContain('ann')
      expect(await see(a, '/private', headers)).toBe(`for ${value}`)
      expect(await see(a, '/private')).toBe('for nobody')
    },
  )

  it('is a part of nobody else’s page', async () => {
    const [a, b] = await Promise.all([members(), members()])
    // The first request with fragments is not observed, and stores none.
    await see(a, '/part')
    await see(b, '/part')
    expect(await see(a, '/part', { 'x-user': 'ann' })).toBe('basket of ann')
    await until('it rests in Redis', async () =>
      (await shelf.keys('v:')).some((key) => key.includes('ann')),
    )
    const before = runs
    expect(await see(b, '/part', { 'x-user': 'ann' })).toBe('basket of ann')
    expect(runs).toBe(before)
    expect(await see(b, '/part', { 'x-user': 'bob' })).toBe('basket of bob')
    expect(await see(a, '/part', { 'x-user': 'bob' })).toBe('basket of bob')
  })
})
