/**
 * One invalidation upon which very many values depend, and one among very many with which it has nothing to do.
 */
import { Child } from '../child.js'
import { median, summary } from '../statistics.js'
import { PREFIX, instance, stored, until } from './instance.js'
import { RedisServer } from './server.js'

/** So many are stored before the next ones are made: what waits to be written is bounded. */
const BATCH = 2000

/** @param {{ quick: boolean }} options */
export async function dependentsReport({ quick }) {
  const many = quick ? 20_000 : 100_000
  const rounds = quick ? 1 : 5
  const samples = quick ? 60 : 300
  const server = await RedisServer.start()
  const ping = new Child('load', 'servers/ping.js', [String(server.port)])
  try {
    await ping.ask()
    const found = []
    for (let round = 0; round < rounds; round++) {
      found.push(await oneSweep(server, ping, many))
    }
    const unrelated = await unrelatedRatio(server, many, samples)
    const middle = (name) => median(found.map((one) => one[name]))
    const worst = (name) => Math.max(...found.map((one) => one[name]))
    const count = many.toLocaleString('en')
    return {
      title: `${count} dependents of one tag`,
      head: ['', 'median', 'worst'],
      rows: [
        ['awaited part of invalidate(), ms', ...both('awaited')],
        ['slowest script, ms', ...both('script')],
        ["another client's longest PING meanwhile, ms", ...both('ping')],
        ['the same while nothing happens, ms', ...both('idle')],
        ['until all are swept, ms', ...both('swept')],
        ['keys that remain', ...both('keys', 0)],
        [
          `invalidating one of ${count} others by one of 10`,
          `${unrelated.median.toFixed(2)} ± ${unrelated.deviation.toFixed(2)}`,
          '',
        ],
      ],
      bars: [
        bar(`${count} dependents: awaited, ms`, 20, middle('awaited')),
        bar(`${count} dependents: slowest script, ms`, 20, worst('script')),
        bar(`${count} dependents: another client's longest PING, ms`, 100, worst('ping')),
        bar(`${count} dependents: keys that remain`, 2, worst('keys')),
        bar('one of many unrelated by one of few', 1.3, unrelated.median),
      ],
      notes: [`Keys that remain: ${found[0].names.map((name) => `\`${name}\``).join(', ')}.`],
    }
    function both(name, digits = 1) {
      return [middle(name).toFixed(digits), worst(name).toFixed(digits)]
    }
  } finally {
    await ping.stop()
    await server.stop()
  }
}

const bar = (title, limit, found) => ({ title, limit, found, met: found <= limit })

/** Fragments that all have the tag `all`, and one each of their own, from an instance that keeps few of them. */
async function filled(server, namespace, many) {
  const writer = await instance(server, { memory: { maxSize: '4MiB' } }, { namespace })
  const at = `{${namespace}}:rd:exp`
  for (let from = 0; from < many; from += BATCH) {
    const end = Math.min(many, from + BATCH)
    for (let i = from; i < end; i++) {
      await writer.fragment('row', { key: i, tags: ['all', `row:${i}`] }, () => `row ${i}`)
    }
    await stored(server, end, at)
  }
  await writer.close()
}

async function oneSweep(server, ping, many) {
  await server.control.flushall()
  await filled(server, 'cf', many)
  // Heartbeats sweep too, and go out as often as they do in an application.
  const cache = await instance(server, {}, { maxStaleness: '2s' })
  await ping.ask('longest')
  const idleStart = performance.now()
  await until(() => performance.now() - idleStart > 1000, 'a second')
  const idle = (await ping.ask('longest')).longest
  await server.resetSlowest()
  const start = performance.now()
  await cache.invalidate({ tag: 'all' })
  const awaited = performance.now() - start
  await until(async () => (await server.control.exists(`${PREFIX}sweeps`)) === 0, 'the sweep')
  const swept = performance.now() - start
  const { longest } = await ping.ask('longest')
  const script = await server.slowest()
  await cache.close()
  const names = await server.keys()
  return { awaited, script, swept, idle, ping: longest, keys: names.length, names }
}

/** Milliseconds of invalidating one row of many, by those of one row of ten, in turns. */
async function unrelatedRatio(server, many, samples) {
  await server.control.flushall()
  await filled(server, 'many', many)
  await filled(server, 'few', 10)
  const caches = [
    [await instance(server, {}, { namespace: 'many' }), 'many'],
    [await instance(server, {}, { namespace: 'few' }), 'few'],
  ]
  const ratios = []
  for (let i = 0; i < samples; i++) {
    const row = `row:${i % 10}`
    for (const [cache, namespace] of caches) {
      await cache.fragment('row', { key: `again ${i}`, tags: [row] }, () => row)
      await until(() => server.control.exists(`{${namespace}}:rd:rev-deps:tag:${row}`), row)
    }
    const turn = i % 2 === 0 ? caches : caches.toReversed()
    const times = []
    for (const [cache] of turn) times.push(await timed(() => cache.invalidate({ tag: row })))
    const [first, second] = i % 2 === 0 ? times : times.toReversed()
    if (i >= 10) ratios.push(first / second)
  }
  for (const [cache] of caches) await cache.close()
  return summary(ratios)
}

async function timed(run) {
  const start = performance.now()
  await run()
  return performance.now() - start
}
