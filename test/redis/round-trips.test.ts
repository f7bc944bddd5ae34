import { type CacheHandle, createCacheflow, entity } from 'cacheflow'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { script } from '../../src/redis/connection.ts'
import { read } from '../../src/redis/scripts/read.ts'
import { write } from '../../src/redis/scripts/write.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

interface Row {
  readonly id: number
  readonly updatedAt: number
}
const section = entity<Row>('section')
const card = entity<Row>('card', { touch: () => section.ref(1) })

async function instance(server: RedisServer): Promise<CacheHandle> {
  const client = new Redis(server.port, { lazyConnect: true })
  // No heartbeat is sent meanwhile.
  const cache = createCacheflow({ redis: { client, maxStaleness: '5m', commandTimeout: '10s' } })
  onTestFinished(() => cache.close())
  await until('it is connected', () => cache.status()?.connected === true)
  return cache
}

/** Scripts that clients have sent. */
async function sent(server: RedisServer): Promise<number> {
  const stats = await server.commandStats()
  return (stats.get('evalsha') ?? 0) + (stats.get('eval') ?? 0)
}

it('A page of which one leaf fell is read in one round trip, and written in another', async () => {
  await using server = await RedisServer.start()
  const cards = [1, 2, 3].map((id) => ({ id, updatedAt: 1 }))
  const ran: string[] = []
  const page = (cache: CacheHandle): Promise<string> =>
    cache.fragment('page', async () => {
      ran.push('page')
      return cache.fragment('section', section.ref(1), async () => {
        ran.push('section')
        return cache.fragments('card', cards.map(card), ({ id }) => {
          ran.push(`card ${id}`)
          return `card ${id}`
        })
      })
    })
  const writer = await instance(server)
  await page(writer)
  const rests = async (): Promise<boolean> => {
    return (await server.command('EXISTS', '{cf}:rd:v:fragment:page')) === 1
  }
  await until('the page rests in Redis', rests)
  await page(await instance(server))

  const reader = await instance(server)
  cards[1] = { id: 2, updatedAt: 2 }
  await writer.touch(card(cards[1]))
  await until('it has heard', () => reader.status()?.applied === writer.status()?.applied)
  ran.length = 0
  const before = await sent(server)
  await page(reader)
  await until('the page rests in Redis', rests)
  expect(ran).toEqual(['page', 'section', 'card 2'])
  expect(await sent(server)).toBe(before + 2)
})

it('A cold page costs each instance one round trip, and one more where it is made', async () => {
  await using server = await RedisServer.start()
  const page = async (cache: CacheHandle): Promise<string> => cache.fragment('page', () => 'text')
  const [first, second] = [await instance(server), await instance(server)]
  const asked: string[] = []
  for (const each of [read, write]) await server.command('SCRIPT', 'LOAD', each)
  const names = new Map([
    [script(read).digest, 'read'],
    [script(write).digest, 'write'],
  ])
  const monitor = await new Redis(server.port).monitor()
  onTestFinished(() => monitor.disconnect())
  monitor.on('monitor', (_time, args: string[]) => {
    const name = /^evalsha$/i.test(args[0] ?? '') ? names.get(args[1] ?? '') : undefined
    if (name !== undefined) asked.push(name)
  })
  await page(first)
  await until('it rests in Redis', () => asked.length === 2)
  await page(second)
  await until('it is read', () => asked.length === 3)
  expect(asked).toEqual(['read', 'write', 'read'])
})
