/**
 * Processes that share a Redis, and requests to them.
 */
import http from 'node:http'

import { Child } from '../child.js'
import { until } from './instance.js'

export class SharedProcess {
  port
  #child
  #agent = new http.Agent({ keepAlive: true, maxSockets: 1000 })

  /** @param {'cacheflow' | 'bentocache'} kind */
  static async start(kind, redisPort) {
    const own = new SharedProcess()
    own.#child = new Child('server', 'servers/shared.js', [kind, String(redisPort)])
    own.port = (await own.#child.ask()).port
    await until(async () => (await own.#child.ask('status')).connected, 'a connection')
    return own
  }

  /** How often its page has been made. */
  async made() {
    return (await this.#child.ask('made')).made
  }

  /** @returns {Promise<{ milliseconds: number, bytes: number, status: string }>} status: its Cache-Status */
  get(path) {
    const start = performance.now()
    return new Promise((resolve, reject) => {
      const options = {
        port: this.port,
        host: '127.0.0.1',
        path,
        agent: this.#agent,
        headers: { Host: 'shop.test' },
      }
      http
        .get(options, async (response) => {
          const body = Buffer.concat(await response.toArray())
          if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode}`)
          resolve({
            milliseconds: performance.now() - start,
            bytes: body.length,
            status: response.headers['cache-status'] ?? '',
          })
        })
        .on('error', reject)
    })
  }

  async stop() {
    this.#agent.destroy()
    await this.#child.stop()
  }
}
