import { describe, expect, it } from 'vitest'
import { latch } from '../support/latch.ts'
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

/** How many scripts the server has run by their digest. */
async function scriptsRun(): Promise<number> {
  return (await server.commandStats()).get('evalsha') ?? 0
}

/** Two instances, and a card that rests in Redis and in the second one alone. */
async function pair(): Promise<[Instance, Instance]> {
  const [a, b] = await Promise.all([
    Instance.start(server, database),
    Instance.start(server, database),
  ])
  expect(await b.show('card')).toBe('card 1')
  await shelf.has('card')
  return [a, b]
}

describe('an answer of Redis that is late', () => {
  it('is not put into memory when what it depends on was invalidated meanwhile by another instance', async () => {
    const [a, b] = await pair()
    a.proxy.commands.block('toClient')
    const shown = a.show('card')
    await a.proxy.commands.holds('toClient')
    await a.applied(await b.change('card'))
    a.proxy.commands.unblock()
    expect(await shown).toBe('card 2')
    expect(await a.show('card')).toBe('card 2')
  })

  it('is not put into memory when this instance invalidates meanwhile, from the call on', async () => {
    const [a] = await pair()
    a.proxy.commands.block('toClient')
    const shown = a.show('card')
    await a.proxy.commands.holds('toClient')
    const told = a.change('card')
    a.proxy.commands.unblock()
    expect(await shown).toBe('card 2')
    expect(await a.show('card')).toBe('card 2')
    await told
  })

  it('is not put into memory though it is of a number that has not come here yet', async () => {
    const [a, b] = await pair()
    a.proxy.subscribers.block()
    await b.cache.invalidate({ tag: 'unrelated' })
    a.proxy.commands.block('toClient')
    const shown = a.show('card')
    await a.proxy.commands.holds('toClient')
    // The answer says: valid as of the other number, which is higher than all that are known here.
    a.proxy.commands.block('toServer')
    const told = a.change('card')
    a.proxy.commands.unblock('toClient')
    expect(await shown).toBe('card 2')
    a.proxy.unblock()
    await told
    expect(await a.show('card')).toBe('card 2')
  })

  it('that is in memory already falls, whatever its number', async () => {
    const [a, b] = await pair()
    a.proxy.subscribers.block()
    await b.cache.invalidate({ tag: 'unrelated' })
    expect(await a.show('card')).toBe('card 1')
    a.proxy.commands.block('toServer')
    const told = a.change('card')
    const shown = a.show('card')
    a.proxy.unblock()
    await told
    expect(await shown).toBe('card 2')
  })

  it('of another life of Redis is not put into memory', async () => {
    const [a, b] = await pair()
    a.proxy.commands.block('toClient')
    const shown = a.show('card')
    await a.proxy.commands.holds('toClient')
    database.write('card')
    await server.command('FLUSHALL')
    // What it names falls here at once, though its numbers belong to a life that is not known here yet.
    const { sequence } = await b.cache.invalidate({ tag: 'card' })
    const { epoch } = b.status
    // Messages come in their order, and what is none is told.
    await server.command('PUBLISH', 'cacheflow:invalidation', 'behind it')
    await until('the message has come', () => a.seen('error').length > 0)
    a.proxy.commands.unblock()
    expect(await shown).toBe('card 2')
    await until(
      'the other life is known',
      () => a.status.epoch === epoch && a.status.applied >= sequence,
    )
    expect(await a.show('card')).toBe('card 2')
  })
})

describe('what an instance invalidates', () => {
  it('it does not take from Redis while Redis has not confirmed, whatever else was invalidated meanwhile', async () => {
    const [a, b] = await pair()
    a.proxy.commands.block('toServer')
    const shown = a.show('card')
    await a.proxy.commands.holds('toServer')
    // The read stands before the invalidation, and another one that has nothing to do with it goes by.
    const told = a.change('card')
    await a.applied((await b.cache.invalidate({ tag: 'unrelated' })).sequence)
    a.proxy.commands.unblock()
    expect(await shown).toBe('card 2')
    await told
    expect(await a.show('card')).toBe('card 2')
    expect(await b.show('card')).toBe('card 2')
  })

  it('it does not take from Redis while it is sent once more, for a server that has forgotten its scripts', async () => {
    const [a, b] = await pair()
    await server.command('SCRIPT', 'FLUSH')
    // Reading is known to the server again, invalidating is not.
    await b.show('other')
    a.proxy.commands.block('toClient')
    const told = a.change('card')
    await a.proxy.commands.holds('toClient')
    await a.applied((await b.cache.invalidate({ tag: 'unrelated' })).sequence)
    const sent = await scriptsRun()
    const shown = a.show('card')
    await until('it has been read', async () => (await scriptsRun()) > sent)
    a.proxy.commands.unblock()
    expect(await shown).toBe('card 2')
    await told
    expect(await a.show('card')).toBe('card 2')
  })

  it('is not served by it from the call on, nor by another from the message on', async () => {
    const [a, b] = await pair()
    expect(await a.show('card')).toBe('card 1')
    const told = a.change('card')
    expect(await a.show('card')).toBe('card 2')
    await b.applied(await told)
    expect(await b.show('card')).toBe('card 2')
    expect(await a.show('card')).toBe('card 2')
  })

  it('everything may fall at once', async () => {
    const [a, b] = await pair()
    database.write('card')
    const told = a.cache.invalidate({ all: true })
    expect(await a.show('card')).toBe('card 2')
    await b.applied((await told).sequence)
    expect(await b.show('card')).toBe('card 2')
  })
})

describe('a making that waits to be written', () => {
  it('is not written into another life of Redis, whose numbers begin anew', async () => {
    const [a, b] = await pair()
    // Numbers are high in this life.
    for (let i = 0; i < 20; i++) await a.cache.invalidate({ tag: 'unrelated' })
    await b.applied(a.status.applied)
    const handler = latch()
    const render = a.show('late', { hold: handler.opened })
    await database.isRead('late')
    a.proxy.subscribers.block()
    b.proxy.block()
    await server.command('FLUSHALL')
    // A new instance knows of no numbers, and so they begin with the first.
    const fresh = await Instance.start(server, database)
    expect(fresh.status.applied).toBeLessThan(10)
    a.proxy.commands.block('toClient')
    const told = a.cache.invalidate({ tag: 'unrelated' })
    await a.proxy.commands.holds('toClient')
    // It is made and waits to be written, and the other life becomes known.
    handler.open()
    await render
    a.proxy.commands.unblock()
    const { sequence } = await told
    await fresh.applied(sequence)
    // What stands behind in the same connection was answered: so it was written, or never will be.
    await a.show('behind')
    await shelf.has('behind')
    await fresh.change('late')
    expect(await fresh.show('late')).toBe('late 2')
  })
})
