import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
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
} = process.env

const adminPassword = SHOP_ADMIN_PASSWORD || 'demo'
const database = await openDatabase(SHOP_DB)
const { app, cache, journal } = createShop({
  database,
  adminPassword,
  // Without a secret of its own the shop forgets carts when it restarts.
  cookieSecret: SHOP_COOKIE_SECRET || randomBytes(32).toString('base64url'),
  development: NODE_ENV !== 'production',
})

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
  const url = `http://${HOST}:${server.address().port}`
  console.log(`
  Quill & Kettle is open.

    Shop         ${url}/
    Back office  ${url}/admin/     user admin, ${describe(SHOP_ADMIN_PASSWORD)}
    Cache        ${url}/_cache/

  Open a page twice and compare the lines below. Ctrl+C closes the shop.
`)
})

function describe(password) {
  return password ? 'password from SHOP_ADMIN_PASSWORD' : `password ${adminPassword}`
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    server.close()
    server.closeAllConnections()
    await cache.close()
    database.close()
  })
}
