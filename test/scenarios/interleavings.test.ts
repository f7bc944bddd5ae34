import { describe, expect, it } from 'vitest'
import type { InvalidationTarget } from 'cacheflow'
import { type Answer, type Application, expressApplication } from '../support/application.ts'
import { latch } from '../support/latch.ts'
import { Random } from '../support/random.ts'

/** A page, the records it is made from, and how its handler tells of them. */
interface Page {
  readonly path: string
  readonly records: readonly string[]
  readonly naming: 'early' | 'late' | 'at the end'
}

const records = ['a', 'b', 'c', 'd', 'e'] as const

const pages: readonly Page[] = [
  { path: '/0', records: ['a'], naming: 'early' },
  { path: '/1', records: ['a', 'b'], naming: 'late' },
  { path: '/2', records: ['b', 'c', 'd'], naming: 'at the end' },
  { path: '/3', records: ['d'], naming: 'late' },
  { path: '/4', records: [], naming: 'early' },
  { path: '/5', records: [...records], naming: 'at the end' },
]

/** A handler's run, held after its reads. */
interface Run {
  readonly page: Page
  /** The number of invalidations done when it began. */
  readonly began: number
  readonly read: Readonly<Record<string, number>>
  release(): void
}

/** A request that has not been answered. */
interface Asked {
  readonly page: Page
  /** What the records were when it was asked: all of it invalidated. */
  readonly floor: ReadonlyMap<string, number>
  readonly answer: Promise<Answer>
}

/** Applications whose records change at random while their pages are made, and a model that says what may be served. */
class World {
  readonly app: Application
  readonly versions: Map<string, number> = new Map(records.map((record) => [record, 1]))
  readonly runs: Run[] = []
  readonly asked = new Set<Asked>()
  readonly faults: string[] = []
  /** When each page's stored response began to be made, in invalidations done; absent: nothing may be stored. */
  readonly stored = new Map<string, number>()
  readonly seen = { hits: 0, made: 0, collapsed: 0, refused: 0 }
  readonly #log: { readonly fells: (page: Page) => boolean }[] = []

  static async open(): Promise<World> {
    const handlers: {
      run?: (page: Page) => { read: Record<string, number>; held: Promise<void> }
    } = {}
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      for (const page of pages) {
        express.get(page.path, async (_request, response) => {
          const draft = response.locals.cacheflow
          if (page.naming === 'early') draft.tag(...page.records)
          const { read, held } = handlers.run?.(page) ?? { read: {}, held: Promise.resolve() }
          if (page.naming === 'late') draft.tag(...page.records)
          await held
          if (page.naming === 'at the end') draft.tag(...page.records)
          response.json(read)
        })
      }
    })
    const world = new World(app)
    handlers.run = (page) => world.#begin(page)
    return world
  }

  private constructor(app: Application) {
    this.app = app
  }

  #begin(page: Page): { read: Record<string, number>; held: Promise<void> } {
    const read = Object.fromEntries(
      page.records.map((record) => [record, this.versions.get(record) ?? 0]),
    )
    const hold = latch()
    this.runs.push({ page, began: this.#log.length, read, release: () => hold.open() })
    return { read, held: hold.opened }
  }

  async ask(page: Page): Promise<void> {
    const arrivals = this.app.arrivals
    const must = this.mustHit(page)
    const runs = this.runs.length
    const one: Asked = {
      page,
      floor: new Map(this.versions),
      answer: this.app.get(page.path).then((answer) => {
        this.asked.delete(one)
        this.#check(one, answer)
        return answer
      }),
    }
    this.asked.add(one)
    await this.app.arrived(arrivals + 1)
    if (!must) return
    // Precision: what nothing felled is answered from the store.
    if (this.runs.length === runs) await one.answer
    else this.faults.push(`${page.path} was made, though it is stored`)
  }

  /** Lets one handler finish. */
  async finish(run: Run): Promise<void> {
    this.runs.splice(this.runs.indexOf(run), 1)
    const { page, began } = run
    const isFelled = this.#log.slice(began).some(({ fells }) => fells(page))
    const existing = this.stored.get(page.path)
    const stores = this.app.seen('store').length
    const refusals = this.app.seen('uncacheable').length
    run.release()
    await this.app.until(
      () => this.app.seen('store').length + this.app.seen('uncacheable').length > stores + refusals,
    )
    const isStored = this.app.seen('store').length > stores
    if (isStored) this.stored.set(page.path, began)
    else this.seen.refused++
    if (isFelled && isStored) this.faults.push(`${page.path} was stored, though it fell`)
    // What a younger making has stored is not undone by an older one.
    const isOlder = existing !== undefined && existing > began
    if (!isFelled && !isStored && !isOlder)
      this.faults.push(`${page.path} was refused without need`)
  }

  async write(record: string, random: Random): Promise<void> {
    this.versions.set(record, (this.versions.get(record) ?? 0) + 1)
    const all = random.chance(0.05)
    await this.invalidate(
      all ? { all: true } : { tag: record },
      (page) => all || page.records.includes(record),
    )
  }

  async invalidate(target: InvalidationTarget, fells: (page: Page) => boolean): Promise<void> {
    await this.app.cache.invalidate(target)
    this.#log.push({ fells })
    for (const page of pages) if (fells(page)) this.stored.delete(page.path)
  }

  mustHit(page: Page): boolean {
    return this.stored.has(page.path)
  }

  #check({ page, floor }: Asked, answer: Answer): void {
    const read = JSON.parse(answer.body) as Record<string, number>
    for (const record of page.records) {
      const least = floor.get(record) ?? 0
      const got = read[record] ?? 0
      if (got < least)
        this.faults.push(`${page.path} gave ${record} ${got} after ${least} was written`)
    }
    const status = String(answer.headers['cache-status'])
    if (status.startsWith('cacheflow; hit')) this.seen.hits++
    else if (status.includes('collapsed')) this.seen.collapsed++
    else this.seen.made++
  }

  /** Lets everything come to its end. */
  async drain(): Promise<void> {
    while (this.asked.size > 0 || this.runs.length > 0) {
      const run = this.runs[0]
      if (run) await this.finish(run)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('random interleavings of requests, makings and invalidations', () => {
  it.each([1, 2, 3, 4])(
    'give nobody what was invalidated before the request, and fell nothing else (seed %i)',
    async (seed) => {
      const random = new Random(seed)
      const world = await World.open()
      for (let step = 0; step < 400 && world.faults.length === 0; step++) {
        const dice = random.next()
        if (dice < 0.55) await world.ask(random.one(pages))
        else if (dice < 0.85 && world.runs.length > 0) await world.finish(random.one(world.runs))
        else if (dice < 0.97) await world.write(random.one(records), random)
        else {
          const page = random.one(pages)
          const target = random.one([
            { url: page.path },
            { key: world.app.origin + page.path },
            { route: page.path },
          ])
          await world.invalidate(target, (each) => each === page)
        }
      }
      await world.drain()
      expect(world.faults).toEqual([])
      // The run went where it should.
      expect(world.seen.hits).toBeGreaterThan(20)
      expect(world.seen.made).toBeGreaterThan(50)
      expect(world.seen.collapsed).toBeGreaterThan(3)
      expect(world.seen.refused).toBeGreaterThan(10)
    },
  )
})
