import { describe, expect, it } from 'vitest'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'
import { onGround } from './ground.ts'
import { Instance } from './instance.ts'
import type { Shelf } from './shelf.ts'

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

/** Nothing but the versions and the log: what there always is. */
async function isClean(): Promise<void> {
  await until(
    'only the constant keys are left',
    async () => Number(await server.command('DBSIZE')) <= 2,
    30_000,
  )
  expect(await shelf.keys()).toEqual(['log', 'ver'])
}

/** How many scripts ran since the statistics were reset. */
async function scripts(): Promise<number> {
  const info = String(await server.command('INFO', 'commandstats'))
  const calls = [...info.matchAll(/^cmdstat_eval\w*:calls=(\d+)/gm)].map(([, count]) =>
    Number(count),
  )
  return calls.reduce((sum, count) => sum + count, 0)
}

describe('the clean-up', () => {
  it('of 20,000 that fall with one tag is done in slices, behind an invalidation that waits for few of them', async () => {
    const count = 20_000
    const instance = await Instance.start(server, database, {
      maxStaleness: 600,
      commandTimeout: '5s',
    })
    for (let at = 0; at < count; at += 1_000) {
      await Promise.all(
        Array.from({ length: 1_000 }, (_, i) =>
          instance.show(`card${at + i}`, { tags: ['cards'] }),
        ),
      )
      await shelf.has(`card${at + 999}`)
    }
    await until(
      'all rest in Redis',
      async () => Number(await server.command('SCARD', shelf.key('rev-deps:tag:cards'))) === count,
    )
    await server.command('CONFIG', 'RESETSTAT')
    await instance.cache.invalidate({ tag: 'cards' })
    // A small part of them fell within the call.
    expect(Number(await server.command('DBSIZE'))).toBeGreaterThan(count)
    expect(
      await instance.show('card7', { tags: ['cards'], inside: () => Promise.resolve('new') }),
    ).toBe('card7 1(new)')
    await shelf.has('card7')
    await until('the rest has gone', async () => (await shelf.keys('sweep')).length === 0, 30_000)
    // What was made meanwhile stays.
    expect(await shelf.keys('v:')).toEqual(['v:fragment:card7'])
    await instance.cache.invalidate({ tag: 'cards' })
    await isClean()
    // None did more than a thousandth of a hundred thousand pieces of work: five are what each of the fallen takes at least.
    expect(await scripts()).toBeGreaterThan((count * 5) / 1_000)
  }, 60_000)

  it('of everything, likewise', async () => {
    const instance = await Instance.start(server, database, { maxStaleness: 600 })
    await Promise.all(Array.from({ length: 3_000 }, (_, i) => instance.show(`card${i}`)))
    await until(
      'all rest in Redis',
      async () => Number(await server.command('ZCARD', shelf.key('exp'))) === 3_000,
    )
    await instance.cache.invalidate({ all: true })
    await isClean()
  })

  it('of what has expired takes its edges too', async () => {
    let now = Date.now()
    const clock = (): number => now
    const instance = await Instance.start(server, database, { maxStaleness: 600, clock })
    for (let i = 0; i < 50; i++) {
      await instance.show(`page${i}`, {
        maxAge: '1m',
        inside: () => instance.show(`card${i % 7}`, { maxAge: '1m' }),
      })
    }
    await until(
      'all rest in Redis',
      async () => Number(await server.command('ZCARD', shelf.key('exp'))) === 57,
    )
    await instance.show('young', { maxAge: '1h' })
    await shelf.has('young')
    // Stale ones are kept a while for whoever asks whether they still hold.
    now += 20 * 60_000
    await until('what has expired is gone', async () => (await shelf.keys('v:')).length === 1)
    expect(await shelf.keys('rev-deps:')).toEqual(['rev-deps:fragment:young', 'rev-deps:tag:young'])
    expect(await shelf.keys('deps:')).toEqual(['deps:fragment:young'])
    now += 2 * 3_600_000
    await until('nothing is left', async () =>
      (await shelf.keys()).every((key) => key === 'ver' || key === 'log'),
    )
  })

  it('of an earlier life of Redis is done, too', async () => {
    const instance = await Instance.start(server, database, { maxStaleness: 600 })
    await Promise.all(Array.from({ length: 200 }, (_, i) => instance.show(`card${i}`)))
    await until(
      'all rest in Redis',
      async () => Number(await server.command('ZCARD', shelf.key('exp'))) === 200,
    )
    await server.restart({ keepData: true })
    await instance.isConnected()
    await until('only the constant keys are left', async () =>
      (await shelf.keys()).every((key) => key === 'ver' || key === 'log'),
    )
  })

  it('of the log raises the floor to what is forgotten, and never lowers it', async () => {
    const instance = await Instance.start(server, database, { maxLog: 10 })
    const floors = (): Promise<unknown> =>
      server.command('HMGET', shelf.key('ver'), 'floor', 'softFloor')
    await instance.cache.invalidate({ all: true })
    await instance.cache.invalidate({ all: true }, { soft: true })
    const others = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await instance.change('other')
        await instance.cache.invalidate({ tag: 'other' }, { soft: true })
      }
    }
    await others(3)
    const { sequence: last } = await instance.cache.invalidate({ all: true })
    // Older ones are forgotten, and the last of all is not.
    await others(3)
    expect(await floors()).toEqual([String(last), expect.any(String)])
    await others(6)
    const { sequence } = await instance.cache.invalidate({ tag: 'other' })
    const [floor, softFloor] = (await floors()) as string[]
    expect(Number(floor)).toBeGreaterThan(last)
    expect(Math.max(Number(floor), Number(softFloor))).toBe(sequence - 10)
  })

  it('takes the edges that what is made anew of other things has no more', async () => {
    const instance = await Instance.start(server, database, { maxStaleness: 600 })
    await instance.show('card', { tags: ['first', 'both'] })
    await shelf.has('card')
    await instance.cache.invalidate({ tag: 'both' })
    await instance.show('card', { tags: ['second', 'both'] })
    await shelf.has('card')
    expect(await shelf.keys('rev-deps:tag:')).toEqual(['rev-deps:tag:both', 'rev-deps:tag:second'])
  })
})
