import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WarmReport, WarmingOptions } from 'cacheflow'
import { builtPackage } from '../support/built-package.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Worker } from '../support/worker.ts'
import { frameworks, type Framework } from './site.ts'

const script = fileURLToPath(new URL('./workers/instance.js', import.meta.url))
const host = 'site.example'

let redis: RedisServer
let client: Redis
/** Processes of this file; one that a test has killed has another one in its place for the next. */
let workers: Worker[] = []
beforeAll(async () => {
  redis = await RedisServer.start()
  client = new Redis(redis.port)
})
afterAll(async () => {
  client.disconnect()
  await Promise.all(workers.map((each) => each.kill()))
  await redis.kill()
})

/** A site as one process has it. */
interface Instance {
  readonly worker: Worker
  readonly port: number
}

/** One site in two processes that share a Redis, and the pages that they have made. */
async function twoInstances(
  framework: Framework,
  namespace: string,
  count: number,
  duration: number,
  warming: WarmingOptions = {},
): Promise<{
  instances: [Instance, Instance]
  made: () => Promise<string[]>
  warm: (instance: Instance) => Promise<WarmReport>
}> {
  const directory = await builtPackage()
  workers = workers.filter(({ isRunning }) => isRunning)
  while (workers.length < 2) {
    workers.push(await Worker.start(script, [directory, `${redis.port}`, `http://${host}`]))
  }
  const begin = async (worker: Worker): Promise<Instance> => ({
    worker,
    port: await worker.call<number>('begin', { framework, namespace, count, duration, warming }),
  })
  const [one, other] = workers
  return {
    instances: [await begin(one!), await begin(other!)],
    made: () => client.lrange(`made:${namespace}`, 0, -1),
    warm: ({ worker }) => worker.call<WarmReport>('warm', namespace),
  }
}

function cacheStatus({ port }: Instance, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers: { host } }, (response) => {
      response.resume()
      response.once('end', () => resolve(String(response.headers['cache-status'])))
    })
      .once('error', reject)
      .end()
  })
}

const ids = (count: number): string[] => [
  'home',
  ...Array.from({ length: count }, (_, i) => `${i}`),
]
const pathOf = (id: string): string => (id === 'home' ? '/' : `/p/${id}`)

describe('instances that share a Redis', { timeout: 90_000 }, () => {
  it.each(frameworks)(
    'that start together make each page once, and each visitor of either gets a hit (%s)',
    async (framework) => {
      const namespace = framework.replace(' ', '')
      const { instances, made, warm } = await twoInstances(framework, namespace, 12, 10)
      const reports = await Promise.all(instances.map(warm))
      expect((await made()).toSorted()).toEqual(ids(12).toSorted())
      // One has warmed, and the other tells of it.
      expect(reports.map(({ warmed }) => warmed)).toEqual([13, 13])
      expect(reports.filter(({ by }) => by === undefined)).toHaveLength(1)
      for (const instance of instances) {
        for (const id of ids(12)) {
          expect([id, await cacheStatus(instance, pathOf(id))]).toEqual([
            id,
            expect.stringContaining('hit'),
          ])
        }
      }
      expect(await made()).toHaveLength(13)
    },
  )

  it('make a page twice at most where one stood still and goes on behind the other', async () => {
    const { instances, made, warm } = await twoInstances('Koa 3', 'pause', 12, 20)
    const [first, second] = instances
    const one = warm(first)
    await until('the first has made some', async () => (await made()).length >= 2)
    await first.worker.pause()
    // It is waited for no longer than its lease lasts.
    const other = await warm(second)
    expect(other).toMatchObject({ outcome: 'complete', failures: 0, by: undefined })
    first.worker.resume()
    expect(await one).toMatchObject({ outcome: 'complete', failures: 0, by: undefined })
    const all = await made()
    expect([...new Set(all)].toSorted()).toEqual(ids(12).toSorted())
    expect(ids(12).filter((id) => all.filter((each) => each === id).length > 2)).toEqual([])
    for (const id of ids(12)) {
      for (const instance of instances) {
        expect([id, await cacheStatus(instance, pathOf(id))]).toEqual([
          id,
          expect.stringContaining('hit'),
        ])
      }
    }
    expect(await made()).toHaveLength(all.length)
  })

  it('go on for one that dies in the middle, and make only the rest', async () => {
    const { instances, made, warm } = await twoInstances('Express 5', 'death', 60, 60)
    const [first, second] = instances
    const lost = warm(first).catch(() => undefined)
    await until('the first has begun', async () => (await made()).length > 0)
    const end = warm(second)
    await until('the first has made some', async () => (await made()).length >= 20)
    await first.worker.kill()
    await lost
    const report = await end
    expect(report).toMatchObject({ outcome: 'complete', failures: 0, by: undefined })
    expect(report.warmed + report.fresh).toBe(61)
    expect(report.fresh).toBeGreaterThanOrEqual(10)
    const all = await made()
    expect([...new Set(all)].toSorted()).toEqual(ids(60).toSorted())
    // Only what was being made when it died, or was not written yet, is made twice.
    expect(all.length - 61).toBeLessThanOrEqual(8)
    expect(await cacheStatus(second, '/p/59')).toContain('hit')
  })

  it('make at the times of a cron pattern what has fallen, once for all of them', async () => {
    const { instances, made, warm } = await twoInstances('Koa 3', 'cron', 12, 20, {
      cron: '* * * * * *',
    })
    await Promise.all(instances.map(warm))
    expect(await made()).toHaveLength(13)
    const runs = async (): Promise<number> => {
      const counts = await Promise.all(
        instances.map(({ worker }) => worker.call<number>('runs', 'cron')),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    }
    await instances[0].worker.call('invalidate', 'cron')
    await until('it was made anew', async () => (await made()).length >= 25)
    const before = await runs()
    await until('a later time has come, too', async () => (await runs()) >= before + 2)
    const cards = ids(12).slice(1)
    expect((await made()).toSorted()).toEqual([...ids(12), ...cards].toSorted())
    for (const instance of instances) expect(await cacheStatus(instance, '/p/7')).toContain('hit')
  })

  it('each make anew what fell by an invalidation and was asked for there', async () => {
    const { instances, made, warm } = await twoInstances('Express 5', 'fallen', 1, 20, {
      afterInvalidation: true,
    })
    const [first, second] = instances
    await Promise.all(instances.map(warm))
    await cacheStatus(first, '/p/first')
    await cacheStatus(second, '/p/second')
    const runsOf = ({ worker }: Instance): Promise<number> => worker.call<number>('runs', 'fallen')
    const [before, beforeThere] = [await runsOf(first), await runsOf(second)]
    await first.worker.call('invalidate', 'fallen')
    await until(
      'both have made it anew',
      async () => (await runsOf(first)) > before && (await runsOf(second)) > beforeThere,
    )
    const asked = (await made()).filter((id) => id === 'first' || id === 'second')
    expect(asked.toSorted()).toEqual(['first', 'first', 'second', 'second'])
    expect(await cacheStatus(first, '/p/first')).toContain('hit')
    expect(await cacheStatus(second, '/p/second')).toContain('hit')
  })
})
