// One instance that shares a Redis, for together.test.ts. It has as many sites as it is asked for, in any framework. What they make, they
// write down in that Redis.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import Router from '@koa/router'
import express5 from 'express'
import express4 from 'express4'
import Redis from 'ioredis'
import Koa3 from 'koa'
import Koa2 from 'koa2'
import { answerCalls } from '../../support/worker-calls.js'

const [directory, redisPort, origin] = process.argv.slice(2)
const { cacheflow: forExpress } = await import(`${directory}/adapters/express/index.js`)
const { cacheflow: forKoa } = await import(`${directory}/adapters/koa/index.js`)

const client = new Redis(Number(redisPort))
const sites = new Map()

function expressSite(express, cache, warm, make) {
  const app = express()
  app.use(cache)
  app.get('/', cache.route({ warm: ['/'] }), async (request, response) => {
    response.send(await make('home'))
  })
  app.get('/p/:id', cache.route({ warm, tags: ['pages'] }), async (request, response) => {
    response.send(await make(request.params.id))
  })
  return { app, listener: app }
}

function koaSite(Koa, cache, warm, make) {
  const app = new Koa()
  app.use(cache)
  const router = new Router()
  router.get('/', cache.route({ warm: ['/'] }), async (ctx) => {
    ctx.body = await make('home')
  })
  router.get('/p/:id', cache.route({ warm, tags: ['pages'] }), async (ctx) => {
    ctx.body = await make(ctx.params.id)
  })
  app.use(router.routes())
  return { app, listener: app.callback() }
}

const builders = {
  'Express 4': [forExpress, expressSite, express4],
  'Express 5': [forExpress, expressSite, express5],
  'Koa 2': [forKoa, koaSite, Koa2],
  'Koa 3': [forKoa, koaSite, Koa3],
}

answerCalls({
  /** Begins a site of `count` pages and a home page, each of which takes `duration` milliseconds. @returns its port */
  async begin({ framework, namespace, count, duration, warming }) {
    const [cacheflow, build, constructor] = builders[framework]
    const cache = cacheflow({
      maxAge: '1h',
      redis: { client, namespace, maxStaleness: '600ms' },
      warming: { origin, parallelism: 4, ...warming },
    })
    const site = { cache, runs: 0 }
    cache.on('warm', () => site.runs++)
    const make = async (id) => {
      await client.rpush(`made:${namespace}`, id)
      await pause(duration)
      return `page ${id}`
    }
    const warm = Array.from({ length: count }, (_, i) => i)
    const { app, listener } = build(constructor, cache, warm, make)
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    sites.set(namespace, Object.assign(site, { app }))
    return server.address().port
  },
  runs: (namespace) => sites.get(namespace).runs,
  invalidate: (namespace) => sites.get(namespace).cache.invalidate({ tag: 'pages' }),
  warm: (namespace, options) => sites.get(namespace).cache.warm(sites.get(namespace).app, options),
})
