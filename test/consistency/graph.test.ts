import { type Entity, entity } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { Random } from '../support/random.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Database } from './database.ts'
import { onGround } from './ground.ts'
import { Instance } from './instance.ts'
import type { Shelf } from './shelf.ts'

let server: RedisServer
let shelf: Shelf
let database: Database
onGround((ground) => {
  ;({ server, shelf, database } = ground)
})

const start = (): Promise<Instance> => Instance.start(server, database)

/** A fragment that encloses one that encloses one ..., and at last a leaf. */
function chain(instance: Instance, depth: number): Promise<string> {
  if (depth === 0) return instance.show('leaf')
  return instance.show(`level${depth}`, { tags: [], inside: () => chain(instance, depth - 1) })
}

/** A top of two halves that both enclose the leaf. */
function diamond(instance: Instance): Promise<string> {
  const half = (name: string): Promise<string> =>
    instance.show(name, { inside: () => instance.show('leaf') })
  return instance.show('top', { inside: async () => (await half('left')) + (await half('right')) })
}

/** Two fragments that enclose each other: each shows the other one, which then shows nothing more inside. */
function cycle(instance: Instance, name: string, other: string): Promise<string> {
  return instance.show(name, {
    inside: () =>
      instance.show(`${other}-in-${name}`, {
        tags: [other, name],
        inside: () => instance.show('leaf'),
      }),
  })
}

describe('everything that encloses what falls, falls with it', () => {
  it('50 levels above it, in every instance', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const old = await chain(a, 50)
    await shelf.has('level50')
    expect(await chain(b, 50)).toBe(old)
    expect(database.reads('leaf')).toBe(1)
    await a.applied(await b.change('leaf'))
    const made = old.replace('leaf 1', 'leaf 2')
    expect(await chain(a, 50)).toBe(made)
    expect(await chain(b, 50)).toBe(made)
  })

  it('1,000 levels above it, in every instance', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const old = await chain(a, 1_000)
    await until('the top rests in Redis', () => shelf.holds('level1000'), 60_000)
    const levels = [1_000, 999, 500, 1]
    const show = (instance: Instance): Promise<string[]> =>
      Promise.all(
        levels.map((level) =>
          instance.show(`level${level}`, { inside: () => Promise.resolve('made anew') }),
        ),
      )
    const [top] = await show(b)
    expect(top).toBe(old)
    await a.applied(await b.change('leaf'))
    const made = levels.map((level) => `level${level} 1(made anew)`)
    expect(await show(b)).toEqual(made)
    expect(await show(a)).toEqual(made)
  }, 90_000)

  it('though half of the graph in Redis is lost', async () => {
    const depth = 30
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed)
      const [a, b] = await Promise.all([start(), start()])
      const [tall, wide] = [await chain(a, depth), await diamond(a)]
      await shelf.has('top')
      await shelf.has(`level${depth}`)
      expect(await chain(b, depth)).toBe(tall)
      const edges = [...(await shelf.keys('deps:')), ...(await shelf.keys('rev-deps:'))]
      expect(edges.length).toBeGreaterThan(depth)
      await shelf.remove(...edges.filter(() => random.chance(0.5)))
      const before = database.now('leaf')
      const number = await b.change('leaf')
      const [newTall, newWide] = [tall, wide].map((text) =>
        text.replaceAll(before, database.now('leaf')),
      )
      // One that has nothing in memory, one that hears of it, and the one that has done it.
      const fresh = await start()
      expect([await chain(fresh, depth), await diamond(fresh)]).toEqual([newTall, newWide])
      await a.applied(number)
      expect([await chain(a, depth), await diamond(a)]).toEqual([newTall, newWide])
      expect([await chain(b, depth), await diamond(b)]).toEqual([newTall, newWide])
    }
  })

  it('in both halves of a diamond', async () => {
    const [a, b] = await Promise.all([start(), start()])
    expect(await diamond(a)).toBe('top 1(left 1(leaf 1)right 1(leaf 1))')
    await shelf.has('top')
    expect(await diamond(b)).toBe('top 1(left 1(leaf 1)right 1(leaf 1))')
    await a.applied(await b.change('leaf'))
    expect(await diamond(a)).toBe('top 1(left 1(leaf 2)right 1(leaf 2))')
    await shelf.has('top')
    expect(await diamond(b)).toBe('top 1(left 1(leaf 2)right 1(leaf 2))')
    expect(database.reads('leaf')).toBe(2)
  })

  it('where two enclose each other', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const both = async (instance: Instance): Promise<string[]> => [
      await cycle(instance, 'x', 'y'),
      await cycle(instance, 'y', 'x'),
    ]
    await both(a)
    await shelf.has('y')
    await both(b)
    await a.applied(await b.change('leaf'))
    for (const each of [a, b]) for (const text of await both(each)) expect(text).toContain('leaf 2')
    await a.applied(await b.change('x'))
    for (const each of [a, b]) {
      const [x, y] = await both(each)
      expect(x).toContain('x 2')
      expect(y).toContain('y 1')
    }
  })

  it('where records touch each other in a circle', async () => {
    interface Row {
      readonly id: number
      readonly updatedAt: number
    }
    const find = (ids: readonly string[]): Row[] =>
      ids.map((id) => ({ id: Number(id), updatedAt: 1 }))
    const folder: Entity<Row> = entity<Row>('folder', { find, touch: (row) => file.ref(row.id) })
    const file: Entity<Row> = entity<Row>('file', { find, touch: (row) => folder.ref(row.id) })
    const [a, b] = await Promise.all([start(), start()])
    const row = { id: 1, updatedAt: 1 }
    const show = (instance: Instance): Promise<string> =>
      instance.cache.fragment('tree', folder(row), () => database.read('tree'))
    expect(await show(a)).toBe('tree 1')
    await until('it rests in Redis', async () => (await shelf.keys('v:')).length === 1)
    expect(await show(b)).toBe('tree 1')
    expect(database.reads('tree')).toBe(1)
    database.write('tree')
    await b.cache.touch(file(row))
    await a.applied(b.status.applied)
    expect(await show(a)).toBe('tree 2')
    expect(await show(b)).toBe('tree 2')
  })
})

