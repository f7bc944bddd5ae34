import { describe, expect, it } from 'vitest'
import { fractionOf } from '../../src/invalidation/soft.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'
import { onGround } from './ground.ts'
import { Instance, type InstanceOptions } from './instance.ts'
import type { Shelf } from './shelf.ts'

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

const lifetimes = { maxAge: '5h', staleWhileRevalidate: '5h' } as const
const spread = { soft: true, spread: '1h' } as const
const hour = 3_600_000
const key = 'fragment:card'
const moment = hour * fractionOf(key, [`key:${key}`])
/** What a test may take, milliseconds. */
const leeway = 60_000

/** Instances whose clocks go as far ahead of that of Redis as the test says. */
class Clock {
  ahead = 0

  start(options: InstanceOptions = {}): Promise<Instance> {
    return Instance.start(server, database, { ...options, clock: () => Date.now() + this.ahead })
  }

  /** How the card is shown, shortly before its moment and shortly behind it. */
  async around(
    instance: Instance,
  ): Promise<[before: string | undefined, behind: string | undefined]> {
    const shown = async (at: number): Promise<string | undefined> => {
      this.ahead = at
      const seen = instance.seen('fragment').length
      await instance.show('card', lifetimes)
      return instance.seen('fragment')[seen]?.reason
    }
    const before = await shown(moment - leeway)
    const behind = await shown(moment + leeway)
    this.ahead = 0
    return [before, behind]
  }
}

