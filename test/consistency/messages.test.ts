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

async function publish(message: unknown): Promise<void> {
  await server.command(
    'PUBLISH',
    channel,
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

describe('a message on the channel', () => {
  it.each([
    'no JSON',
    '',
    '[]',
    'null',
    '{}',
    '{"type":"EVICT"}',
    '{"type":"EVICT","keys":"card"}',
    '{"type":"EVICT","keys":[1]}',
    '{"type":"EVICT","keys":[],"seq":"7","epoch":"e","roots":["tag:card"]}',
    '{"type":"EVICT","keys":[],"seq":1.5,"epoch":"e","roots":["tag:card"]}',
    '{"type":"EVICT","keys":[],"seq":7,"epoch":7,"roots":["tag:card"]}',
    '{"type":"EVICT","keys":[],"seq":7,"epoch":"e","roots":[null]}',
    '{"type":"FILLED"}',
    '{"type":"ACK","seq":7}',
    '{"type":"else","keys":["card"]}',
  ])('that is none is told as a fault, and nothing more happens: %s', async (text) => {
    const [a, b] = await pair()
    await publish(text)
    await until('it was told', () => a.seen('error').length === 1)
    expect(a.seen('error')[0]?.during).toBe('reading a message')
    expect(a.cache.stats().entries).toBe(1)
    await a.applied(await b.change('card'))
    expect(await a.show('card')).toBe('card 2')
  })

  it('that is longer than any of ours is told as a fault, too', async () => {
    const [a] = await pair()
    await publish({ type: 'EVICT', keys: ['x'.repeat(5 * 1024 * 1024)] })
    await until('it was told', () => a.seen('error').length === 1)
    expect(a.cache.stats().entries).toBe(1)
  })

  it('of somebody who knows nothing of numbers evicts the keys that it names', async () => {
    const [a] = await pair()
    await a.show('other')
    database.write('card')
    await publish({ type: 'EVICT', keys: ['fragment:card'] })
    await read(a)
    expect(await a.show('card')).toBe('card 2')
    await a.show('other')
    expect(database.reads('other')).toBe(1)
  })

  it('that comes twice changes nothing the second time', async () => {
    const [a, b] = await pair()
    const number = await b.change('card')
    await a.applied(number)
    expect(await a.show('card')).toBe('card 2')
    const { epoch } = a.status
    await publish({ type: 'EVICT', keys: [], origin: 'b', seq: number, epoch, roots: ['tag:card'] })
    await read(a)
    expect(a.cache.stats().entries).toBe(1)
    expect(a.status).toMatchObject({ applied: number, lag: 0 })
    expect(await a.show('card')).toBe('card 2')
    expect(database.reads('card')).toBe(2)
  })

  it('of a foreign epoch evicts what it names, and the true one is asked for', async () => {
    const [a] = await pair()
    const { epoch, applied } = a.status
    database.write('card')
    await publish({
      type: 'EVICT',
      keys: [],
      origin: 'x',
      seq: 900,
      epoch: 'foreign',
      roots: ['tag:card'],
    })
    await read(a)
    expect(await a.show('card')).toBe('card 2')
    expect(a.status).toMatchObject({ epoch, applied, connected: true })
  })

  it('that is ahead of others takes effect at once, and the others are asked for', async () => {
    const [a, b] = await pair()
    expect(await a.show('lost')).toBe('lost 1')
    await shelf.has('lost')
    // The message of the first is lost, the second one comes.
    a.proxy.subscribers.refuse()
    a.proxy.subscribers.cut()
    await until('it has seen the loss', () => !a.status.connected)
    database.write('lost')
    database.write('card')
    await b.cache.invalidate({ tag: 'lost' })
    const { epoch } = a.status
    a.proxy.subscribers.accept()
    await a.isConnected()
    const { sequence } = await b.cache.invalidate({ tag: 'card' })
    await a.applied(sequence)
    expect(await a.show('card')).toBe('card 2')
    expect(await a.show('lost')).toBe('lost 2')
    expect(a.seen('reset')).toEqual([])
    expect(a.status.epoch).toBe(epoch)
  })

  it('that says a number which Redis has not given evicts, and the order goes on', async () => {
    const [a, b] = await pair({ maxStaleness: 600 })
    const { epoch, applied } = a.status
    database.write('card')
    await publish({
      type: 'EVICT',
      keys: [],
      origin: 'x',
      seq: applied + 5,
      epoch,
      roots: ['tag:card'],
    })
    await read(a)
    expect(await a.show('card')).toBe('card 2')
    await until('the order is whole again', () => a.status.connected && a.status.lag === 0)
    await until('it is in order with the other', async () => {
      await b.cache.invalidate({ tag: 'unrelated' })
      return a.status.epoch === b.status.epoch && a.status.applied === b.status.applied
    })
    await a.applied(await b.change('card'))
    expect(await a.show('card')).toBe('card 3')
  })
})

describe('an instance that has missed messages', () => {
  it.each([['XTRIM', 'MAXLEN', '0'], ['DEL']])(
    'lets go of everything when the log does not tell them any more (%s)',
    async (command, ...rest) => {
      const [a, b] = await pair()
      a.proxy.subscribers.block('toClient')
      a.proxy.commands.block('toClient')
      await b.change('card')
      await server.command(command, shelf.key('log'), ...rest)
      a.proxy.commands.unblock()
      // The next message shows that one is missing.
      a.proxy.subscribers.cut()
      a.proxy.subscribers.unblock()
      await a.applied(b.status.applied)
      expect(a.seen('reset')).toEqual([{ reason: 'log-gap', entries: 1 }])
      expect(await a.show('card')).toBe('card 2')
      await a.applied(await b.change('card'))
      expect(await a.show('card')).toBe('card 3')
    },
  )

  it('lets go of everything when one in the middle is missing from the log', async () => {
    const [a, b] = await pair()
    a.proxy.subscribers.block('toClient')
    await b.cache.invalidate({ tag: 'unrelated' })
    const number = await b.change('card')
    await b.cache.invalidate({ tag: 'unrelated' })
    await server.command('XDEL', shelf.key('log'), `${number}-0`)
    a.proxy.subscribers.cut()
    a.proxy.subscribers.unblock()
    await a.applied(b.status.applied)
    expect(a.seen('reset')).toEqual([{ reason: 'log-gap', entries: 1 }])
    expect(await a.show('card')).toBe('card 2')
  })

  it('takes over from the log what it has of them, soft ones and those of everything too', async () => {
    const [a, b] = await pair()
    const show = (): Promise<string> => a.show('soft', { maxAge: '1h', staleWhileRevalidate: '1h' })
    await show()
    await a.show('other')
    a.proxy.subscribers.block('toClient')
    const number = await b.change('card')
    database.write('soft')
    await b.cache.invalidate({ tag: 'soft' }, { soft: true })
    a.proxy.subscribers.cut()
    a.proxy.subscribers.unblock()
    await a.applied(number + 1)
    expect(await show()).toBe('soft 1')
    await until('it is made anew', async () => (await show()) === 'soft 2')
    expect(await a.show('card')).toBe('card 2')
    await a.show('other')
    expect(database.reads('other')).toBe(1)
    expect(a.seen('reset')).toEqual([])
    await a.isConnected()
    a.proxy.subscribers.block('toClient')
    const { sequence } = await b.cache.invalidate({ all: true })
    a.proxy.subscribers.cut()
    a.proxy.subscribers.unblock()
    await a.applied(sequence)
    await a.show('other')
    expect(database.reads('other')).toBe(2)
  })

  it('that were more than the log holds lets go of everything, and what was stored before them is void', async () => {
    const [a, b] = await pair({ maxLog: 10 })
    await a.show('other')
    await shelf.has('other')
    a.proxy.subscribers.block('toClient')
    await b.change('card')
    for (let i = 0; i < 30; i++) await b.cache.invalidate({ tag: `unrelated ${i}` })
    expect(Number(await server.command('XLEN', shelf.key('log')))).toBe(10)
    expect(Number(await server.command('HLEN', shelf.key('ver')))).toBeLessThan(20)
    a.proxy.subscribers.cut()
    a.proxy.subscribers.unblock()
    await a.applied(b.status.applied)
    expect(a.seen('reset')).toEqual([{ reason: 'log-gap', entries: 2 }])
    expect(await a.show('card')).toBe('card 2')
    // Of what is older than the log nobody can say any more whether it holds.
    await a.show('other')
    expect(database.reads('other')).toBe(2)
  })
})
