import { Cluster } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis5'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { RedisCluster } from '../support/redis-cluster.ts'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await RedisCluster.start()
})
afterAll(() => cluster.stop())

function client(): Cluster {
  const redis = new Cluster([...cluster.addresses])
  onTestFinished(() => redis.disconnect())
  return redis
}

describe('a Redis cluster of the tests', () => {
  it('has three masters, which have a third of the slots each', async () => {
    expect(cluster.nodes).toHaveLength(3)
    const owners = await Promise.all([0, 6_000, 16_383].map((slot) => cluster.ownerOf(slot)))
    expect(owners).toEqual(cluster.nodes)
  })

  it('takes commands for keys of every node, over both majors of ioredis', async () => {
    const redis5 = new Cluster5([...cluster.addresses])
    onTestFinished(() => redis5.disconnect())
    for (const redis of [client(), redis5]) {
      for (let i = 0; i < 30; i++) await redis.set(`key-${i}`, i)
      for (let i = 0; i < 30; i++) expect(await redis.get(`key-${i}`)).toBe(String(i))
    }
    const sizes = await Promise.all(cluster.nodes.map((node) => node.command('DBSIZE')))
    expect(sizes).not.toContain(0)
    expect(sizes.reduce<number>((sum, each) => sum + Number(each), 0)).toBe(30)
  })

  it('moves a slot with its keys, and clients find them before, midway and after', async () => {
    const redis = client()
    for (let i = 0; i < 250; i++) await redis.set(`{moving}:${i}`, i)
    const slot = await cluster.slotOf('{moving}')
    const from = await cluster.ownerOf(slot)
    const to = cluster.nodes.find((node) => node !== from)!
    const midway: unknown[] = []
    await cluster.migrateSlot(slot, from, to, async () => {
      midway.push(await redis.get('{moving}:7'))
      midway.push(await from.command('GET', '{moving}:7').catch(String))
    })
    expect(midway).toEqual(['7', expect.stringMatching(/ASK \d+ 127.0.0.1:/)])
    expect(await cluster.ownerOf(slot)).toBe(to)
    expect(await from.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(0)
    expect(await to.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(250)
    for (let i = 0; i < 250; i++) expect(await redis.get(`{moving}:${i}`)).toBe(String(i))
  })
})
