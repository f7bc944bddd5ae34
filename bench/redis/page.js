/**
 * A page of 111 fragments whose parts rest in Redis, for an instance that has nothing in its memory.
 */
import http from 'node:http'

import express from 'express5'
import { cacheflow } from '../../dist/adapters/express/index.js'
import { median, summary } from '../statistics.js'
import {
  TEXTS,
  bentocache,
  bodies,
  cacheable,
  card,
  cards,
  flat,
  names,
  page,
  pageKey,
  shell,
} from './doll.js'
import { instance, sharing, stored, until, written } from './instance.js'
import { RedisServer } from './server.js'

/** What all are compared with. */
const BASE = 'one raw MGET of the 111 texts'

/**
 * @typedef {object} Reader
 * @property {() => Promise<unknown>} run       what is timed
 * @property {() => Promise<unknown>} close
 * @property {() => Promise<unknown>} [heard]   waits for the news
 * @property {() => Promise<unknown>} [settle]  waits for what is written behind
 */

/**
 * Who reads, each with a new memory. `before` makes the state that it is to find.
 *
 * @returns {Promise<{ title: string, open: () => Promise<Reader>, before?: () => Promise<unknown> }[]>}
 */
async function readers(server) {
  const raw = server.client()
  await raw.mset([...TEXTS].flatMap(([name, text]) => [`raw:${name}`, text]))
  const rawNames = names.map((name) => `raw:${name}`)

  const writer = await instance(server)
  await writer.run(flat)
  await writer.run(page)
  await written(server, pageKey)
  await stored(server, 2 * names.length)

  const bento = bentocache(raw)
  await bento.flat()
  const filling = cacheable(server.port)
  await filling.fill()
  await filling.end()

  const plain = (title, run) => ({
    title,
    open: async () => {
      const client = server.client()
      await client.ping()
      return { run: () => run(client), close: async () => client.disconnect() }
    },
  })
  const own = (title, job, before, settle) => ({
    title,
    before,
    open: async () => {
      const cache = await instance(server)
      const heard = () => until(() => isHeard(writer, cache), 'an invalidation')
      return { run: () => cache.run(job), close: () => cache.close(), settle, heard }
    },
  })
  const peer = (title, run, before) => ({
    title,
    before,
    open: async () => {
      const client = server.client()
      await client.ping()
      const { cache, ...ways } = bentocache(client)
      return { run: () => run(ways), close: () => cache.disconnectAll() }
    },
  })
  const other = (title, run) => ({
    title,
    open: async () => {
      const reader = cacheable(server.port)
      // It connects with its first command.
      await reader.cache.get('warm')
      return { run: () => run(reader), close: reader.end }
    },
  })
  const pageFell = () => writer.invalidate({ key: pageKey })
  const dollStands = () => written(server, pageKey)
  return {
    end: async () => {
      raw.disconnect()
      await writer.close()
    },
    list: [
      plain(BASE, (client) => client.mgetBuffer(rawNames)),
      plain('111 raw GETs at once', (client) =>
        Promise.all(rawNames.map((name) => client.getBuffer(name))),
      ),
      plain('111 raw GETs, one after another', async (client) => {
        for (const name of rawNames) await client.getBuffer(name)
      }),
      own('cacheflow: 111 fragments side by side', flat),
      own('cacheflow: the same, first read after an invalidation', flat, () =>
        writer.invalidate({ tag: 'nothing' }),
      ),
      own('cacheflow: outermost doll', page),
      own('cacheflow: the page fell, its 110 stand', page, pageFell, dollStands),
      own(
        'cacheflow: one card fell, and its section and page with it',
        page,
        async () => {
          const row = cards[42]
          row.updatedAt++
          await writer.touch(card(row))
        },
        dollStands,
      ),
      ...(await overHttp(server, writer)),
      peer('bentocache: 111 values side by side', ({ flat: run }) => run()),
      peer(
        'bentocache: the page is deleted',
        ({ page: run }) => run(),
        () => bento.cache.delete({ key: 'page' }),
      ),
      peer(
        'bentocache: card, section and page are deleted',
        ({ page: run }) => run(),
        () => bento.cache.deleteMany({ keys: ['page', 'section:4', 'card:42'] }),
      ),
      other('cacheable: 111 times get', ({ each }) => each()),
      other('cacheable: getMany', ({ many }) => many()),
    ],
  }
}

