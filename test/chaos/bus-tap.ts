import { Redis } from 'ioredis'

/** So many messages are remembered. */
const most = 100

/** Listens to what the instances tell each other. */
export class BusTap {
  readonly messages: string[] = []
  readonly #redis: Redis

  constructor(port: number) {
    this.#redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50 })
    this.#redis.on('error', () => undefined)
    this.#redis.on('message', (_channel: string, message: string) => {
      this.messages.push(message)
      if (this.messages.length > most) this.messages.shift()
    })
    // It subscribes again by itself whenever the server comes back.
    void this.#redis.subscribe('cacheflow:invalidation').catch(() => undefined)
  }

  close(): void {
    this.#redis.disconnect()
  }
}
