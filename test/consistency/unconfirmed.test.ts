import { CacheflowError } from 'cacheflow'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Database } from './database.ts'
import { Instance, type InstanceOptions } from './instance.ts'
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

const start = (options: InstanceOptions = {}): Promise<Instance> =>
  Instance.start(server, database, { maxStaleness, commandTimeout: '200ms', ...options })

async function pair(major: 5 | 6 = 6): Promise<[Instance, Instance]> {
  const [a, b] = await Promise.all([start({ major }), start({ major })])
  expect(await a.show('card')).toBe('card 1')
  await shelf.has('card')
  expect(await b.show('card')).toBe('card 1')
  return [a, b]
}

const unconfirmed = { code: 'ERR_CACHEFLOW_UNCONFIRMED' }

describe.each([5, 6] as const)(
  'an invalidation that Redis does not confirm, over ioredis %i',
  (major) => {
    it('rejects, holds in its instance, and is tried again until it is confirmed; then the others drop it', async () => {
      const [a, b] = await pair(major)
      a.proxy.refuse()
      a.proxy.cut()
      const error = await a.change('card').catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(CacheflowError)
      expect(error).toMatchObject(unconfirmed)
      expect(a.seen('unconfirmed')).toMatchObject([
        { dependencies: ['tag:card'], confirmed: false },
      ])
      expect(a.status.unconfirmed).toBe(1)
      expect(await a.show('card')).toBe('card 2')
      a.proxy.accept()
      await until('it is confirmed', () => isSettled(a))
      expect(a.seen('unconfirmed').at(-1)).toMatchObject({
        dependencies: ['tag:card'],
        confirmed: true,
      })
      await b.applied(a.status.applied)
      expect(await b.show('card')).toBe('card 2')
      expect(await a.show('card')).toBe('card 2')
    })
  },
)

/** All is confirmed, and none of the numbers before it is missing here: one may be of a command whose answer was given up. */
function isSettled({ status }: Instance): boolean {
  return status.unconfirmed === 0 && status.lag === 0
}

describe('an invalidation that Redis does not confirm', () => {
  it('may have been carried out although the answer was lost, and is carried out once more', async () => {
    const [a, b] = await pair()
    // The script is known to the server: it is carried out by the first command.
    await a.applied((await b.cache.invalidate({ tag: 'unrelated' })).sequence)
    a.proxy.commands.block('toClient')
    const next = b.status.applied + 1
    await expect(a.change('card')).rejects.toMatchObject(unconfirmed)
    await b.applied(next)
    expect(await b.show('card')).toBe('card 2')
    a.proxy.unblock()
    await until('it is confirmed', () => isSettled(a))
    await until('all is in order', () => a.status.applied === b.status.applied)
    expect(await a.show('card')).toBe('card 2')
    expect(await b.show('card')).toBe('card 2')
  })

  it('of several is tried again for each, and of everything for all', async () => {
    const [a, b] = await pair()
    a.proxy.block()
    const told = [
      a.change('card'),
      a.cache.invalidate({ tag: ['x', 'y'] }),
      a.cache.invalidate({ tag: 'z' }, { soft: true }),
      a.cache.invalidate({ all: true }, { wait: 'all' }),
    ]
    for (const each of told) await expect(each).rejects.toMatchObject(unconfirmed)
    expect(a.status.unconfirmed).toBe(2)
    a.proxy.unblock()
    await until('all are confirmed', () => isSettled(a))
    await b.applied(a.status.applied)
    expect(await b.show('card')).toBe('card 2')
  })

  it('while Redis is stopped waits for no longer than a command may take', async () => {
    const [a, b] = await pair()
    await server.pause()
    onTestFinished(() => server.resume())
    const from = performance.now()
    await expect(a.change('card')).rejects.toMatchObject(unconfirmed)
    expect(performance.now() - from).toBeLessThan(2_000)
    expect(await a.show('card')).toBe('card 2')
    server.resume()
    await until('it is confirmed', () => isSettled(a))
    await b.applied(a.status.applied)
    expect(await b.show('card')).toBe('card 2')
  })

  it('before the first connection is carried out when there is one', async () => {
    const b = await start()
    expect(await b.show('card')).toBe('card 1')
    await shelf.has('card')
    const port = { port: server.port }
    await server.stop()
    const a = await Instance.start(port, database, {
      maxStaleness,
      commandTimeout: '100ms',
      joins: false,
    })
    expect(await a.show('card')).toBe('card 1')
    await expect(a.change('card')).rejects.toMatchObject(unconfirmed)
    expect(await a.show('card')).toBe('card 2')
    await server.restart({ keepData: true })
    await until('it is confirmed', () => a.status.connected && isSettled(a))
    await until(
      'both share a life',
      () => a.status.epoch === b.status.epoch && a.status.applied === b.status.applied,
    )
    expect(await b.show('card')).toBe('card 2')
    expect(await a.show('card')).toBe('card 2')
  })

  it('is held against what Redis has, until it is confirmed', async () => {
    const [a, b] = await pair()
    // Redis refuses to write, as with a full disk, and answers what only reads.
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', 1)
    await expect(a.change('card')).rejects.toMatchObject(unconfirmed)
    expect(await a.show('card')).toBe('card 2')
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', 0)
    await until('it is confirmed', () => isSettled(a))
    await b.applied(a.status.applied)
    expect(await b.show('card')).toBe('card 2')
  })
})
