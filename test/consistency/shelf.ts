import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

/** What rests in Redis, as a test looks at it and takes from it. */
export class Shelf {
  readonly #server: Pick<RedisServer, 'command'>
  readonly #prefix: string

  constructor(server: Pick<RedisServer, 'command'>, namespace = 'cf') {
    this.#server = server
    this.#prefix = `{${namespace}}:rd:`
  }

  /** Resolves when the value of a fragment has come to rest. */
  async has(name: string): Promise<void> {
    await until(`fragment ${name} rests in Redis`, () => this.holds(name))
  }

  async holds(name: string): Promise<boolean> {
    return (await this.#server.command('EXISTS', `${this.#prefix}v:fragment:${name}`)) === 1
  }

  /** Names of keys behind the prefix. */
  async keys(start = ''): Promise<string[]> {
    const found = (await this.#server.command('KEYS', `${this.#prefix}${start}*`)) as string[]
    return found.map((key) => key.slice(this.#prefix.length)).toSorted()
  }

  async remove(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#server.command('DEL', this.#prefix + key)
  }

  key(name: string): string {
    return this.#prefix + name
  }
}
