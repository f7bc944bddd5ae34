/**
 * One of several processes that share a Redis: `node shared.js <cacheflow|bentocache> <port of Redis>`. Its page takes a while to
 * be made, and its parent is told how often that was.
 */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import express from 'express5'
import { Redis } from 'ioredis'

import { cacheflow } from '../../dist/adapters/express/index.js'
import { pageOf } from '../pages.js'

const [kind, redisPort] = process.argv.slice(2)
const connection = { host: '127.0.0.1', port: Number(redisPort) }
const { content } = pageOf('html')
/** Milliseconds that a page takes to be made: what is read from a database. */
const MAKING = 50

let made = 0
async function render() {
  made++
  await pause(MAKING)
  return content
}

const app = express()
const answers = { made: () => ({ made }) }

if (kind === 'cacheflow') {
  const client = new Redis({ ...connection, lazyConnect: true })
  const cache = cacheflow({ maxAge: '1h', redis: client })
  app.use(cache)
  app.get('/page', async (_req, res) => res.send(await render()))
  answers.status = () => ({ connected: cache.status().connected })
} else {
  const cache = new BentoCache({
    default: 'both',
    stores: {
      both: bentostore()
        .useL1Layer(memoryDriver({ maxItems: 10_000 }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  })
  app.get('/page', async (req, res) =>
    res.send(await cache.getOrSet({ key: req.url, ttl: '1h', factory: render })),
  )
  await cache.get({ key: 'nothing' })
  answers.status = () => ({ connected: true })
}

// Connections wait for the turn of others, and must not be closed meanwhile.
const server = http.createServer({ keepAliveTimeout: 600_000 }, app)
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', (message) => process.send(answers[message]()))
process.on('disconnect', () => process.exit(0))
