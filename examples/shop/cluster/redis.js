import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'

const usualAddress = 'redis://127.0.0.1:6379'
const programs = ['redis-server', 'valkey-server']
/** How long a server that was just started may take until it answers, milliseconds. */
const patience = 10_000

/**
 * The Redis that is there, or one that is started for as long as the shop is open.
 *
 * @param {string | undefined} given    REDIS_URL
 * @param {object} [where]
 * @param {string} [where.usual]    the address at which one is looked for
 * @param {string} [where.path]    the folders in which a program is looked for, as in PATH
 * @returns {Promise<{ url: string, origin: string, stop: () => Promise<void> }>}
 * @throws an Error that says in one line what to do when there is none
 */
export async function findRedis(
  given,
  { usual = usualAddress, path = process.env.PATH ?? '' } = {},
) {
  const nothingToStop = async () => {}
  if (given) {
    if (await answers(given)) return { url: given, origin: 'REDIS_URL', stop: nothingToStop }
    throw new Error('No Redis answers at the address in REDIS_URL.')
  }
  if (await answers(usual)) return { url: usual, origin: 'found there', stop: nothingToStop }
  const program = findProgram(path)
  if (program !== undefined) return start(program)
  throw new Error(
    'The shop needs a Redis: `apt-get install redis-server`, `brew install redis`, ' +
      'or REDIS_URL=redis://host:6379 for one that runs elsewhere.',
  )
}

/** @param {string} url */
async function answers(url) {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: 1_000,
    retryStrategy: () => null,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

/** @param {string} path */
function findProgram(path) {
  const folders = path.split(delimiter).filter(Boolean)
  return programs.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** @param {string} program */
async function start(program) {
  const port = await freePort()
  // What a cache holds need not outlive it: nothing is written to disk.
  const settings = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = spawn(program, [...settings, '--dir', tmpdir()].map(String), { stdio: 'ignore' })
  let hasEnded = false
  const ended = new Promise((resolve) => {
    for (const event of ['exit', 'error']) server.once(event, resolve)
  }).then(() => (hasEnded = true))
  const stop = async () => {
    server.kill('SIGTERM')
    await ended
  }

  const url = `redis://127.0.0.1:${port}`
  const deadline = performance.now() + patience
  while (!(await answers(url))) {
    if (hasEnded || performance.now() > deadline) {
      await stop()
      throw new Error(`${program} does not start. Try it by hand, and look at what it says.`)
    }
    await pause(50)
  }
  return { url, origin: `${program}, started for the shop`, stop }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
