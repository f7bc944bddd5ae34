/**
 * A shop whose hits are measured while it makes other pages: each waits for a database, and then keeps the processor busy as a template does.
 * `node warming.js <share>`, or `node warming.js fetch`: a loop of a few lines asks for them, four at a time.
 */
import http from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

import express from 'express5'

import { cacheflow } from '../../dist/adapters/express/index.js'
import { pageOf } from '../pages.js'

/** Milliseconds that a page waits for its rows. */
const WAITING = 10

const { content } = pageOf('html')
const isLoop = process.argv[2] === 'fetch'
const cache = cacheflow({
  maxAge: '1h',
  warming: { maxUtilization: isLoop ? 1 : Number(process.argv[2]) },
})
const app = express()
app.use(cache)
app.get('/hit', (_req, res) => res.send(content))

let made = 0
app.get('/p/:id', async (req, res) => {
  made++
  await pause(WAITING)
  res.send(rendered(req.params.id))
})

/** Some 0.5 ms of what template engines do, and 20 KiB. */
function rendered(id) {
  let text = ''
  for (let row = 0; text.length < 20_000; row++) {
    const name = `Product ${id} <${row}> & more`.replaceAll(
      /[&<>]/g,
      (sign) => `&#${sign.charCodeAt(0)};`,
    )
    text += `<li class="card"><a href="/products/${id}/${row}">${name}</a></li>\n`
  }
  return text
}

async function loop(signal) {
  while (!signal.aborted) {
    const response = await fetch(`http://127.0.0.1:${server.address().port}/p/${next++}`)
    await response.arrayBuffer()
  }
}

let next = 0
let running
const answers = {
  start: () => {
    const stop = new AbortController()
    const pages = function* () {
      for (;;) yield `/p/${next++}`
    }
    const run = isLoop
      ? Promise.all(Array.from({ length: 4 }, () => loop(stop.signal)))
      : cache.warm(app, { pages, signal: stop.signal })
    running = { stop, run }
    return {}
  },
  stop: async () => {
    running.stop.abort()
    await running.run
    return {}
  },
  made: () => ({ made }),
}

const server = http.createServer({ keepAliveTimeout: 600_000 }, app)
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('message', async (message) => process.send(await answers[message]()))
process.on('disconnect', () => process.exit(0))
