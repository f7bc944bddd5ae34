import { AsyncLocalStorage } from 'node:async_hooks'
import type { Express, Request } from 'express'
import type { Redis } from 'ioredis'
import { type Thing, nameOf } from '../site.ts'
import {
  type Driver,
  type DriverSettings,
  type Made,
  Unconfirmed,
  type Work,
  noWork,
} from './driver.ts'
import { connect } from './redis-client.ts'

/** What is kept in memory: a text, and the tags that it falls with. */
interface Kept {
  readonly text: string
  readonly tags: readonly string[]
}

const lifetime = 3600
const channel = 'naive:invalidation'
const timeout = 250

/**
 * A cache as many are written by hand: GET and SET with a lifetime, a set of keys for each tag, DEL and a message when
 * something changes, and a map in memory before it all. It does nothing wrong in the order in which people think of it,
 * and the harness has to see it fail.
 */
export class NaiveDriver implements Driver {
  readonly #memory = new Map<string, Kept>()
  readonly #redis: Redis | undefined
  readonly #subscriber: Redis | undefined
  readonly #making = new AsyncLocalStorage<Set<string>>()
  #lost = 0
  #work = noWork()

  private constructor(redis: Redis | undefined, subscriber: Redis | undefined) {
    this.#redis = redis
    this.#subscriber = subscriber
    subscriber?.on('message', (_channel: string, keys: string) => {
      for (const key of keys.split('\n')) this.#memory.delete(key)
    })
  }

  static async open({ redis }: DriverSettings): Promise<Driver> {
    if (redis === undefined) return new NaiveDriver(undefined, undefined)
    const subscriber = await connect(redis)
    await subscriber.subscribe(channel)
    return new NaiveDriver(await connect(redis), subscriber)
  }

  mount(): void {
    // Each page caches itself.
  }

  job(run: () => Promise<string>): Promise<string> {
    return run()
  }

  show(
    name: string,
    { of, version, also = [] }: Made,
    body: () => Promise<string>,
  ): Promise<string> {
    const key = `${name} ${nameOf(of)}${version === undefined ? '' : ` ${version}`}`
    return this.#cached(key, [of, ...also].map(nameOf), body)
  }

  page(
    app: Express,
    pattern: string,
    also: readonly Thing[],
    render: (request: Request) => Promise<string>,
  ): void {
    app.get(pattern, async (request, response) => {
      const made = this.#cached(request.path, also.map(nameOf), () => render(request))
      response.send(await made)
    })
  }

  async invalidate(thing: Thing): Promise<void> {
    const tag = nameOf(thing)
    for (const [key, { tags }] of this.#memory) if (tags.includes(tag)) this.#memory.delete(key)
    if (this.#redis === undefined) return
    try {
      await within(this.#fell(this.#redis, tag))
    } catch (error) {
      this.#lost++
      throw new Unconfirmed(String(error))
    }
  }

  async #fell(redis: Redis, tag: string): Promise<void> {
    const keys = await redis.smembers(`tag:${tag}`)
    if (keys.length === 0) return
    await redis.del(...keys, `tag:${tag}`)
    await redis.publish(channel, keys.join('\n'))
  }

  unconfirmed(): number {
    return this.#lost
  }

  isConnected(): boolean {
    return this.#redis === undefined || this.#redis.status === 'ready'
  }

  takeWork(): Work {
    const work = this.#work
    this.#work = noWork()
    return work
  }

  async close(): Promise<void> {
    this.#redis?.disconnect()
    this.#subscriber?.disconnect()
  }

  async #cached(
    key: string,
    tags: readonly string[],
    body: () => Promise<string>,
  ): Promise<string> {
    const kept = this.#memory.get(key) ?? (await this.#read(key))
    if (kept) {
      this.#work.hits++
      this.#enclose(kept)
      return kept.text
    }
    this.#work.renders++
    const used = new Set(tags)
    const text = await this.#making.run(used, body)
    const made = { text, tags: [...used] }
    this.#memory.set(key, made)
    this.#enclose(made)
    await this.#write(key, made)
    return text
  }

  #enclose({ tags }: Kept): void {
    const render = this.#making.getStore()
    for (const tag of tags) render?.add(tag)
  }

  async #read(key: string): Promise<Kept | undefined> {
    if (this.#redis === undefined) return undefined
    try {
      const found = await within(this.#redis.get(key))
      if (found === null) return undefined
      const kept = JSON.parse(found) as Kept
      this.#memory.set(key, kept)
      return kept
    } catch {
      return undefined
    }
  }

  async #write(key: string, made: Kept): Promise<void> {
    if (this.#redis === undefined) return
    const pipeline = this.#redis.pipeline().set(key, JSON.stringify(made), 'EX', lifetime)
    for (const tag of made.tags) pipeline.sadd(`tag:${tag}`, key)
    try {
      await within(pipeline.exec())
    } catch {
      // The page is there all the same.
    }
  }
}

/** Rejects when it takes too long. */
async function within<Result>(work: Promise<Result>): Promise<Result> {
  let late: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      work,
      new Promise<never>((_resolve, reject) => {
        late = setTimeout(() => reject(new Error(`no reply within ${timeout} ms`)), timeout)
      }),
    ])
  } finally {
    clearTimeout(late)
  }
}
