import { type Wait, entity } from 'cacheflow'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'
import { onGround } from './ground.ts'
import { Instance } from './instance.ts'
import { OtherProcess } from './other-process.ts'
import type { Shelf } from './shelf.ts'

/** Milliseconds. */
const maxStaleness = 700

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

/** So many instances, all with the card in memory, of an epoch that is older than their leases. */
async function several(count: number, wait: Wait = 'redis'): Promise<Instance[]> {
  const instances = await Promise.all(
    Array.from({ length: count }, () =>
      Instance.start(server, database, { maxStaleness, commandTimeout: '200ms', wait }),
    ),
  )
  const startedAt = performance.now()
  for (const each of instances) {
    expect(await each.show('card')).toBe('card 1')
    await shelf.has('card')
  }
  await until('the epoch is old', () => performance.now() - startedAt > maxStaleness + 50)
  await Promise.all(instances.map((each) => each.isConnected()))
  return instances
}

async function barrier(
  instance: Instance,
): Promise<{ instances: number; confirmedBy: readonly string[]; took: number }> {
  database.write('card')
  const from = performance.now()
  const receipt = await instance.cache.invalidate({ tag: 'card' }, { wait: 'all' })
  const { instances, confirmedBy } = receipt
  return { instances, confirmedBy, took: performance.now() - from }
}

