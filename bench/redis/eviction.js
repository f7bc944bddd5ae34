/**
 * From the call of invalidate() in one instance until another one serves the old no longer, by the least that Redis can do: a
 * message from one connection to another.
 */
import { once } from 'node:events'

import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'

import { median, summary } from '../statistics.js'
import { instance, stored } from './instance.js'
import { RedisServer } from './server.js'

/** @param {{ quick: boolean }} options */
export async function evictionReport({ quick }) {
  const rounds = quick ? 3 : 11
  const samples = quick ? 60 : 200
  const warmUps = quick ? 1 : 3
  const server = await RedisServer.start()
  const subjects = [await raw(server), await ours(server), await theirs(server)]
  const times = new Map(subjects.map((subject) => [subject, []]))
  const all = new Map(subjects.map((subject) => [subject, []]))
  try {
    for (let round = -warmUps; round < rounds; round++) {
      const own = new Map(subjects.map((subject) => [subject, []]))
      for (const subject of subjects) await subject.prepare(samples, round)
      // All take turns within a round: what disturbs one meets the others too.
      for (let i = 0; i < samples; i++) {
        for (const subject of subjects) own.get(subject).push(await subject.sample(i, round))
      }
      if (round < 0) continue
      for (const subject of subjects) {
        times.get(subject).push(median(own.get(subject)))
        all.get(subject).push(...own.get(subject))
      }
    }
  } finally {
    for (const subject of subjects) await subject.end()
    await server.stop()
  }
  const [base, own] = subjects
  const ratioOf = (subject) =>
    summary(times.get(subject).map((time, round) => time / times.get(base)[round]))
  const found = ratioOf(own).median
  return {
    title: 'Until another instance no longer serves what was invalidated',
    head: ['', 'p50, ms', 'p99, ms', 'p50 by a raw message'],
    rows: subjects.map((subject) => {
      const by = ratioOf(subject)
      return [
        subject.title,
        median(all.get(subject)).toFixed(2),
        percentile(all.get(subject), 0.99).toFixed(2),
        `${by.median.toFixed(2)} ± ${by.deviation.toFixed(2)}`,
      ]
    }),
    bars: [{ title: 'eviction by a raw message, p50', limit: 2, found, met: found <= 2 }],
  }
}

function percentile(values, part) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
}

async function raw(server) {
  const publisher = server.client()
  const subscriber = server.client()
  await subscriber.subscribe('raw')
  const text = JSON.stringify({ type: 'EVICT', keys: ['a'.repeat(40)], origin: 'a'.repeat(12) })
  return {
    title: 'a raw PUBLISH, until its message is there',
    prepare: () => {},
    sample: async () => {
      const start = performance.now()
      const message = once(subscriber, 'message')
      void publisher.publish('raw', text)
      await message
      return performance.now() - start
    },
    end: () => {
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}

async function ours(server) {
  const here = await instance(server)
  const there = await instance(server)
  let heard = () => {}
  there.on('invalidate', ({ keys }) => {
    if (keys.length > 0) heard()
  })
  let total = 0
  return {
    title: 'cacheflow: invalidate(), until the other instance has let it go',
    prepare: async (samples, round) => {
      for (let i = 0; i < samples; i++) {
        await there.fragment('card', { key: `${round}:${i}`, tags: [`${round}:${i}`] }, () => 'old')
      }
      total = samples
      await stored(server, total)
    },
    sample: async (i, round) => {
      const start = performance.now()
      const gone = new Promise((resolve) => {
        heard = () => resolve(performance.now() - start)
      })
      const confirmed = here.invalidate({ tag: `${round}:${i}` })
      const time = await gone
      await confirmed
      return time
    },
    end: async () => {
      await here.close()
      await there.close()
    },
  }
}

async function theirs(server) {
  const connection = { host: '127.0.0.1', port: server.port }
  let heard = () => {}
  const clients = []
  const open = () => {
    const client = server.client()
    clients.push(client)
    return new BentoCache({
      default: 'both',
      stores: {
        both: bentostore()
          .useL1Layer(memoryDriver({ maxItems: 10_000 }))
          .useL2Layer(redisDriver({ connection: client }))
          .useBus(redisBusDriver({ connection })),
      },
    })
  }
  const here = open()
  const there = open()
  there.on('bus:message:received', ({ message }) => {
    if (message.keys.includes(expected)) heard()
  })
  let expected = ''
  // It subscribes when it is first used, and that has no end to be waited for: a message that has come is the sign.
  await there.get({ key: 'sign' })
  const subscribed = new Promise((resolve) => {
    heard = resolve
  })
  expected = 'sign'
  const asking = setInterval(() => void here.delete({ key: 'sign' }), 20)
  await subscribed
  clearInterval(asking)
  return {
    title: 'bentocache: delete(), until the other instance has let it go',
    prepare: async (samples, round) => {
      for (let i = 0; i < samples; i++) {
        await there.set({ key: `${round}:${i}`, value: 'old', ttl: '1h' })
      }
    },
    sample: async (i, round) => {
      const key = `${round}:${i}`
      const start = performance.now()
      const gone = new Promise((resolve) => {
        expected = key
        heard = () => resolve(performance.now() - start)
      })
      const confirmed = here.delete({ key })
      const time = await gone
      await confirmed
      return time
    },
    end: async () => {
      await here.disconnectAll()
      await there.disconnectAll()
    },
  }
}