describe('a soft invalidation that is spread over a time', () => {
  it('makes the same entry stale at the same moment in every instance', async () => {
    const clock = new Clock()
    const [a, b] = await Promise.all([clock.start(), clock.start()])
    await a.show('card', lifetimes)
    await shelf.has('card')
    await b.show('card', lifetimes)
    const { sequence } = await a.cache.invalidate({ tag: 'card' }, spread)
    await b.applied(sequence)
    expect(b.seen('invalidate')).toMatchObject([{ soft: true, spread: hour }])
    expect(await clock.around(b)).toEqual(['fresh', 'stale-while-revalidate'])
    expect(await clock.around(a)).toEqual(['fresh', 'stale-while-revalidate'])
  })

  it('is told once in each instance, as every soft invalidation is', async () => {
    const clock = new Clock()
    const [a, b] = await Promise.all([clock.start(), clock.start()])
    await a.show('card', lifetimes)
    await shelf.has('card')
    await b.show('card', lifetimes)
    for (const softness of [{ soft: true, spread: '5h' }, spread, { soft: true }] as const) {
      const { sequence } = await a.cache.invalidate({ tag: 'card' }, softness)
      await Promise.all([a.applied(sequence), b.applied(sequence)])
    }
    expect(a.seen('invalidate').map((event) => event.spread)).toEqual([5 * hour, hour, 0])
    expect(b.seen('invalidate').map((event) => event.spread)).toEqual([5 * hour, hour, 0])
  })

  it('holds for what rests in Redis, however often it is read before its moment', async () => {
    const clock = new Clock()
    const a = await clock.start()
    await a.show('card', lifetimes)
    await shelf.has('card')
    await a.cache.invalidate({ tag: 'card' }, spread)
    const early = await clock.start()
    clock.ahead = moment - leeway
    await early.show('card', lifetimes)
    expect(early.seen('fragment')).toMatchObject([{ reason: 'fresh' }])
    // From then on it is valid as of a later number.
    await a.change('other')
    const late = await clock.start()
    expect(await clock.around(late)).toEqual(['fresh', 'stale-while-revalidate'])
    expect(await clock.around(early)).toEqual(['fresh', 'stale-while-revalidate'])
  })

  it('reaches an instance that has missed the message', async () => {
    const clock = new Clock()
    const [a, b] = await Promise.all([clock.start(), clock.start({ maxStaleness: 600 })])
    await a.show('card', lifetimes)
    await shelf.has('card')
    await b.show('card', lifetimes)
    b.proxy.subscribers.block('toClient')
    const { sequence } = await a.cache.invalidate({ tag: 'card' }, spread)
    await b.applied(sequence)
    expect(b.seen('reset')).toEqual([])
    expect(b.seen('invalidate')).toMatchObject([{ soft: true, spread: hour }])
    expect(await clock.around(b)).toEqual(['fresh', 'stale-while-revalidate'])
  })

  it('that Redis did not confirm is a spread when it is confirmed at last', async () => {
    const clock = new Clock()
    const options = { commandTimeout: '100ms' } as const
    const [a, b] = await Promise.all([clock.start(options), clock.start()])
    await a.show('card', lifetimes)
    await shelf.has('card')
    await b.show('card', lifetimes)
    a.proxy.block()
    await expect(a.cache.invalidate({ tag: 'card' }, spread)).rejects.toMatchObject({
      code: 'ERR_CACHEFLOW_UNCONFIRMED',
    })
    a.proxy.unblock()
    await until('it is confirmed', () => a.seen('unconfirmed').some(({ confirmed }) => confirmed))
    await b.applied(1)
    expect(await clock.around(b)).toEqual(['fresh', 'stale-while-revalidate'])
  })

  it('is stale at once where the log has forgotten it', async () => {
    const clock = new Clock()
    const a = await clock.start({ maxLog: 10 })
    await a.show('card', lifetimes)
    await shelf.has('card')
    await a.cache.invalidate({ tag: 'card' }, spread)
    for (let i = 0; i < 12; i++) await a.cache.invalidate({ tag: `other ${i}` }, { soft: true })
    expect(await server.command('HGET', shelf.key('ver'), '^tag:card')).toBeNull()
    const b = await clock.start()
    await b.show('card', lifetimes)
    expect(b.seen('fragment')).toMatchObject([{ reason: 'stale-while-revalidate' }])
  })

  it('does not put off one that was at once, though it comes behind another spread', async () => {
    const clock = new Clock()
    const a = await clock.start()
    const start = performance.now()
    await a.cache.invalidate({ tag: 'card' }, { soft: true, spread: 5 })
    await a.show('card', lifetimes)
    await shelf.has('card')
    await a.cache.invalidate({ tag: 'card' }, { soft: true })
    await until('the first is over', () => performance.now() - start > 50)
    await a.cache.invalidate({ tag: 'card' }, spread)
    const b = await clock.start()
    await b.show('card', lifetimes)
    expect(b.seen('fragment')).toMatchObject([{ reason: 'stale-while-revalidate' }])
  })

  it('does not put off the one before it, and of many not more than eight are remembered', async () => {
    const clock = new Clock()
    const a = await clock.start()
    await a.show('card', lifetimes)
    await shelf.has('card')
    // The second is the one that ends first.
    await a.cache.invalidate({ tag: 'card' }, { soft: true, spread: '5h' })
    await a.cache.invalidate({ tag: 'card' }, spread)
    for (let i = 0; i < 20; i++)
      await a.cache.invalidate({ tag: 'card' }, { soft: true, spread: '5h' })
    const remembered = String(await server.command('HGET', shelf.key('ver'), '^tag:card'))
    expect(remembered.split(';')).toHaveLength(9)
    const b = await clock.start()
    expect(await clock.around(b)).toEqual(['fresh', 'stale-while-revalidate'])
  })

  it('is forgotten in Redis with its line of the log, however often its dependency is named', async () => {
    const a = await new Clock().start({ maxLog: 10 })
    const others = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await a.cache.invalidate({ tag: 'other' })
    }
    const start = performance.now()
    await a.cache.invalidate({ tag: 'card' }, { soft: true, spread: 5 })
    await a.cache.invalidate({ tag: 'card' }, spread)
    await others(9)
    await until('the first is over', () => performance.now() - start > 50)
    await a.cache.invalidate({ tag: 'card' }, spread)
    await others(12)
    const fields = (await server.command('HKEYS', shelf.key('ver'))) as string[]
    expect(fields.filter((name) => name.includes('card'))).toEqual([])
  })

  it('of everything, and of what is over when the next one comes, counts in Redis too', async () => {
    const clock = new Clock()
    const a = await clock.start()
    await a.show('card', lifetimes)
    await shelf.has('card')
    await a.cache.invalidate({ all: true }, spread)
    const b = await clock.start()
    expect(await clock.around(b)).toEqual(['fresh', 'stale-while-revalidate'])
    await shelf.has('card')
    const start = performance.now()
    await a.show('list', lifetimes)
    await shelf.has('list')
    await a.cache.invalidate({ all: true }, { soft: true, spread: 5 })
    await until('it is over', () => performance.now() - start > 50)
    await a.cache.invalidate({ all: true }, spread)
    const c = await clock.start()
    await c.show('list', lifetimes)
    expect(c.seen('fragment')).toMatchObject([{ reason: 'stale-while-revalidate' }])
    expect(await server.command('HGET', shelf.key('ver'), 'softFloor')).not.toBe('0')
  })
})
