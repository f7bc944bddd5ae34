import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { progressBar, warmLine } from 'cacheflow'
import { defaultLocation, openDatabase } from './database.js'
import { printRequest } from './request-log.js'
import { createShop } from './shop.js'

const {
  PORT = '3000',
  HOST = 'localhost',
  NODE_ENV,
  SHOP_DB = defaultLocation,
  SHOP_ADMIN_PASSWORD,
  SHOP_COOKIE_SECRET,
  SHOP_INSTANCE = String(process.pid),
  SHOP_NAMESPACE = 'shop',
  SHOP_ORIGIN,
  SHOP_WARMING,
  REDIS_URL,
} = process.env

const adminPassword = SHOP_ADMIN_PASSWORD || 'demo'
const database = await openDatabase(SHOP_DB)
const redis = REDIS_URL && {
  client: await clientOf(REDIS_URL),
  namespace: SHOP_NAMESPACE,
  wait: 'all',
}
const { app, cache, journal } = createShop({
  database,
  adminPassword,
  // Without a secret of its own the shop forgets carts when it restarts.
  cookieSecret: SHOP_COOKIE_SECRET || randomBytes(32).toString('base64url'),
  development: NODE_ENV !== 'production',
  instance: SHOP_INSTANCE,
  ...(redis && { cacheOptions: { redis } }),
})

cache.on('warm', (report) => console.log(warmLine(report)))

const server = createServer(journal.follow(app, printRequest))

server.once('error', (error) => {
  console.error(
    error.code === 'EADDRINUSE'
      ? `Port ${PORT} is taken. Choose another one with PORT=3001`
      : error.message,
  )
  process.exit(1)
})

server.listen(Number(PORT), HOST, () => {
  const { port } = server.address()
  // Whoever has started several instances tells of all of them at once, and where visitors see them.
  if (process.send) {
    process.once('message', ({ origin }) => warm(origin))
    return process.send({ port })
  }
  const url = `http://${HOST}:${port}`
  console.log(`
  Quill & Kettle is open.

    Shop         ${url}/
    Back office  ${url}/admin/     user admin, ${describe(SHOP_ADMIN_PASSWORD)}
    Cache        ${url}/_cache/${redis ? '\n    Redis        what is stored is shared with other instances' : ''}

  Open a page twice and compare the lines below. Ctrl+C closes the shop.
`)
  void warm(url)
})

/**
 * The home page, the categories and the best sellers are made before somebody asks, by one of the
 * instances that share a Redis. The shop is open meanwhile.
 *
 * @param {string} origin    under which visitors see the shop: it is part of what a page is stored under
 */
async function warm(origin) {
  if (SHOP_WARMING === 'off' || isClosing) return
  await cache.warm(app, { origin: SHOP_ORIGIN || origin, onProgress: progressBar() })
}

function describe(password) {
  return password ? 'password from SHOP_ADMIN_PASSWORD' : `password ${adminPassword}`
}

/**
 * The cache makes connections of its own from this client, which therefore need not connect.
 * @param {string} url
 */
async function clientOf(url) {
  const { Redis } = await import('ioredis')
  return new Redis(url, { lazyConnect: true })
}

let isClosing = false
// An instance does not outlive the process that has started it.
for (const signal of ['SIGINT', 'SIGTERM', 'disconnect']) {
  process.once(signal, () => {
    if (isClosing) return
    isClosing = true
    // The requests under way come to their end before the cache and the database are closed.
    server.close(async () => {
      await cache.close()
      database.close()
      if (process.connected) process.disconnect()
    })
  })
}
