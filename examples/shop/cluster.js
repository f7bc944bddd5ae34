// The shop as it would run in production: two instances over one database and one Redis, and a front
// door that asks them in turn. One command starts all of it, and Ctrl+C ends all of it.
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createCacheflow } from 'cacheflow'
import { Redis } from 'ioredis'
import { createFrontDoor } from './cluster/front-door.js'
import { findRedis } from './cluster/redis.js'
import { defaultLocation, openDatabase } from './database.js'

const { PORT = '3000', HOST = 'localhost', SHOP_DB = defaultLocation, REDIS_URL } = process.env
const { SHOP_ADMIN_PASSWORD, SHOP_COOKIE_SECRET } = process.env
const namespace = 'shop'

/** What was started, the last thing first: each has a function that ends it. */
const ends = []
let isEnding = false

/** @param {number} [code] */
async function end(code = 0) {
  if (isEnding) return
  isEnding = true
  process.exitCode = code
  for (const stop of ends) await stop()
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end())

try {
  if (SHOP_DB === ':memory:') throw new Error('Several instances need a file: leave SHOP_DB out.')
  const redis = await findRedis(REDIS_URL)
  ends.unshift(redis.stop)
  await forget(redis.url)

  // Made before anybody opens it, so that the instances do not both begin to.
  const database = await openDatabase(SHOP_DB)
  database.close()

  const secret = SHOP_COOKIE_SECRET || randomBytes(32).toString('base64url')
  const names = ['A', 'B']
  const instances = await Promise.all(
    names.map((name, index) =>
      startInstance(name, {
        ...process.env,
        PORT: PORT === '0' ? '0' : String(Number(PORT) + 1 + index),
        REDIS_URL: redis.url,
        SHOP_DB,
        SHOP_COOKIE_SECRET: secret,
        SHOP_INSTANCE: name,
        SHOP_NAMESPACE: namespace,
      }),
    ),
  )

  const ports = instances.map(({ port }) => port)
  const door = createFrontDoor(ports)
  door.listen(Number(PORT), HOST)
  await once(door, 'listening')
  ends.unshift(async () => {
    door.close()
    door.closeAllConnections()
  })
  const url = `http://${HOST}:${door.address().port}`
  console.log(`
  Quill & Kettle is open, twice.

    Shop         ${url}/     asks the instances in turn
    Back office  ${url}/admin/     user admin, ${
      SHOP_ADMIN_PASSWORD ? 'password from SHOP_ADMIN_PASSWORD' : 'password demo'
    }
    Cache        ${url}/_cache/     of the instance whose turn it is
${names.map((name, index) => `    Instance ${name}   http://${HOST}:${ports[index]}/`).join('\n')}
    Redis        ${shown(redis.url)}     ${redis.origin}

  Reload a page a few times: the bar at its bottom tells which instance answered, and whether the
  page came from its memory, from Redis, or was made. Ctrl+C ends everything.
`)
  // Visitors come through the door: pages are made under its name. One instance makes them for both.
  for (const { child } of instances) child.send({ origin: url })
} catch (error) {
  if (!isEnding) {
    console.error(error.code === 'EADDRINUSE' ? portTaken(error.port) : error.message)
    await end(1)
  }
}

/** What an earlier start has left in Redis was made by code that may have been another: it is not served. */
async function forget(url) {
  const client = new Redis(url, { lazyConnect: true })
  const cache = createCacheflow({ redis: { client, namespace } })
  try {
    await cache.invalidate({ all: true })
  } finally {
    await cache.close()
  }
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ child: import('node:child_process').ChildProcess, port: number }>} as soon as it listens
 */
async function startInstance(name, env) {
  const child = fork(join(import.meta.dirname, 'server.js'), { env, silent: true })
  const ended = once(child, 'exit')
  ends.unshift(async () => {
    child.kill('SIGTERM')
    await ended
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => console.log(`${name}  ${line}`))
  }
  child.once('exit', (code, signal) => {
    // The terminal sends Ctrl+C to all of them, and this one may have been the faster.
    if (isEnding || code === 0) return end()
    console.error(`Instance ${name} has ended (${signal ?? `code ${code}`}).`)
    return end(1)
  })
  const [{ port }] = await once(child, 'message')
  return { child, port }
}

/** @param {string} url    may have a password in it */
function shown(url) {
  const { host } = new URL(url)
  return host
}

/** @param {number} port */
function portTaken(port) {
  return `Port ${port} is taken. The shop takes three in a row; choose the first with PORT=4000`
}
