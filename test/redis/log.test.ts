import { describe, expect, it } from 'vitest'
import { forget, reseed, state } from '../../src/redis/scripts/state.ts'
import type { RedisServer } from '../support/redis-server.ts'
import type { Database } from '../consistency/database.ts'
import { onGround } from '../consistency/ground.ts'
import { Instance } from '../consistency/instance.ts'
import type { Shelf } from '../consistency/shelf.ts'

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

/** Bytes of a line of the log with its name in the versions, as they are counted. */
const lineBytes = 2 * 'tag:00'.length + 64

/** Forgets under bounds of its own, at most 100 lines. */
async function forgotten(mostBytes: number, memory: number): Promise<void> {
  const run = `${state}${reseed}${forget} forget(math.huge, 100, ${mostBytes}, ${memory})`
  await server.command('EVAL', run, 1, shelf.key('ver'), shelf.key(''))
}

/** The tags that the versions have, and the length of the log. */
async function known(): Promise<{ tags: string[]; lines: number; bytes: number }> {
  const fields = (await server.command('HKEYS', shelf.key('ver'))) as string[]
  return {
    tags: fields.filter((name) => /^~?tag:/.test(name)).toSorted(),
    lines: Number(await server.command('XLEN', shelf.key('log'))),
    bytes: Number(await server.command('HGET', shelf.key('ver'), 'bytes')),
  }
}

/** An instance that has a card in memory and in Redis, and has invalidated ten other tags since. */
async function withLog(soft = false): Promise<Instance> {
  const instance = await Instance.start(server, database)
  await instance.show('card')
  await shelf.has('card')
  for (let i = 0; i < 10; i++) await instance.cache.invalidate({ tag: `0${i}` }, { soft })
  expect(await known()).toMatchObject({ lines: 10, bytes: 10 * lineBytes })
  return instance
}

const long = 172_800_000

describe('what Redis remembers of invalidations', () => {
  it('has no more bytes than its bound: the oldest go first, from the log and from the versions', async () => {
    await withLog()
    await forgotten(4 * lineBytes, long)
    const tags = ['tag:06', 'tag:07', 'tag:08', 'tag:09']
    expect(await known()).toEqual({ tags, lines: 4, bytes: 4 * lineBytes })
  })

  it('has no more bytes than its bound where invalidations were soft', async () => {
    await withLog(true)
    await forgotten(lineBytes, long)
    expect(await known()).toEqual({ tags: ['~tag:09'], lines: 1, bytes: lineBytes })
  })

  it('stays as it is below the bound, and where it is young', async () => {
    await withLog()
    await forgotten(10 * lineBytes, long)
    expect(await known()).toMatchObject({ lines: 10, bytes: 10 * lineBytes })
  })

  it('is nothing that is older than any value', async () => {
    await withLog()
    await forgotten(2 ** 40, -1000)
    expect(await known()).toEqual({ tags: [], lines: 0, bytes: 0 })
  })

  it('lets nothing stand of which the invalidation is forgotten', async () => {
    const instance = await withLog()
    expect(await shelf.holds('card')).toBe(true)
    await forgotten(0, long)
    const late = await Instance.start(server, database)
    database.write('card')
    expect(await late.show('card')).toBe('card 2')
    expect(await instance.show('card')).toBe('card 1')
  })
})
