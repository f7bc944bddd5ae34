import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Express, Request } from 'express'
import type * as expressAdapter from '../../../adapters/express/index.ts'
import type * as cacheflowPackage from '../../../src/index.ts'
import type { CacheflowError, EntityList, EntityRef, FragmentOptions } from '../../../src/index.ts'
import type { Thing } from '../site.ts'
import {
  type Driver,
  type DriverSettings,
  type Made,
  Unconfirmed,
  type Work,
  noWork,
} from './driver.ts'
import { connect } from './redis-client.ts'

type Package = typeof cacheflowPackage
type ExpressAdapter = typeof expressAdapter

interface Row {
  readonly id: number
  readonly updatedAt: number
}

/** The package itself, as an application uses it. */
export class CacheflowDriver implements Driver {
  readonly #cache: ReturnType<ExpressAdapter['cacheflow']>
  readonly #entities: ReturnType<typeof entities>
  readonly #barrier: boolean
  #work = noWork()
  #touches = 0

  private constructor(
    cache: ReturnType<ExpressAdapter['cacheflow']>,
    made: ReturnType<typeof entities>,
    barrier: boolean,
  ) {
    this.#cache = cache
    this.#entities = made
    this.#barrier = barrier
    cache.on('hit', () => this.#work.hits++)
    cache.on('miss', () => this.#work.renders++)
    cache.on('uncacheable', ({ reason }) => {
      if (reason === 'invalidated') this.#work.refusals++
    })
    cache.on('fragment', ({ reason, stored, uncacheable: refusal }) => {
      const isMade = stored || refusal !== undefined
      if (isMade) this.#work.renders++
      else if (reason !== 'off') this.#work.hits++
      if (refusal === 'invalidated') this.#work.refusals++
    })
  }

  static async open({
    package: folder,
    redis,
    staleness,
    barrier,
  }: DriverSettings): Promise<Driver> {
    const load = (file: string): Promise<unknown> => import(pathToFileURL(join(folder, file)).href)
    const { entity } = (await load('src/index.js')) as Package
    const { cacheflow } = (await load('adapters/express/index.js')) as ExpressAdapter
    const client = redis && (await connect(redis))
    const cache = cacheflow({
      maxAge: '1h',
      ...(client && { redis: { client, maxStaleness: staleness, commandTimeout: 250 } }),
    })
    return new CacheflowDriver(cache, entities(entity), barrier)
  }

  mount(app: Express): void {
    app.use(this.#cache)
  }

  job(run: () => Promise<string>): Promise<string> {
    return this.#cache.run(run)
  }

  show(
    name: string,
    { of, version, also = [] }: Made,
    body: () => Promise<string>,
  ): Promise<string> {
    const subject =
      version === undefined
        ? this.#ref(of)
        : this.#entities.author({ id: of.id, updatedAt: version })
    const options: FragmentOptions = {
      tags: also.filter(({ kind }) => kind === 'menu').map(() => 'menu'),
      dependsOn: also.filter(({ kind }) => kind === 'list').map((list) => this.#list(list)),
    }
    return this.#cache.fragment(name, subject, options, body)
  }

  page(
    app: Express,
    pattern: string,
    _also: readonly Thing[],
    render: (request: Request) => Promise<string>,
  ): void {
    app.get(pattern, async (request, response) => {
      response.send(await render(request))
    })
  }

  async invalidate(thing: Thing): Promise<void> {
    try {
      await this.#invalidate(thing)
    } catch (error) {
      if (isUnconfirmed(error)) throw new Unconfirmed(error.message)
      throw error
    }
  }

  async #invalidate(thing: Thing): Promise<void> {
    const options = this.#barrier ? { wait: 'all' as const } : {}
    const { item } = this.#entities
    switch (thing.kind) {
      case 'item':
        // Touches know no barrier; without one they have to be as good as an invalidation.
        if (!this.#barrier && ++this.#touches % 2 === 0) await this.#cache.touch(item.ref(thing.id))
        else await this.#cache.invalidate(item.ref(thing.id), options)
        return
      case 'price':
        await this.#cache.invalidate({ fragment: 'card', of: item.ref(thing.id) }, options)
        return
      case 'list':
        await this.#cache.invalidate(this.#list(thing), options)
        return
      case 'menu':
        await this.#cache.invalidate({ tag: 'menu' }, options)
        return
      case 'banner':
        await this.#cache.invalidate({ route: '/' }, options)
        return
      case 'section':
      case 'author':
        await this.#cache.invalidate(this.#ref(thing), options)
    }
  }

  unconfirmed(): number {
    return this.#cache.status()?.unconfirmed ?? 0
  }

  isConnected(): boolean {
    return this.#cache.status()?.connected ?? true
  }

  takeWork(): Work {
    const work = this.#work
    this.#work = noWork()
    return work
  }

  close(): Promise<void> {
    return this.#cache.close()
  }

  #ref({ kind, id }: Thing): EntityRef {
    const { item, section, author } = this.#entities
    if (kind === 'item') return item.ref(id)
    if (kind === 'section') return section.ref(id)
    if (kind === 'author') return author.ref(id)
    throw new Error(`${kind} is no record`)
  }

  #list({ id }: Thing): EntityList {
    return this.#entities.item.list(`section=${id}`)
  }
}

function entities(entity: Package['entity']) {
  return {
    item: entity<Row>('item'),
    section: entity<Row>('section'),
    author: entity<Row>('author'),
  }
}

// The package is loaded at run time, so its error class is not at hand here.
function isUnconfirmed(error: unknown): error is CacheflowError {
  return error instanceof Error && 'code' in error && error.code === 'ERR_CACHEFLOW_UNCONFIRMED'
}
