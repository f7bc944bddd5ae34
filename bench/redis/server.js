/**
 * A Redis of the bench's own, at a free port, without anything on disk. It ends with the process that started it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { Redis } from 'ioredis'

/** The server that the tests have fetched, where the system has none. */
const fetched = fileURLToPath(
  new URL('../../node_modules/.cache/cacheflow/redis/redis-server', import.meta.url),
)

/** The first of these that runs; CACHEFLOW_REDIS_SERVER comes first, as in the tests. */
const candidates = [process.env.CACHEFLOW_REDIS_SERVER, 'redis-server', 'valkey-server', fetched]
const binary = candidates.find((name) => name && spawnSync(name, ['--version']).status === 0)

/** Commands by which the bench itself looks: they are no part of what is counted. */
const OWN = /^(?:info|config|slowlog|exists|zcard|dbsize|scan|hlen|xlen|strlen|client|ping|hello)\b/

export class RedisServer {
  port
  #process
  #control

  /** @param {Record<string, string>} config settings beside the bench's own */
  static async start(config = {}) {
    if (!binary)
      throw new Error('There is no redis-server and no valkey-server: see CONTRIBUTING.md.')
    const server = new RedisServer()
    server.port = await freePort()
    const settings = {
      port: server.port,
      bind: '127.0.0.1',
      dir: tmpdir(),
      save: '',
      appendonly: 'no',
      ...config,
    }
    const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
    const child = spawn(binary, given, { stdio: ['ignore', 'pipe', 'inherit'] })
    server.#process = child
    const end = () => child.kill('SIGKILL')
    process.once('exit', end)
    process.once('SIGTERM', leave)
    child.once('exit', () => process.off('exit', end).off('SIGTERM', leave))
    await ready(child)
    server.#control = server.client()
    return server
  }

  /** A client of ioredis, connected as soon as it can. @param {import('ioredis').RedisOptions} options */
  client(options = {}) {
    return new Redis({ port: this.port, host: '127.0.0.1', ...options })
  }

  /** The bench's own client, for looking at the server. */
  get control() {
    return this.#control
  }

  /** The version of the server, with its name. */
  async version() {
    const info = await this.#control.info('server')
    const valkey = /valkey_version:(\S+)/.exec(info)
    return valkey ? `Valkey ${valkey[1]}` : `Redis ${/redis_version:(\S+)/.exec(info)[1]}`
  }

  /** Bytes that it has allocated. */
  async memory() {
    return Number(/used_memory:(\d+)/.exec(await this.#control.info('memory'))[1])
  }

  /** Milliseconds of CPU that it has used for commands: unlike time it does not grow where others want the machine. */
  async cpu() {
    const info = await this.#control.info('cpu')
    const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)[1]) * 1000
    return of('used_cpu_user_main_thread') + of('used_cpu_sys_main_thread')
  }

  /** Counts from here. */
  async resetCommands() {
    await this.#control.config('RESETSTAT')
  }

  /**
   * How many commands clients have sent since then. What a script does within the server is counted there too: where there are
   * scripts, they alone are what was sent.
   */
  async commands() {
    const info = await this.#control.info('commandstats')
    const counts = [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)]
      .map(([, name, calls]) => [name, Number(calls)])
      .filter(([name]) => !OWN.test(name))
    const scripts = counts.filter(([name]) => name.startsWith('eval'))
    return (scripts.length > 0 ? scripts : counts).reduce((sum, [, calls]) => sum + calls, 0)
  }

  /** Milliseconds of the slowest script since the log was reset. */
  async slowest() {
    const entries = await this.#control.slowlog('GET', 1000)
    return Math.max(
      0,
      ...entries
        .filter(([, , , [command]]) => /^eval/i.test(command))
        .map(([, , microseconds]) => microseconds / 1000),
    )
  }

  /** From here on the log has everything that takes a tenth of a millisecond. */
  async resetSlowest() {
    await this.#control.config('SET', 'slowlog-log-slower-than', '100', 'slowlog-max-len', '5000')
    await this.#control.slowlog('RESET')
  }

  /** Every key. */
  async keys() {
    return (await this.#control.keys('*')).toSorted()
  }

  /** Connections stay open, nothing is answered. */
  pause() {
    this.#process.kill('SIGSTOP')
  }

  resume() {
    this.#process.kill('SIGCONT')
  }

  async stop() {
    this.#control.disconnect()
    this.#process.kill('SIGKILL')
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await once(this.#process, 'exit')
  }
}

/** By itself the signal ends a process without a word to anybody. */
function leave() {
  process.exit(143)
}

async function ready(child) {
  const lines = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.includes('Ready to accept connections')) {
      // It goes on writing, and must never find the pipe full.
      child.stdout.resume()
      return
    }
  }
  throw new Error(`The server did not start:\n${lines.join('\n')}`)
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
