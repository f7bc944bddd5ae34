// One instance of a site that shares a Redis, for together.test.ts. What it makes, it writes down in that Redis.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import express from 'express'
import Redis from 'ioredis'
import Koa from 'koa'
import Router from '@koa/router'
import { answerCalls } from '../../support/worker-calls.js'

const [directory, framework, redisPort, origin, count, duration, more] = process.argv.slice(2)
const { cacheflow } = await import(`${directory}/adapters/${framework}/index.js`)

const client = new Redis(Number(redisPort))
const cache = cacheflow({
  maxAge: '1h',
  redis: { client, maxStaleness: '600ms' },
  warming: { origin, parallelism: 4, ...JSON.parse(more) },
})
let runs = 0
cache.on('warm', () => runs++)
const warm = Array.from({ length: Number(count) }, (_, i) => i)

async function make(id) {
  await client.rpush('made', `${id}`)
  await pause(Number(duration))
  return `page ${id}`
}

const { app, listener } = framework === 'express' ? onExpress() : onKoa()
const server = createServer(listener).listen(0, '127.0.0.1')
await once(server, 'listening')

function onExpress() {
  const site = express()
  site.use(cache)
  site.get('/p/:id', cache.route({ warm, tags: ['pages'] }), async (request, response) => {
    response.send(await make(request.params.id))
  })
  return { app: site, listener: site }
}

function onKoa() {
  const site = new Koa()
  site.use(cache)
  const router = new Router()
  router.get('/p/:id', cache.route({ warm, tags: ['pages'] }), async (ctx) => {
    ctx.body = await make(ctx.params.id)
  })
  site.use(router.routes())
  return { app: site, listener: site.callback() }
}

answerCalls({
  warm: (options) => cache.warm(app, options),
  invalidate: () => cache.invalidate({ tag: 'pages' }),
  runs: () => runs,
  port: () => server.address().port,
})
