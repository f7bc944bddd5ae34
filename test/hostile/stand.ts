import {
  Agent,
  type IncomingHttpHeaders,
  type RequestListener,
  createServer,
  request,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll } from 'vitest'
import type { Visitor } from './visitors.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Longer than any wait of the cache, milliseconds. */
const patience = 8_000

/** An application without a cache waits for nothing: what takes so long never comes. */
const plainPatience = 2_000

/** A server whose application each plan replaces, and clients that keep their connections. */
export class Stand {
  listener: RequestListener = (_, response) => void response.end()
  readonly #server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) =>
    this.listener(incoming, response),
  )
  readonly #patience: number
  readonly #agents = new Map<string, Agent>()

  /** @param given how long a client waits, milliseconds */
  constructor(given = patience) {
    this.#patience = given
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** An answer that does not come whole has the status 0. */
  ask(
    path: string,
    { from, ...headers }: Visitor = {},
    { method = 'GET', body = '' } = {},
  ): Promise<Answer> {
    const localAddress = from ?? '127.0.0.1'
    const agent = this.#agents.get(localAddress) ?? new Agent({ keepAlive: true })
    this.#agents.set(localAddress, agent)
    const { port } = this
    return new Promise((resolve) => {
      const fail = (error: Error): void => {
        resolve({ status: 0, headers: {}, body: `${error.name}: ${error.message}` })
      }
      const client = request({
        host: '127.0.0.1',
        port,
        path,
        method,
        headers,
        agent,
        localAddress,
      })
      client.on('error', fail).on('response', (response) => {
        let text = ''
        response.setEncoding('latin1')
        response.on('data', (chunk) => (text += String(chunk)))
        response.on('error', fail)
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        })
      })
      const waits = this.#patience
      client.setTimeout(waits, () => client.destroy(new Error(`no answer in ${waits} ms`)))
      client.end(body)
    })
  }
}

/** One with the cache and one without, up for the tests of a file. */
export function stands(): { readonly cached: Stand; readonly plain: Stand } {
  const both = { cached: new Stand(), plain: new Stand(plainPatience) }
  beforeAll(async () => {
    await both.cached.open()
    await both.plain.open()
  })
  afterAll(() => {
    both.cached.close()
    both.plain.close()
  })
  return both
}

/** The cache's own member of Cache-Status, the last one. */
export function isHit({ headers }: Answer): boolean {
  const status = String(headers['cache-status'] ?? '')
  return /cacheflow; hit/.test(status.split(/,\s*(?=cacheflow)/).at(-1) ?? '')
}
