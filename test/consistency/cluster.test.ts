import { Cluster } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis5'
import { type CacheHandle, createCacheflow } from 'cacheflow'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { RedisCluster } from '../support/redis-cluster.ts'
import { until } from '../support/until.ts'
import { Database } from './database.ts'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await RedisCluster.start()
})
afterAll(() => cluster.stop())

/** One instance of several that share a cluster. */
class Member {
  readonly cache: CacheHandle
  readonly #database: Database

  constructor(database: Database, major: 5 | 6, namespace: string) {
    const settings = { lazyConnect: true }
    const client =
      major === 5
        ? new Cluster5([...cluster.addresses], settings)
        : new Cluster([...cluster.addresses], settings)
    this.#database = database
    this.cache = createCacheflow({
      redis: { client, namespace, maxStaleness: 600, commandTimeout: '500ms' },
    })
    onTestFinished(() => this.cache.close())
  }

  static async start(database: Database, major: 5 | 6, namespace: string): Promise<Member> {
    const member = new Member(database, major, namespace)
    await until('it is connected', () => member.cache.status()?.connected === true)
    return member
  }

  get applied(): number {
    return this.cache.status()?.applied ?? 0
  }

  show(name: string): Promise<string> {
    return this.cache.fragment(name, { tags: [name] }, () =>
      Promise.resolve(this.#database.read(name)),
    )
  }

  async change(name: string): Promise<number> {
    this.#database.write(name)
    return (await this.cache.invalidate({ tag: name })).sequence
  }
}

async function owner(namespace: string): ReturnType<RedisCluster['ownerOf']> {
  return cluster.ownerOf(await cluster.slotOf(`{${namespace}}`))
}

async function rests(namespace: string, name: string): Promise<void> {
  await until(`${name} rests in Redis`, async () => {
    const node = await owner(namespace)
    return (await node.command('EXISTS', `{${namespace}}:rd:v:fragment:${name}`)) === 1
  })
}

describe.each([5, 6] as const)('in a cluster of three masters, over ioredis %i', (major) => {
  const start = (database: Database, namespace: string): Promise<Member> =>
    Member.start(database, major, namespace)

  it.each(['first', 'second', 'third'])(
    'what is made is shared, and what is invalidated falls everywhere (namespace %s)',
    async (name) => {
      const namespace = `${name}${major}`
      const database = new Database()
      const [a, b] = await Promise.all([start(database, namespace), start(database, namespace)])
      expect(await a.show('card')).toBe('card 1')
      await rests(namespace, 'card')
      expect(await b.show('card')).toBe('card 1')
      expect(database.reads('card')).toBe(1)
      const number = await a.change('card')
      expect(await a.show('card')).toBe('card 2')
      // By a message, long before the next heartbeat could have told.
      await until('the message has come', () => b.applied >= number, 150)
      expect(await b.show('card')).toBe('card 2')
      const { instances } = await a.cache.invalidate({ tag: 'card' }, { wait: 'all' })
      expect(instances).toBe(1)
      expect(
        await (
          await owner(namespace)
        ).command('PUBSUB', 'SHARDNUMSUB', `cacheflow:invalidation:{${namespace}}`),
      ).toEqual([`cacheflow:invalidation:{${namespace}}`, 2])
    },
  )

  it('a slot that moves takes nothing old with it, before, midway or after', async () => {
    const namespace = `moving${major}`
    const database = new Database()
    const [a, b] = await Promise.all([start(database, namespace), start(database, namespace)])
    const slot = await cluster.slotOf(`{${namespace}}`)
    const from = await owner(namespace)
    const to = cluster.nodes.find((node) => node !== from)
    if (to === undefined) throw new Error('there is one node only')
    expect(await a.show('card')).toBe('card 1')
    await rests(namespace, 'card')
    expect(await b.show('card')).toBe('card 1')

    const old: string[] = []
    const check = async (when: string): Promise<void> => {
      database.write('card')
      const changedAt = performance.now()
      await a.cache.invalidate({ tag: 'card' }).catch(() => undefined)
      if ((await a.show('card')) !== database.now('card')) old.push(`${when}, here`)
      await until(
        'the other one shows it too',
        async () => (await b.show('card')) === database.now('card'),
      )
      if (performance.now() - changedAt > 600 + 600) old.push(`${when}, there`)
    }
    await check('before')
    await cluster.migrateSlot(slot, from, to, () => check('midway'))
    await check('after')
    expect(old).toEqual([])

    await until('both go on in the new place', async () => {
      const [one, other] = [a.cache.status(), b.cache.status()]
      return one?.connected === true && other?.connected === true && one.epoch === other.epoch
    })
    await check('later')
    await a.show('other')
    await rests(namespace, 'other')
    expect(await b.show('other')).toBe('other 1')
    expect(database.reads('other')).toBe(1)
    expect(old).toEqual([])
  })
})
