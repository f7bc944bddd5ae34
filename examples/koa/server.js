import { createServer } from 'node:http'
import { createApi } from './api.js'
import { Stations } from './stations.js'

const { PORT = '3000', HOST = 'localhost' } = process.env

const { app, cache } = createApi({ stations: new Stations() })
for (const name of ['hit', 'miss', 'bypass', 'uncacheable', 'invalidate']) {
  cache.on(name, (event) => {
    const about = event.dependency ?? event.key ?? `${event.method} ${event.url}`
    console.log(`${name.padEnd(10)}  ${about}  ${event.reason ?? ''}`)
  })
}

// wrap() answers hits before Koa makes a context; the app's own `app.use(cache)` then steps aside.
const server = createServer(cache.wrap(app))
server.listen(Number(PORT), HOST, () => {
  const url = `http://${HOST}:${server.address().port}`
  console.log(`
  Weather stations. In another terminal, twice:

    curl -i ${url}/stations/pass

  then record a reading, and ask again:

    curl -i ${url}/stations/pass/readings --json '{"celsius": -2.5}'
`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    // The requests under way come to their end, and then the cache is closed.
    server.close(() => cache.close())
  })
}
