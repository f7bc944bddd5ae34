import { describe, expect, it } from 'vitest'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'
import { onGround } from './ground.ts'
import { Instance } from './instance.ts'
import { OtherProcess } from './other-process.ts'
import type { Shelf } from './shelf.ts'

/** Milliseconds. */
const maxStaleness = 600

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

/** Two instances that have the card in memory. */
async function pair(major: 5 | 6 = 6): Promise<[Instance, Instance]> {
  const options = { maxStaleness, commandTimeout: '100ms', major } as const
  const [a, b] = await Promise.all([
    Instance.start(server, database, options),
    Instance.start(server, database, options),
  ])
  expect(await a.show('card')).toBe('card 1')
  await shelf.has('card')
  expect(await b.show('card')).toBe('card 1')
  return [a, b]
}

/** Asks again and again until the new text comes. @returns the last moment at which the old one was asked for */
async function lastOld(instance: Instance, old: string): Promise<number> {
  let last = -Infinity
  await until('something new is shown', async () => {
    const now = performance.now()
    if ((await instance.show('card')) !== old) return true
    last = now
    return false
  })
  return last
}

describe.each([5, 6] as const)(
  'an instance that Redis does not reach, over ioredis %i',
  (major) => {
    it('serves what fell for maxStaleness at most, then makes a key anew once in that time, and says so', async () => {
      const [a, b] = await pair(major)
      a.proxy.block()
      await b.change('card')
      const changedAt = performance.now()
      expect(await a.show('card')).toBe('card 1')
      expect((await lastOld(a, 'card 1')) - changedAt).toBeLessThan(maxStaleness)
      expect(a.seen('fragment').map(({ reason }) => reason)).toContain('disconnected')
      expect(a.status).toMatchObject({ connected: false, breaker: 'open' })
      expect(a.status.lastHeartbeat).toBeGreaterThan(maxStaleness)
      expect(a.seen('redis').at(-1)).toMatchObject({ connected: false })

      // At most once per key in maxStaleness, however often it is asked for.
      const from = performance.now()
      const reads = database.reads('card')
      let shows = 0
      await until('three times maxStaleness are over', async () => {
        expect(await a.show('card')).toBe('card 2')
        shows++
        return performance.now() - from > 3 * maxStaleness
      })
      const times = Math.ceil((performance.now() - from) / maxStaleness)
      expect(database.reads('card') - reads).toBeLessThanOrEqual(times)
      expect(shows).toBeGreaterThan(times)

      a.proxy.unblock()
      await a.isConnected()
      const number = await b.change('card')
      await a.applied(number)
      expect(await a.show('card')).toBe('card 3')
      await shelf.has('card')
      expect(await b.show('card')).toBe('card 3')
    })
  },
)

describe('an instance that Redis does not reach', () => {
  it('whose connections are cut serves what fell for maxStaleness at most, and comes back by itself', async () => {
    const [a, b] = await pair()
    a.proxy.refuse()
    a.proxy.cut()
    await b.change('card')
    const changedAt = performance.now()
    expect((await lastOld(a, 'card 1')) - changedAt).toBeLessThan(maxStaleness)
    a.proxy.accept()
    await a.isConnected()
    await a.applied(await b.change('card'))
    expect(await a.show('card')).toBe('card 3')
  })

  it('believes what it makes itself for maxStaleness, and then not', async () => {
    const [a, b] = await pair()
    a.proxy.block()
    await b.change('card')
    await lastOld(a, 'card 1')
    // Just made anew; and changed again.
    await b.change('card')
    const changedAt = performance.now()
    expect(await a.show('card')).toBe('card 2')
    expect((await lastOld(a, 'card 2')) - changedAt).toBeLessThan(maxStaleness)
    expect(await a.show('card')).toBe('card 3')
  })
})

describe('an instance that has missed a message', () => {
  it('learns of it with the next heartbeat, a third of maxStaleness later', async () => {
    const [a, b] = await pair()
    a.proxy.subscribers.block('toClient')
    const number = await b.change('card')
    const changedAt = performance.now()
    expect(await a.show('card')).toBe('card 1')
    // Redis answers heartbeats within the time of a command, and tells what was missed.
    expect((await lastOld(a, 'card 1')) - changedAt).toBeLessThan(maxStaleness / 3 + 100)
    expect(a.status.applied).toBe(number)
    expect(a.seen('reset').filter(({ reason }) => reason === 'log-gap')).toEqual([])
    expect(a.seen('fragment').map(({ reason }) => reason)).not.toContain('disconnected')
  })

  it('subscribes anew when only its connection for messages was lost', async () => {
    const [a, b] = await pair()
    a.proxy.subscribers.cut()
    await until('it has seen the loss', () => !a.status.connected)
    await a.isConnected()
    await a.applied(await b.change('card'))
    expect(await a.show('card')).toBe('card 2')
    expect(a.seen('reset')).toEqual([])
  })
})

describe('an instance whose process was stopped', () => {
  it('serves nothing old when it goes on', async () => {
    const [, b] = await pair()
    await using other = await OtherProcess.start(server.port, maxStaleness)
    expect(await other.show('card', 'never')).toBe('card 1')
    await other.pause()
    const pausedAt = performance.now()
    await b.change('card')
    await until('maxStaleness is over', () => performance.now() - pausedAt > maxStaleness)
    const shown = other.show('card', 'card 2')
    other.resume()
    expect(await shown).toBe('card 2')
    await until('it is connected again', async () => (await other.status()).connected)
  })
})