describe('what does not enclose what falls', () => {
  it('stays in memory and in Redis, in every instance', async () => {
    const [a, b] = await Promise.all([start(), start()])
    await diamond(a)
    await a.show('other')
    await shelf.has('top')
    await shelf.has('other')
    for (const each of [a, b]) {
      for (const name of ['top', 'left', 'right', 'leaf', 'other']) await each.show(name)
    }
    const { fragments, keys } = await b.cache.invalidate({ fragment: 'left' })
    expect([fragments, [...keys].toSorted()]).toEqual([2, ['fragment:left', 'fragment:top']])
    await a.applied(b.status.applied)
    expect(await shelf.keys('v:')).toEqual([
      'v:fragment:leaf',
      'v:fragment:other',
      'v:fragment:right',
    ])
    const asked = (await server.commandStats()).get('evalsha')
    for (const each of [a, b]) {
      for (const name of ['leaf', 'other', 'right']) await each.show(name)
    }
    // All of it in memory: Redis was not asked.
    expect((await server.commandStats()).get('evalsha')).toBe(asked)
    await diamond(a)
    expect(['top', 'left', 'right', 'leaf', 'other'].map((name) => database.reads(name))).toEqual([
      2, 2, 1, 1, 1,
    ])
  })

  it('is stored though something else was invalidated while it was made', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const render = a.show('card', {
      inside: async () => {
        await b.cache.invalidate({ tag: 'unrelated' })
        await a.cache.invalidate({ tag: 'other' })
        return 'inside'
      },
    })
    expect(await render).toBe('card 1(inside)')
    await shelf.has('card')
    await a.show('card')
    expect(await b.show('card')).toBe('card 1(inside)')
    expect(database.reads('card')).toBe(1)
  })
})

describe('soft invalidation', () => {
  it('lets every instance serve what is stale, while one of them makes it anew', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const show = (instance: Instance): Promise<string> =>
      instance.show('card', { maxAge: '1h', staleWhileRevalidate: '1h' })
    expect(await show(a)).toBe('card 1')
    await shelf.has('card')
    expect(await show(b)).toBe('card 1')
    const fresh = await start()
    database.write('card')
    const { sequence } = await b.cache.invalidate({ tag: 'card' }, { soft: true })
    await a.applied(sequence)
    expect(await show(a)).toBe('card 1')
    await until('it is made anew', async () => (await show(a)) === 'card 2')
    // The ones that made nothing may show the stale one once more, and then the new one.
    await until('the other has it', async () => (await show(b)) === 'card 2')
    await until('another has it from Redis', async () => (await show(fresh)) === 'card 2')
  })
})

describe('a touch of nothing', () => {
  it('fells nothing: of no rows there is nothing to touch', async () => {
    const [a, b] = await Promise.all([
      Instance.start(server, database),
      Instance.start(server, database),
    ])
    await a.show('card')
    await shelf.has('card')
    await b.show('card')
    const { invalidation } = await a.cache.touch()
    expect(invalidation).toMatchObject({ responses: 0, fragments: 0, keys: [] })
    // Behind what would have come with it.
    await b.applied((await a.cache.invalidate({ tag: 'unrelated' })).sequence)
    for (const each of [a, b]) {
      await each.show('card')
      expect(each.cache.stats().entries).toBe(1)
    }
    expect(await shelf.keys('v:')).toEqual(['v:fragment:card'])
    expect(b.cache.stats()).toMatchObject({ fragmentMisses: 0 })
  })
})
