/**
 * What values cost in the memory of Redis, and what is left of a day in which everything changed again and again.
 */
import http from 'node:http'

import express from 'express5'
import { cacheflow } from '../../dist/adapters/express/index.js'
import { entity } from '../../dist/src/index.js'
import { pageOf } from '../pages.js'
import { bentocache } from './doll.js'
import { PREFIX, instance, sharing, stored, until } from './instance.js'
import { RedisServer } from './server.js'

const SMALL = 'A sentence that says it. '.repeat(12)
const BATCH = 1000
const HOUR = 3_600_000

/** @param {{ quick: boolean }} options */
export async function memoryReport({ quick }) {
  const fragments = quick ? 5000 : 20_000
  const pages = quick ? 200 : 1000
  const raw = await grown(fragments, (server) => rawValues(server, fragments, SMALL))
  const own = await grown(fragments, (server) => ownFragments(server, fragments))
  const theirs = await grown(fragments, (server) => theirValues(server, fragments, SMALL, true))
  const { content } = pageOf('html')
  const rawPage = await grown(pages, (server) => rawValues(server, pages, content))
  const ownPage = await grown(pages, (server) => ownPages(server, pages))
  const theirPage = await grown(pages, (server) => theirValues(server, pages, content, false))
  const day = await churn(quick)
  const rowOf = (title, { bytes, keys }, base) => [
    title,
    bytes.toFixed(0),
    (bytes / base.bytes).toFixed(2),
    keys.toFixed(2),
  ]
  return {
    title: 'Memory in Redis',
    head: ['', 'bytes each', 'by a raw SET', 'keys each'],
    rows: [
      rowOf(`a raw SET of ${SMALL.length} bytes`, raw, raw),
      rowOf('cacheflow: a fragment of them with 3 dependencies', own, raw),
      rowOf('bentocache: a value of them with 3 tags', theirs, raw),
      rowOf('a raw SET of 20 KiB', rawPage, rawPage),
      rowOf('cacheflow: a response of 20 KiB', ownPage, rawPage),
      rowOf('bentocache: a value of 20 KiB', theirPage, rawPage),
    ],
    bars: [
      {
        title: 'keys that remain of a day of churn',
        limit: 2,
        found: day.keys.length,
        met: day.keys.length <= 2,
      },
    ],
    notes: [
      `A day by the option \`clock\`: ${day.steps} steps, in each of them ${day.changes} records changed and what shows them made anew, ${day.made} fragments in all. At its most ${day.most} keys (${mebibytes(day.mostBytes)}); when all of it had expired ${day.keys.length}: ${day.keys.map((name) => `\`${name}\``).join(', ')}, with ${day.versions} fields, ${day.log} lines and ${mebibytes(day.bytes - day.empty)} more than an empty server.`,
    ],
  }
}

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`

/** Bytes and keys for each of `count`, on a server of its own. */
async function grown(count, fill) {
  const server = await RedisServer.start()
  try {
    const before = await server.memory()
    const end = await fill(server)
    const keys = await server.control.dbsize()
    const bytes = await server.memory()
    await end?.()
    return { bytes: (bytes - before) / count, keys: keys / count }
  } finally {
    await server.stop()
  }
}

async function rawValues(server, count, text) {
  for (let i = 0; i < count; i++) {
    void server.control.set(`raw:${i}`, text, 'EX', 3600)
    if (i % BATCH === 0) await server.control.ping()
  }
  await server.control.ping()
}

async function ownFragments(server, count) {
  const cache = await instance(server)
  for (let i = 0; i < count; i++) {
    const tags = [`row:${i}`, `author:${i % 500}`, `list:${i % 10}`]
    await cache.fragment('row', { key: i, maxAge: '1h', tags }, () => SMALL)
    if (i % BATCH === 0) await stored(server, i)
  }
  await stored(server, count)
  return () => cache.close()
}

async function theirValues(server, count, text, isTagged) {
  const client = server.client()
  const { cache } = bentocache(client)
  for (let i = 0; i < count; i++) {
    const tags = isTagged ? [`row:${i}`, `author:${i % 500}`, `list:${i % 10}`] : []
    await cache.set({ key: `row:${i}`, value: text, ttl: '1h', tags })
  }
  return () => cache.disconnectAll()
}

async function ownPages(server, count) {
  const { content } = pageOf('html')
  const cache = cacheflow({ maxAge: '1h', ...sharing(server) })
  const app = express().use(cache)
  app.get('/pages/:id', (_req, res) => res.type('html').send(content))
  const listening = http.createServer(app).listen(0, '127.0.0.1')
  await until(() => listening.listening && cache.status().connected, 'a server')
  const { port } = listening.address()
  for (let i = 0; i < count; i++) {
    const response = await fetch(`http://127.0.0.1:${port}/pages/${i}`)
    await response.text()
  }
  await stored(server, count)
  return async () => {
    listening.closeAllConnections()
    listening.close()
    await cache.close()
  }
}

/** Records of three generations: posts with comments on pages. */
async function churn(quick) {
  const steps = quick ? 48 : 288
  const changes = quick ? 20 : 50
  const posts = 500
  const server = await RedisServer.start()
  try {
    const empty = await server.memory()
    let now = Date.now()
    let made = 0
    // Garbage is collected with the heartbeats: some more of them than in an application, for the day is short.
    const options = { clock: () => now, memory: { maxSize: '16MiB' } }
    const cache = await instance(server, options, { maxStaleness: '60ms' })
    const post = entity('post')
    const rows = Array.from({ length: posts }, (_, id) => ({ id, updatedAt: 1, comment: 1 }))
    const comment = entity('comment', { touch: ({ postId }) => post.ref(postId) })
    const body = async (row) => {
      made++
      const own = { id: row.comment, postId: row.id, updatedAt: row.updatedAt }
      const inner = await cache.fragment('comment', comment(own), { maxAge: '2h' }, () => {
        made++
        return SMALL
      })
      return `<article>${row.id}${inner}</article>`
    }
    let most = 0
    let mostBytes = 0
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < changes; i++) {
        const row = rows[(step * 7 + i * 11) % posts]
        row.updatedAt++
        // A new record each time: what was known of the old one must go.
        row.comment = step * 1000 + i
        await cache.touch(post(row))
        await cache.fragment('post', post(row), { maxAge: '2h' }, () => body(row))
      }
      now += (24 * HOUR) / steps
      if (step % 8 === 0) {
        most = Math.max(most, await server.control.dbsize())
        mostBytes = Math.max(mostBytes, await server.memory())
      }
    }
    now += 48 * HOUR
    // Only what can be known to be gone is waited for; what else is there would be what is looked for.
    await until(async () => (await server.control.exists(`${PREFIX}exp`)) === 0, 'the clean-up')
    await until(async () => (await server.control.exists(`${PREFIX}sweeps`)) === 0, 'the sweeps')
    await cache.close()
    const keys = await server.keys()
    const versions = await server.control.hlen(`${PREFIX}ver`)
    const log = await server.control.xlen(`${PREFIX}log`)
    const bytes = await server.memory()
    return { steps, changes, made, most, mostBytes, keys, versions, log, bytes, empty }
  } finally {
    await server.stop()
  }
}
