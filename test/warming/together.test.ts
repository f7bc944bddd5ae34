import { request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { WarmReport, WarmingOptions } from 'cacheflow'
import { builtPackage } from '../support/built-package.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Worker } from '../support/worker.ts'

const script = fileURLToPath(new URL('./workers/instance.js', import.meta.url))
const host = 'site.example'

/** Two instances of one site that share a Redis, and the pages that they have made. */
async function twoInstances(
  framework: string,
  count: number,
  duration: number,
  more: WarmingOptions = {},
): Promise<{ instances: [Worker, Worker]; made: () => Promise<string[]> }> {
  const directory = await builtPackage()
  const redis = await RedisServer.start()
  const client = new Redis(redis.port)
  const given = [`${redis.port}`, `http://${host}`, `${count}`, `${duration}`, JSON.stringify(more)]
  const args = [directory, framework, ...given]
  const instances = await Promise.all([Worker.start(script, args), Worker.start(script, args)])
  onTestFinished(async () => {
    client.disconnect()
    await Promise.all(instances.map((each) => each.kill()))
    await redis.kill()
  })
  return { instances, made: () => client.lrange('made', 0, -1) }
}

async function cacheStatus(instance: Worker, path: string): Promise<string> {
  const port = await instance.call<number>('port')
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers: { host } }, (response) => {
      response.resume()
      response.once('end', () => resolve(String(response.headers['cache-status'])))
    })
      .once('error', reject)
      .end()
  })
}

const pages = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`)
const numeric = (a: string, b: string): number => Number(a) - Number(b)

describe('instances that share a Redis', { timeout: 90_000 }, () => {
  it.each(['express', 'koa'])(
    'that start together make each page once, and each visitor of either gets a hit (%s)',
    async (framework) => {
      const { instances, made } = await twoInstances(framework, 40, 10)
      const reports = await Promise.all(instances.map((each) => each.call<WarmReport>('warm')))
      expect((await made()).toSorted(numeric)).toEqual(pages(40))
      // One has warmed, and the other tells of it.
      expect(reports.map(({ warmed }) => warmed)).toEqual([40, 40])
      expect(reports.filter(({ by }) => by === undefined)).toHaveLength(1)
      for (const instance of instances) {
        for (const id of ['0', '17', '39']) {
          expect(await cacheStatus(instance, `/p/${id}`)).toContain('hit')
        }
      }
      expect(await made()).toHaveLength(40)
    },
  )

  it('go on for one that dies in the middle, and make only the rest', async () => {
    const { instances, made } = await twoInstances('express', 60, 60)
    const [first, second] = instances
    const lost = first.call('warm').catch(() => undefined)
    await until('the first has begun', async () => (await made()).length > 0)
    const end = second.call<WarmReport>('warm')
    await until('the first has made some', async () => (await made()).length >= 20)
    await first.kill()
    await lost
    const report = await end
    expect(report).toMatchObject({ outcome: 'complete', failures: 0, by: undefined })
    expect(report.warmed + report.fresh).toBe(60)
    expect(report.fresh).toBeGreaterThanOrEqual(10)
    const all = await made()
    expect([...new Set(all)].toSorted(numeric)).toEqual(pages(60))
    // Only what was being made when it died, or was not written yet, is made twice.
    expect(all.length - 60).toBeLessThanOrEqual(8)
    expect(await cacheStatus(second, '/p/59')).toContain('hit')
  })

  it('make at the times of a cron pattern what has fallen, once for all of them', async () => {
    const { instances, made } = await twoInstances('koa', 12, 20, { cron: '* * * * * *' })
    await Promise.all(instances.map((each) => each.call('warm')))
    expect(await made()).toHaveLength(12)
    const runs = async (): Promise<number> => {
      const counts = await Promise.all(instances.map((each) => each.call<number>('runs')))
      return counts.reduce((sum, count) => sum + count, 0)
    }
    await instances[0].call('invalidate')
    await until('it was made anew', async () => (await made()).length >= 24)
    const before = await runs()
    await until('a later time has come, too', async () => (await runs()) >= before + 2)
    expect((await made()).toSorted(numeric)).toEqual([...pages(12), ...pages(12)].toSorted(numeric))
    for (const instance of instances) expect(await cacheStatus(instance, '/p/7')).toContain('hit')
  })

  it('each make anew what fell by an invalidation and was asked for there', async () => {
    const { instances, made } = await twoInstances('express', 1, 20, { afterInvalidation: true })
    const [first, second] = instances
    await Promise.all(instances.map((each) => each.call('warm')))
    await cacheStatus(first, '/p/first')
    await cacheStatus(second, '/p/second')
    const runsOf = (each: Worker): Promise<number> => each.call<number>('runs')
    const [before, beforeThere] = [await runsOf(first), await runsOf(second)]
    await first.call('invalidate')
    await until(
      'both have made it anew',
      async () => (await runsOf(first)) > before && (await runsOf(second)) > beforeThere,
    )
    expect((await made()).filter((id) => id === 'first' || id === 'second').toSorted()).toEqual([
      'first',
      'first',
      'second',
      'second',
    ])
    expect(await cacheStatus(first, '/p/first')).toContain('hit')
    expect(await cacheStatus(second, '/p/second')).toContain('hit')
  })
})
