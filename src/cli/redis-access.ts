import type { RedisClient } from '../redis/connection.ts'
import { textIn } from '../redis/reply.ts'
import { UsageError } from './usage.ts'

/** How long Redis may take to be there, and to answer, milliseconds. */
const connectTimeout = 5_000

/**
 * Reaches what a URL names, with the user's own ioredis: one server, or the whole Cluster of which it is a node.
 *
 * @throws UsageError where it is no URL of Redis
 * @throws Error when nobody answers there; never with what is secret in the URL
 */
export async function connected(url: string = 'redis://localhost:6379'): Promise<RedisClient> {
  const place = placeOf(url)
  const { Cluster, Redis } = await import('ioredis').catch((error: unknown) => {
    throw new Error('this command takes the package ioredis: npm install ioredis', { cause: error })
  })
  const server = new Redis(url, {
    lazyConnect: true,
    commandTimeout: connectTimeout,
    // Nothing is tried again: somebody waits at a terminal.
    maxRetriesPerRequest: 0,
    retryStrategy: null,
  })
  await open(server, `Redis at ${place} does not answer`)
  if (!(await isNode(server))) return server
  const { host, port, username, password, tls } = server.options
  server.disconnect()
  const cluster = new Cluster([{ host, port }], {
    lazyConnect: true,
    clusterRetryStrategy: null,
    // Certificates name hosts, and not the addresses of these.
    dnsLookup: (address, found) => found(null, address),
    redisOptions: { username, password, tls, commandTimeout: connectTimeout },
  })
  await open(cluster, `the Cluster of Redis at ${place} does not answer`)
  return cluster
}

async function open(client: RedisClient, otherwise: string): Promise<void> {
  let fault: unknown
  client.on('error', (error: unknown) => (fault = error))
  let timer: NodeJS.Timeout | undefined
  try {
    await Promise.race([
      client.connect(),
      new Promise((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error('timeout')), connectTimeout)
      }),
    ])
  } catch (error) {
    // A connection that has ended already would keep the process for two seconds.
    if (client.status !== 'end') client.disconnect()
    throw new Error(`${otherwise} (${reasonOf(fault ?? error)})`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/** A server of a Cluster answers for its own slots only, and messages take another way there. */
async function isNode(server: RedisClient): Promise<boolean> {
  return textIn(await server.callBuffer('INFO', 'cluster')).includes('cluster_enabled:1')
}

/** In one word: a whole message of Redis may repeat what it was sent, and that was a password. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no connection'
  if ('lastNodeError' in error && error.lastNodeError) return reasonOf(error.lastNodeError)
  if ('code' in error && typeof error.code === 'string') return error.code
  return (
    /\b(?:WRONGPASS|NOAUTH|NOPERM|LOADING|CLUSTERDOWN|timeout)\b/.exec(error.message)?.[0] ??
    'no connection'
  )
}

/** Host and port, for messages, as ioredis finds them: the scheme may be left out, and what begins with a slash is a socket. */
function placeOf(url: string): string {
  if (/^\/(?!\/)/.test(url)) return 'the given socket'
  const whole = /^[a-z][\w+.-]*:\/\//i.test(url) ? url : `redis://${url.replace(/^\/\//, '')}`
  const found = URL.canParse(whole) ? new URL(whole) : undefined
  // A password with a slash ends too early what is read as the host.
  const isCut = found === undefined || `${found.pathname}${found.search}${found.hash}`.includes('@')
  if (!isCut && found.host !== '' && /^rediss?:$/.test(found.protocol)) return found.host
  throw new UsageError(
    'That is no URL of Redis. A user and a password stand in front of the host, and what is special in them is encoded, as encodeURIComponent() does.\n' +
      '  example: npx cacheflow doctor --redis redis://localhost:6379',
  )
}
