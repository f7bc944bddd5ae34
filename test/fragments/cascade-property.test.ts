import { describe, expect, it } from 'vitest'
import { type CacheHandle, createCacheflow, dependsOn, entity } from '../../src/index.ts'
import { Random } from '../support/random.ts'

interface Row {
  readonly id: number
  readonly updatedAt: number
}
const record = entity<Row>('record')

/** What a doll shows: records, tags, and other dolls. */
interface Doll {
  readonly name: string
  records: readonly number[]
  tags: readonly string[]
  inside: readonly string[]
}

const records = 12
const tags = ['a', 'b', 'c', 'd']
const deepest = 6

/**
 * `tree`: they enclose each other at random, cycles included; a doll inside itself shows a dot, and so depends on the way to it:
 * each way has a fragment of its own. `shared`: a doll encloses later ones only, and all ways to it share its fragment.
 */
type Shape = 'tree' | 'shared'

/** Dolls that enclose each other at random. */
class Dolls {
  readonly shape: Shape
  readonly all: readonly Doll[]
  readonly #random: Random
  readonly #cache: CacheHandle
  ran: string[] = []

  constructor(random: Random, cache: CacheHandle, count: number, shape: Shape) {
    this.shape = shape
    this.#random = random
    this.#cache = cache
    const names = Array.from({ length: count }, (_, i) => `doll ${i}`)
    this.all = names.map((name) => ({ name, records: [], tags: [], inside: [] }))
    for (const doll of this.all) this.rebuild(doll)
  }

  rebuild(doll: Doll): void {
    const random = this.#random
    doll.records = some(random, [...Array(records).keys()], 2)
    doll.tags = some(random, tags, 1)
    const later = this.shape === 'tree' ? this.all : this.all.slice(this.all.indexOf(doll) + 1)
    doll.inside = later.length === 0 ? [] : some(random, later, 3).map(({ name }) => name)
  }

  find(name: string): Doll {
    const found = this.all.find((doll) => doll.name === name)
    if (found === undefined) throw new Error(name)
    return found
  }

  keyOf(path: readonly string[]): string {
    return this.shape === 'tree' ? path.join('/') : (path.at(-1) ?? '')
  }

  async show(path: readonly string[]): Promise<string> {
    const { name, tags: own, records: read, inside } = this.find(path.at(-1) ?? '')
    const key = this.keyOf(path)
    return this.#cache.fragment(key, { tags: own }, async () => {
      this.ran.push(key)
      dependsOn(...read.map((id) => record.ref(id)))
      const texts = await Promise.all(
        inside.map(async (each) =>
          path.includes(each) || path.length >= deepest ? '.' : this.show([...path, each]),
        ),
      )
      return `${name}(${texts.join()})`
    })
  }
}

/** The same, in twenty lines: each stored doll with all that it was made from. */
class Model {
  readonly #stored = new Map<string, ReadonlySet<string>>()
  ran: string[] = []

  show(dolls: Dolls, path: readonly string[]): ReadonlySet<string> {
    const key = dolls.keyOf(path)
    const stored = this.#stored.get(key)
    if (stored) return stored
    this.ran.push(key)
    const doll = dolls.find(path.at(-1) ?? '')
    const dependencies = new Set([
      `fragment ${key}`,
      ...doll.tags.map((tag) => `tag ${tag}`),
      ...doll.records.map((id) => `record ${id}`),
    ])
    for (const each of doll.inside) {
      if (path.includes(each) || path.length >= deepest) continue
      for (const dependency of this.show(dolls, [...path, each])) dependencies.add(dependency)
    }
    this.#stored.set(key, dependencies)
    return dependencies
  }

  invalidate(dependency: string): string[] {
    const removed = [...this.#stored].filter(([, dependencies]) => dependencies.has(dependency))
    for (const [key] of removed) this.#stored.delete(key)
    return removed.map(([key]) => key)
  }

  get keys(): string[] {
    return [...this.#stored.keys()]
  }
}

function some<Item>(random: Random, items: readonly Item[], most: number): Item[] {
  const found = new Set<Item>()
  for (let i = random.below(most + 1); i > 0; i--) found.add(random.one(items))
  return [...found]
}

describe('a cascade', () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
  const cases = (['tree', 'shared'] as const).flatMap((shape) =>
    seeds.map((seed) => [shape, seed] as const),
  )
  it.each(cases)(
    'makes exactly those dolls fall that enclose what was invalidated (%s, seed %i)',
    async (shape, seed) => {
      const random = new Random(seed)
      const cache = createCacheflow()
      const dolls = new Dolls(random, cache, 4 + random.below(5), shape)
      const model = new Model()
      let removed = 0
      for (let step = 0; step < 60; step++) {
        const roots = some(random, dolls.all, 3)
        for (const { name } of roots) {
          await dolls.show([name])
          model.show(dolls, [name])
        }
        expect(dolls.ran.toSorted(), `bodies that ran at step ${step}`).toEqual(
          model.ran.toSorted(),
        )
        dolls.ran = []
        model.ran = []

        // What changes without an invalidation shows as soon as something else renews the doll.
        if (random.chance(0.5)) dolls.rebuild(random.one(dolls.all))
        const id = random.below(records)
        const tag = random.one(tags)
        const keys = model.keys
        const [target, dependency] = random.one([
          [record.ref(id), `record ${id}`],
          [{ tag }, `tag ${tag}`],
          ...(keys.length > 0
            ? [keys].map((each) => {
                const name = random.one(each)
                return [{ fragment: name }, `fragment ${name}`] as const
              })
            : []),
        ] as const)
        const foretold = cache.impact(target)
        const expected = model.invalidate(dependency)
        const receipt = await cache.invalidate(target)
        expect(receipt.keys.toSorted()).toEqual(
          expected.map((key) => `fragment:${key.replaceAll(' ', '%20')}`).toSorted(),
        )
        expect([foretold.fragments, foretold.keys]).toEqual([receipt.fragments, receipt.keys])
        removed += expected.length
      }
      // Where nothing falls nothing is shown.
      expect(removed).toBeGreaterThan(20)
      await cache.invalidate({ all: true })
      expect([cache.stats().entries, cache.stats().dependencies]).toEqual([0, 0])
    },
  )
})
