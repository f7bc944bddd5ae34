// An instance in a process of its own, for tests that stop or kill it.
import { once } from 'node:events'
import express from 'express'
import { Redis } from 'ioredis'
import { answerCalls } from '../../support/worker-calls.js'

const [directory, port, maxStaleness] = process.argv.slice(2)
const { cacheflow } = await import(`${directory}/adapters/express/index.js`)

const client = new Redis({ port: Number(port), host: '127.0.0.1', lazyConnect: true })
const cache = cacheflow({ redis: { client, maxStaleness: Number(maxStaleness) } })
const app = express()
let runs = 0
let hold = Promise.resolve()
app.use(cache)
app.get('/page', cache.route({ maxAge: '1h', tags: ['page'] }), async (_request, response) => {
  runs++
  await hold
  response.send('page')
})

answerCalls({
  status: () => cache.status(),
  show: (name, text) => cache.fragment(name, { tags: [name] }, () => text),
  invalidate: (target, options) => cache.invalidate(target, options),
  runs: () => runs,
  holdUp: () => {
    hold = new Promise(() => undefined)
  },
  listen: async () => {
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server.address().port
  },
})
