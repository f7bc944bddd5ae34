/**
 * Bodies at rest as they are, or compressed: their bytes in Redis, and how long it takes to read them.
 */
import * as zlib from 'node:zlib'

import { pageOf } from '../pages.js'
import { median, summary } from '../statistics.js'
import { PREFIX, instance, stored } from './instance.js'
import { RedisServer } from './server.js'

/** So many are read in one turn, as one page would. */
const TOGETHER = 20

/** @param {{ quick: boolean }} options */
export async function encodingReport({ quick }) {
  const rounds = quick ? 7 : 25
  const codings = [false, 'gzip', 'br', ...('zstdCompress' in zlib ? ['zstd'] : [])]
  const server = await RedisServer.start()
  const subjects = []
  try {
    for (const compress of codings) subjects.push(await subject(server, compress))
    const times = new Map(subjects.map((each) => [each, []]))
    for (let round = -3; round < rounds; round++) {
      for (const each of subjects) {
        const time = await each.read()
        if (round >= 0) times.get(each).push(time)
      }
    }
    const [base] = subjects
    return {
      title: `A page of 20 KiB at rest, ${TOGETHER} of them read at once`,
      head: ['compress', 'bytes in Redis', 'ms to read one', 'by none'],
      rows: subjects.map((each) => {
        const own = times.get(each)
        const by = summary(own.map((time, round) => time / times.get(base)[round]))
        return [
          each.title,
          each.bytes,
          median(own).toFixed(3),
          `${by.median.toFixed(2)} ± ${by.deviation.toFixed(2)}`,
        ]
      }),
      bars: [],
    }
  } finally {
    await server.stop()
  }
}

async function subject(server, compress) {
  const { content } = pageOf('html')
  const title = `\`${compress || 'false'}\``
  const redis = { namespace: `at-${compress || 'rest'}` }
  const prefix = PREFIX.replace('cf', redis.namespace)
  const keys = Array.from({ length: TOGETHER }, (_, i) => i)
  const show = (cache) =>
    cache.run(() => Promise.all(keys.map((key) => cache.fragment('page', { key }, () => content))))
  const writer = await instance(server, { compress }, redis)
  await show(writer)
  await stored(server, TOGETHER, `${prefix}exp`)
  await writer.close()
  const [name] = (await server.keys()).filter((key) => key.startsWith(`${prefix}v:`))
  const bytes = await server.control.strlen(name)
  return {
    title,
    bytes,
    read: async () => {
      const cache = await instance(server, { compress }, redis)
      const from = performance.now()
      await show(cache)
      const time = (performance.now() - from) / TOGETHER
      if (cache.stats().fragmentHits !== TOGETHER) throw new Error(`${title} was not read.`)
      await cache.close()
      return time
    },
  }
}
