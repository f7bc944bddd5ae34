import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Database } from './database.ts'
import { Instance } from './instance.ts'
import { Shelf } from './shelf.ts'

/** Milliseconds. */
const maxStaleness = 600

let server: RedisServer
let shelf: Shelf
let database: Database
beforeEach(async () => {
  server = await RedisServer.start()
  onTestFinished(() => server[Symbol.asyncDispose]())
  shelf = new Shelf(server)
  database = new Database()
})

const start = (): Promise<Instance> =>
  Instance.start(server, database, { maxStaleness, commandTimeout: '200ms' })

/** Two instances that have the card in memory. */
async function pair(): Promise<[Instance, Instance]> {
  const [a, b] = await Promise.all([start(), start()])
  expect(await a.show('card')).toBe('card 1')
  await shelf.has('card')
  expect(await b.show('card')).toBe('card 1')
  return [a, b]
}

/** Resolves when the instances share a life of Redis that is not the one of before. */
async function reunited(before: string | undefined, ...instances: Instance[]): Promise<void> {
  await until('they have met in another life', () => {
    const epochs = new Set(instances.map(({ status }) => status.epoch))
    return (
      epochs.size === 1 && !epochs.has(before) && instances.every(({ status }) => status.connected)
    )
  })
}

/** It stores, shares, and hears of what others invalidate. */
async function works(a: Instance, b: Instance): Promise<void> {
  const reads = database.reads('later')
  const text = await a.show('later')
  await shelf.has('later')
  expect(await b.show('later')).toBe(text)
  expect(database.reads('later')).toBe(reads + 1)
  await b.applied(await a.change('later'))
  expect(await b.show('later')).toBe(database.now('later'))
}

describe('when Redis comes back', () => {
  it('empty, everything is made anew, and the cache goes on by itself', async () => {
    const [a, b] = await pair()
    const { epoch } = a.status
    database.write('card')
    // Nobody can be told of this change: the server is gone, and with it whatever it knew.
    await server.kill()
    await server.restart()
    await reunited(epoch, a, b)
    for (const each of [a, b]) {
      expect(each.seen('reset')).toContainEqual({ reason: 'epoch', entries: 1 })
      expect(await each.show('card')).toBe('card 2')
    }
    await works(a, b)
  })

  it('with all its data, everything is made anew all the same: what was invalidated meanwhile is not known', async () => {
    const [a, b] = await pair()
    const { epoch } = a.status
    await server.restart({ keepData: true })
    expect(await shelf.holds('card')).toBe(true)
    database.write('card')
    await reunited(epoch, a, b)
    expect(await a.show('card')).toBe('card 2')
    expect(await b.show('card')).toBe('card 2')
    expect(await (await start()).show('card')).toBe('card 2')
    await works(a, b)
  })

  it('with an older state, nothing of that state is served, nor what was in memory', async () => {
    const [a, b] = await pair()
    const snapshot = await server.snapshot()
    const { epoch } = a.status
    // The other instance does not hear of the change, and Redis forgets it.
    b.proxy.block()
    await a.change('card')
    await server.restore(snapshot)
    expect(await shelf.holds('card')).toBe(true)
    b.proxy.unblock()
    await reunited(epoch, a, b)
    for (const each of [a, b, await start()]) expect(await each.show('card')).toBe('card 2')
    await works(b, a)
  })

  it('with an older state that a new instance finds first', async () => {
    const [a] = await pair()
    const snapshot = await server.snapshot()
    await a.change('card')
    a.proxy.block()
    await server.restore(snapshot)
    const fresh = await start()
    expect(await fresh.show('card')).toBe('card 2')
  })
})

describe('when somebody', () => {
  it('sends FLUSHALL, everything is made anew', async () => {
    const [a, b] = await pair()
    const { epoch } = a.status
    database.write('card')
    await server.command('FLUSHALL')
    await reunited(epoch, a, b)
    expect(await a.show('card')).toBe('card 2')
    expect(await b.show('card')).toBe('card 2')
    await works(a, b)
  })

  it('sends SCRIPT FLUSH, nothing is lost', async () => {
    const [a, b] = await pair()
    await server.command('SCRIPT', 'FLUSH')
    await b.applied(await a.change('card'))
    expect(await b.show('card')).toBe('card 2')
    await works(a, b)
    expect(a.seen('reset')).toEqual([])
  })

  it('puts an older state back into the running server, an instance that has seen a later one notices', async () => {
    const [a, b] = await pair()
    const { epoch } = a.status
    const keys = [shelf.key('ver'), shelf.key('v:fragment:card'), shelf.key('log')]
    await a.cache.invalidate({ tag: 'unrelated' })
    for (const key of keys) await server.command('COPY', key, `older ${key}`)
    await a.applied(await b.change('card'))
    for (const key of keys) await server.command('COPY', `older ${key}`, key, 'REPLACE')
    expect(await shelf.holds('card')).toBe(true)
    // Their own numbers are higher than what Redis says.
    expect(await a.show('card')).toBe('card 2')
    expect(await b.show('card')).toBe('card 2')
    await reunited(epoch, a, b)
    expect(await a.show('card')).toBe('card 2')
    expect(await (await start()).show('card')).toBe('card 2')
    await works(a, b)
  })

  it('fills Redis up, invalidations are confirmed nevertheless', async () => {
    const [a, b] = await pair()
    const filling = 'x'.repeat(1_000_000)
    await server.command('CONFIG', 'SET', 'maxmemory', '12mb')
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await expect(async () => {
      for (let i = 0; i < 20; i++) await server.command('SET', `filling-${i}`, filling)
    }).rejects.toThrow('OOM')
    expect((await server.memory()) / 1024 / 1024).toBeGreaterThan(10)
    for (let i = 0; i < 2_000; i++) {
      if (
        (await server.command('SET', `little-${i}`, 'x'.repeat(10_000)).catch(() => 'full')) ===
        'full'
      )
        break
    }
    await b.applied(await a.change('card'))
    expect(await b.show('card')).toBe('card 2')
    expect(await a.show('card')).toBe('card 2')
    await b.applied((await a.cache.invalidate({ all: true })).sequence)
    expect(a.status).toMatchObject({ connected: true, unconfirmed: 0 })
  })

  it('lets Redis evict what it likes, nothing old is served', async () => {
    const [a, b] = await pair()
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
    await server.command('CONFIG', 'SET', 'maxmemory', '4mb')
    let old = 0
    for (let round = 0; round < 150; round++) {
      const [one, other] = round % 2 === 0 ? [a, b] : [b, a]
      await server.command('SET', `filling-${round}`, 'x'.repeat(60_000))
      await one.show('card')
      const { epoch } = one.status
      const number = await one.change('card')
      // An epoch may have begun and is known here only with the next heartbeat.
      await until(
        'the other one knows',
        () => other.status.epoch !== epoch || other.status.applied >= number,
      )
      for (const each of [one, other]) if ((await each.show('card')) !== database.now('card')) old++
    }
    expect(old).toBe(0)
    expect(Number((await server.info('stats')).get('evicted_keys'))).toBeGreaterThan(10)
  }, 40_000)
})