/** The same page as a response around its ten sections. */
async function overHttp(server, writer) {
  const open = async () => {
    const cache = cacheflow({ maxAge: '1h', ...sharing(server) })
    const app = express().use(cache)
    app.get('/page', async (_req, res) => res.send(await shell()))
    app.get('/first', async (_req, res) => res.send(await page()))
    const listening = http.createServer(app).listen(0, '127.0.0.1')
    await until(() => listening.listening && cache.status().connected, 'a server')
    const { port } = listening.address()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    const get = (path) => fetched(port, path, agent)
    // The connection, and from here on requests are observed.
    await get('/nothing')
    return {
      run: () => get('/page'),
      heard: () => until(() => isHeard(writer, cache), 'an invalidation'),
      settle: () => pageStands(server),
      close: async () => {
        agent.destroy()
        listening.close()
        await cache.close()
      },
    }
  }
  // What it encloses is known from the first time on.
  const first = await open()
  await first.run()
  await first.settle()
  await first.close()
  return [
    {
      title: 'cacheflow over HTTP: the response fell, its fragments stand',
      before: () => writer.invalidate({ url: '/page' }),
      open,
    },
    { title: 'cacheflow over HTTP: the response stands', open },
  ]
}

/** What begins before it is heard of would not be stored. */
function isHeard(writer, reader) {
  return reader.status().applied >= writer.status().applied
}

/** Waits until the response stands in Redis. */
function pageStands(server) {
  return until(
    async () => (await server.keys()).some((key) => /rd:v:(?!fragment:).*\/page/.test(key)),
    'the response',
  )
}

/** Under one name: it is a part of the key. */
function fetched(port, path, agent) {
  return new Promise((resolve, reject) => {
    http
      .get(
        { port, host: '127.0.0.1', path, agent, headers: { Host: 'shop.test' } },
        async (response) => {
          resolve(Buffer.concat(await response.toArray()).toString())
        },
      )
      .on('error', reject)
  })
}

/** @param {{ quick: boolean }} options */
export async function pageReport({ quick }) {
  const rounds = quick ? 5 : 25
  const together = quick ? 3 : 5
  const server = await RedisServer.start()
  const { list, end } = await readers(server)
  try {
    const counts = new Map()
    for (const reader of list) counts.set(reader, await counted(server, reader))
    const times = new Map(list.map((reader) => [reader, []]))
    for (let round = -3; round < rounds; round++) {
      for (const reader of list) {
        const time = await timed(reader, together)
        if (round >= 0) times.get(reader).push(time)
      }
    }
    const base = times.get(list[0])
    const rows = list.map((reader) => {
      const own = times.get(reader)
      const by = summary(own.map((time, round) => time / base[round]))
      const { commands, ran } = counts.get(reader)
      return { title: reader.title, commands, ran, time: median(own), by }
    })
    const of = (part) => rows.find(({ title }) => title.includes(part))
    return {
      title: 'A page of 111 fragments, all in Redis, nothing in memory',
      head: ['', 'commands sent', 'bodies that ran', 'ms a page', 'by one raw MGET'],
      rows: rows.map(({ title, commands, ran, time, by }) => [
        title,
        commands,
        title.startsWith('cacheflow') ? ran : '',
        time.toFixed(2),
        `${by.median.toFixed(2)} ± ${by.deviation.toFixed(2)}`,
      ]),
      bars: [
        bar('111 fragments by one MGET of their texts', 1.5, of('side by side').by.median),
        bar('111 fragments: round trips', 1, of('side by side').commands),
        bar('the page fell: round trips', 2, of('its 110 stand').commands),
        bar('one card fell: round trips', 2, of('one card fell').commands),
        bar('the response fell: round trips', 2, of('the response fell').commands),
      ],
    }
  } finally {
    await end()
    await server.stop()
  }
}

const bar = (title, limit, found) => ({ title, limit, found, met: found <= limit })

/** The commands that one page sends, with what is written behind. */
async function counted(server, { open, before }) {
  const { run, heard, settle, close } = await open()
  await before?.()
  await heard?.()
  await server.resetCommands()
  bodies()
  await run()
  const ran = bodies()
  await settle?.()
  const commands = await server.commands()
  await close()
  return { commands, ran }
}

/** Milliseconds, the median of some, each by a reader that knows nothing. */
async function timed({ open, before }, times) {
  const opened = []
  for (let i = 0; i < times; i++) opened.push(await open())
  const own = []
  for (const { run, heard, settle, close } of opened) {
    await before?.()
    await heard?.()
    const start = performance.now()
    await run()
    own.push(performance.now() - start)
    await settle?.()
    await close()
  }
  return median(own)
}