describe("await invalidate(x, { wait: 'all' })", () => {
  it('resolves when every other instance has confirmed, and names them; then none serves it', async () => {
    const [a, b, c] = (await several(3)) as [Instance, Instance, Instance]
    const { instances, confirmedBy, took } = await barrier(a)
    const shown = [c.show('card'), b.show('card'), a.show('card')]
    expect(instances).toBe(2)
    expect([...confirmedBy].toSorted()).toEqual([b.status.instance, c.status.instance].toSorted())
    expect(took).toBeLessThan(maxStaleness)
    expect(await Promise.all(shown)).toEqual(['card 2', 'card 2', 'card 2'])
  })

  it('waits for messages that are late', async () => {
    const [a, b] = (await several(2)) as [Instance, Instance]
    b.proxy.subscribers.delay(60, 'toClient')
    const { instances, took } = await barrier(a)
    expect(await b.show('card')).toBe('card 2')
    expect(instances).toBe(1)
    expect(took).toBeGreaterThan(50)
  })

  it('waits for maxStaleness at most where an instance does not confirm, which then serves nothing of it', async () => {
    const [a, b, c] = (await several(3)) as [Instance, Instance, Instance]
    b.proxy.block()
    const { instances, took } = await barrier(a)
    expect(await Promise.all([b.show('card'), c.show('card')])).toEqual(['card 2', 'card 2'])
    expect(instances).toBe(1)
    expect(took).toBeLessThan(maxStaleness + 200)
  })

  it('waits for maxStaleness by the clock, however early timers come', async () => {
    const [a, b] = (await several(2)) as [Instance, Instance]
    b.proxy.block()
    const { setTimeout: real } = globalThis
    const early = (run: () => void, milliseconds?: number): NodeJS.Timeout =>
      real(run, milliseconds === maxStaleness ? 10 : milliseconds)
    vi.stubGlobal('setTimeout', Object.assign(early, real))
    onTestFinished(() => void vi.unstubAllGlobals())
    const { took } = await barrier(a)
    expect(took).toBeGreaterThanOrEqual(maxStaleness)
    expect(await b.show('card')).toBe('card 2')
  })

  it('waits as long for a process that is stopped, which serves nothing of it when it goes on', async () => {
    const [a] = (await several(1)) as [Instance]
    await using other = await OtherProcess.start(server.port, maxStaleness)
    expect(await other.show('card', 'never')).toBe('card 1')
    await other.pause()
    const { instances, took } = await barrier(a)
    const shown = other.show('card', 'card 2')
    other.resume()
    expect(await shown).toBe('card 2')
    expect(instances).toBe(0)
    expect(took).toBeLessThan(maxStaleness + 200)
  })

  it('waits once for a process that was killed, and not for longer than its heartbeat is due', async () => {
    const [a] = (await several(1, 'all')) as [Instance]
    const other = await OtherProcess.start(server.port, maxStaleness)
    expect(await other.show('card', 'never')).toBe('card 1')
    // From the first barrier on it knows that others rely on its silence.
    await barrier(a)
    await until('it has said so', async () => {
      const live = String(await server.command('HGET', shelf.key('ver'), 'live'))
      return live.split('\n').filter((line) => line.endsWith(' strict')).length === 2
    })
    await other.kill()
    const times: number[] = []
    for (let i = 0; i < 5; i++) times.push((await barrier(a)).took)
    expect(times[0]).toBeLessThan(maxStaleness + 200)
    for (const time of times.slice(1)) expect(time).toBeLessThan(maxStaleness / 2)
  })

  it('holds where an instance that nobody waits for any more makes things by itself', async () => {
    const [a, b] = (await several(2)) as [Instance, Instance]
    await barrier(a)
    await until('it has said that it knows of barriers', async () => {
      const live = String(await server.command('HGET', shelf.key('ver'), 'live'))
      return live.split('\n').filter((line) => line.endsWith(' strict')).length === 2
    })
    b.proxy.block()
    await until('it believes nothing any more', () => b.status.lastHeartbeat > 2 * maxStaleness)
    await barrier(a)
    expect(await b.show('card')).toBe('card 3')
    const { took } = await barrier(a)
    expect(took).toBeLessThan(maxStaleness / 2)
    expect(await b.show('card')).toBe('card 4')
  })

  it('does not wait for an instance that has left', async () => {
    const [a, b] = (await several(3)) as [Instance, Instance]
    await b.cache.close()
    const { instances, took } = await barrier(a)
    expect(instances).toBe(1)
    expect(took).toBeLessThan(maxStaleness - 100)
  })

  it('waits though Redis has heard nothing for long of an instance that makes things by itself', async () => {
    const [a, b] = (await several(2)) as [Instance, Instance]
    b.proxy.block()
    await until('it believes nothing any more', () => b.status.lastHeartbeat > 2 * maxStaleness)
    // Made in this moment, and believed for as long as maxStaleness.
    expect(await b.show('card')).toBe('card 1')
    await barrier(a)
    expect(await b.show('card')).toBe('card 2')
  })

  it('waits in a young epoch, of which not all instances are known', async () => {
    const [a, b] = (await several(2)) as [Instance, Instance]
    // Late in a second, so that the next one begins at once.
    await until('a second is nearly over', async () => {
      const [, micros] = (await server.command('TIME')) as [string, string]
      return Number(micros) > 900_000 && Number(micros) < 980_000
    })
    b.proxy.block()
    await server.command('FLUSHALL')
    await a.cache.invalidate({ tag: 'unrelated' })
    await until('the next second has begun', async () => {
      const [, micros] = (await server.command('TIME')) as [string, string]
      return Number(micros) < 900_000
    })
    const { took } = await barrier(a)
    expect(await b.show('card')).toBe('card 2')
    expect(took).toBeGreaterThan(maxStaleness / 2)
  })
})

describe("the option redis: { wait: 'all' }", () => {
  it('holds for invalidations, touches and what is put, where they do not say otherwise', async () => {
    const [a, b] = (await several(2, 'all')) as [Instance, Instance]
    b.proxy.subscribers.delay(60, 'toClient')
    const card = entity<{ id: number }>('card')
    const shown = (): Promise<string> => b.show('card', { tags: ['card'] })
    database.write('card')
    expect((await a.cache.invalidate({ tag: 'card' })).instances).toBe(1)
    expect(await shown()).toBe('card 2')
    expect((await a.cache.touch(card.ref(1))).invalidation?.instances).toBe(1)
    database.write('card')
    await a.cache.put('card', { tags: ['card'] }, () => 'put')
    // Made by itself, or what was put.
    expect(await shown()).not.toBe('card 2')
    const receipt = await a.cache.invalidate({ tag: 'card' }, { wait: 'redis' })
    expect(receipt.instances).toBe(0)
  })
})
