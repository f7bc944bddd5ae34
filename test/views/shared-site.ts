import type { CacheflowOptions } from 'cacheflow'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import type { Application } from '../support/application.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Language } from './language.ts'
import type { Rows } from './rows.ts'
import { type Place, site } from './site.ts'

let namespaces = 0

/** Instances of one application, which share what they make. */
export class SharedSite {
  readonly #server: RedisServer
  readonly #namespace = `views${++namespaces}`
  readonly #open: (options: CacheflowOptions<unknown>) => Promise<Application>

  constructor(
    server: RedisServer,
    place: Place,
    language: Language,
    folder: string,
    rows: Rows,
    options: CacheflowOptions<unknown> = {},
  ) {
    this.#server = server
    this.#open = (redis) =>
      site(place, language, folder, () => rows.locals(), { ...redis, ...options })
  }

  /** An instance that knows nothing yet. */
  async start(): Promise<Application> {
    const client = new Redis(this.#server.port, { lazyConnect: true })
    onTestFinished(() => client.disconnect())
    // No heartbeat falls into what is counted.
    const app = await this.#open({
      redis: { client, namespace: this.#namespace, maxStaleness: '1h', commandTimeout: '10s' },
    })
    await until('Redis is there', () => app.cache.status()?.connected === true)
    return app
  }

  /** Resolves when everything that an instance has stored rests in Redis. */
  async written(app: Application): Promise<void> {
    const keys = [...app.seen('fragment').filter(({ stored }) => stored), ...app.seen('store')]
    await until('it is written', async () => {
      for (const { key } of keys) {
        const name = `{${this.#namespace}}:rd:v:${key}`
        if ((await this.#server.command('EXISTS', name)) !== 1) return false
      }
      return true
    })
  }

  /** How many scripts Redis ran meanwhile: each is one round trip. */
  async scriptsOf(run: () => Promise<unknown>): Promise<number> {
    const before = await this.#scripts()
    await run()
    return (await this.#scripts()) - before
  }

  async #scripts(): Promise<number> {
    return (await this.#server.commandStats()).get('evalsha') ?? 0
  }
}
