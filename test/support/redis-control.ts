import { Redis } from 'ioredis'

/** How long a command may take, in milliseconds. */
const patience = 15_000

/** The tests' own connection to a server: made when it is needed, and made again when it was lost. */
export class RedisControl {
  readonly #port: number
  #connection: Redis | undefined

  constructor(port: number) {
    this.#port = port
  }

  /** The reply in RESP2's types. */
  async command(name: string, ...args: (string | number | Buffer)[]): Promise<unknown> {
    const connection = await this.#connect()
    return connection.call(name, ...args)
  }

  async info(section: string): Promise<Map<string, string>> {
    const fields = new Map<string, string>()
    for (const line of String(await this.command('INFO', section)).split('\r\n')) {
      const colon = line.indexOf(':')
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
    }
    return fields
  }

  async commandStats(): Promise<Map<string, number>> {
    const counts = new Map<string, number>()
    for (const [name, value] of await this.info('commandstats')) {
      counts.set(name.replace(/^cmdstat_/, ''), Number(/^calls=(\d+)/.exec(value)?.[1]))
    }
    return counts
  }

  close(): void {
    this.#connection?.disconnect()
    this.#connection = undefined
  }

  async #connect(): Promise<Redis> {
    if (this.#connection?.status === 'end') this.close()
    this.#connection ??= new Redis({
      host: '127.0.0.1',
      port: this.#port,
      protocol: 2,
      connectionName: 'test',
      lazyConnect: true,
      connectTimeout: patience,
      commandTimeout: patience,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      // Whoever waits for a reply gets the error.
    }).on('error', () => undefined)
    if (this.#connection.status === 'wait') await this.#connection.connect()
    return this.#connection
  }
}
