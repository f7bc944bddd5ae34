/**
 * Caches as the subjects use them: connected, and with what they have written known to Redis.
 */
import { setTimeout as pause } from 'node:timers/promises'

import { Redis } from 'ioredis'
import { createCacheflow } from '../../dist/src/index.js'

/** The names under which values rest in Redis. */
export const PREFIX = '{cf}:rd:'

/** Options of a cache that shares `server`. A heartbeat would count as a command: there is none in the time of a subject. */
export function sharing(server, redis = {}) {
  const client = new Redis({ port: server.port, host: '127.0.0.1', lazyConnect: true })
  return { redis: { client, maxStaleness: '5m', commandTimeout: '5s', ...redis } }
}

/** One instance, connected. */
export async function instance(server, options = {}, redis = {}) {
  const cache = createCacheflow({ ...sharing(server, redis), ...options })
  await until(() => cache.status().connected, 'a connection')
  return cache
}

/** Waits for what can only be looked at. @param {() => unknown} holds */
export async function until(holds, what, milliseconds = 30_000) {
  const end = performance.now() + milliseconds
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited in vain for ${what}.`)
    await pause(2)
  }
}

/** Waits until a key stands in Redis. */
export function written(server, key) {
  return until(() => server.control.exists(`${PREFIX}v:${key}`), key)
}

/** Waits until so many values stand in Redis. @param {string} at their list, in another namespace */
export function stored(server, count, at = `${PREFIX}exp`) {
  return until(async () => (await server.control.zcard(at)) >= count, `${count} values`)
}
