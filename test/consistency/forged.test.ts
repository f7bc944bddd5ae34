import { describe, expect, it } from 'vitest'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'
import { onGround } from './ground.ts'
import { Instance, type InstanceOptions } from './instance.ts'
import type { Shelf } from './shelf.ts'

const channel = 'cacheflow:invalidation'

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

async function publish(message: unknown, on = channel): Promise<void> {
  await server.command(
    'PUBLISH',
    on,
    typeof message === 'string' ? message : JSON.stringify(message),
  )
}

/** Resolves when everything that was published before has been read: messages keep their order. */
async function read(instance: Instance): Promise<void> {
  const mark = `mark ${Math.random()}`
  await publish(mark)
  await until('the mark has been read', () =>
    instance.seen('error').some(({ error }) => String(error).includes(mark)),
  )
}

/** Two instances that have the card in memory. */
async function pair(options: InstanceOptions = {}): Promise<[Instance, Instance]> {
  const [a, b] = await Promise.all([
    Instance.start(server, database, options),
    Instance.start(server, database, options),
  ])
  expect(await a.show('card')).toBe('card 1')
  await shelf.has('card')
  expect(await b.show('card')).toBe('card 1')
  return [a, b]
}

/** An invalidation at either is confirmed, and holds at both. */
async function works(a: Instance, b: Instance): Promise<void> {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    await other.applied(await one.change('card'))
    const text = await one.show('card')
    expect(text).toBe(database.now('card'))
    expect(await other.show('card')).toBe(text)
  }
}

describe('a forged message', () => {
  const seqs = [
    '1e14',
    '1e15',
    '9007199254740991',
    '1e300',
    '-1',
    '0',
    '-1e14',
    'null',
    '"7"',
    '5000',
  ]
  it.each(seqs)('with the number %s stops no later invalidation', async (seq) => {
    const [a, b] = await pair()
    const { epoch } = a.status
    await publish(
      `{"type":"EVICT","keys":[],"origin":"x","seq":${seq},"epoch":"${epoch}","roots":["tag:x"]}`,
    )
    await Promise.all([read(a), read(b)])
    await works(a, b)
    expect(a.status.applied).toBeLessThan(10_000)
    await server.command('FLUSHALL')
    await works(a, b)
  })

  it('with a number far beyond those of Redis leaves what it does not name', async () => {
    const [a, b] = await pair()
    const { epoch } = a.status
    await publish({ type: 'EVICT', keys: [], origin: 'x', seq: 1e14, epoch, roots: ['tag:x'] })
    await Promise.all([read(a), read(b)])
    await a.cache.invalidate({ tag: 'unrelated' })
    expect(a.seen('reset')).toEqual([])
    expect(b.seen('reset')).toEqual([])
    expect(await b.show('card')).toBe('card 1')
    expect(database.reads('card')).toBe(1)
  })

  it.each(['1e+14', '-3', 'none', '99999999999999999', '123456789012345'])(
    'is over when Redis holds %s in the place of its number: a new epoch begins',
    async (seq) => {
      const [a, b] = await pair()
      await server.command('HSET', shelf.key('ver'), 'seq', seq)
      await works(a, b)
      await works(b, a)
    },
  )

  it.each(['FILLED', 'ACK', 'EVICT'])('of type %s may name anything', async (type) => {
    const [a, b] = await pair()
    const { epoch } = a.status
    const names = ['__proto__', 'constructor', 'toString', '', '\n', '\u0000', 'x'.repeat(100_000)]
    for (const keys of [names, Array.from({ length: 200_000 }, (_, i) => `k${i}`)]) {
      await publish({ type, keys, seq: 3, epoch, origin: '__proto__', ack: true })
      await publish({ type, keys })
    }
    await publish('{"type":"EVICT","keys":["a"],"__proto__":{"seq":4,"roots":["tag:x"]}}')
    await Promise.all([read(a), read(b)])
    await works(a, b)
    expect({}).not.toHaveProperty('seq')
  })

  it('that confirms for another instance on the channel of all is none', async () => {
    const [a, b] = await pair({ maxStaleness: 700, commandTimeout: '200ms' })
    const { epoch, instance } = b.status
    b.proxy.subscribers.block('toClient')
    database.write('card')
    const done = a.cache.invalidate({ tag: 'card' }, { wait: 'all' })
    for (let seq = 1; seq < 10; seq++) await publish({ type: 'ACK', epoch, seq, origin: instance })
    await done
    expect(await b.show('card')).toBe('card 2')
  })
})
