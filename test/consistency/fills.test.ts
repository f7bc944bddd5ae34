import { entity } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { latch } from '../support/latch.ts'
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

const post = entity<{ id: number; updatedAt: number }>('post')

describe.each([5, 6] as const)(
  'a making that began before an invalidation, over ioredis %i',
  (major) => {
    const start = (): Promise<Instance> => Instance.start(server, database, { major })

    it('is not kept in Redis, nor in the instance that made it, when another instance invalidated its tag', async () => {
      const [a, b] = await Promise.all([start(), start()])
      const handler = latch()
      const render = a.show('card', { hold: handler.opened })
      await database.isRead('card')
      const number = await b.change('card')
      handler.open()
      // Whoever asked before the change may be shown what was then.
      expect(await render).toBe('card 1')
      await a.applied(number)
      expect(await a.show('card')).toBe('card 2')
      expect(await b.show('card')).toBe('card 2')
    })

    it('is refused by Redis even where its instance has not heard of the invalidation, and its own copy goes too', async () => {
      const [a, b] = await Promise.all([start(), start()])
      a.proxy.subscribers.block()
      const handler = latch()
      const render = a.show('card', { hold: handler.opened })
      await database.isRead('card')
      await b.change('card')
      handler.open()
      await render
      // Told by the refusal, it asks Redis what it has missed.
      await a.applied(b.status.applied)
      expect(await shelf.holds('card')).toBe(false)
      expect(await a.show('card')).toBe('card 2')
      expect(await b.show('card')).toBe('card 2')
    })
  },
)

describe('a making that began before an invalidation', () => {
  const start = (): Promise<Instance> => Instance.start(server, database)

  const targets = [
    ['a tag', { tag: 'news' }],
    ['a record', { entity: post.ref(7) }],
    ['a list', { entity: post.list('author=1') }],
    ['a key', { key: 'fragment:card post:7,list:post:author=1' }],
    ['a fragment by its name', { fragment: 'card' }],
    ['a fragment by its record', { fragment: 'card', of: post.ref(7) }],
    ['what a fragment inside it depends on', { tag: 'inner' }],
    ['everything', { all: true }],
  ] as const

  it.each(targets)('of %s is never stored by another instance', async (_what, target) => {
    const [a, b] = await Promise.all([start(), start()])
    const show = (instance: Instance, hold?: Promise<void>): Promise<string> =>
      instance.cache.fragment(
        'card',
        [post({ id: 7, updatedAt: 1 }), post.list('author=1')],
        { tags: ['news'] },
        async () => {
          const text = database.read('card')
          await instance.cache.fragment('inner', { tags: ['inner'] }, () => 'inner')
          await hold
          return text
        },
      )
    a.proxy.subscribers.block()
    const handler = latch()
    const render = show(a, handler.opened)
    await database.isRead('card')
    database.write('card')
    await b.cache.invalidate(target)
    handler.open()
    await render
    await a.applied(b.status.applied)
    expect(await show(b)).toBe('card 2')
    expect(await show(a)).toBe('card 2')
    expect(database.reads('card')).toBeLessThanOrEqual(3)
  })

  it.each(['v:fragment:card', 'deps:fragment:card', 'rev-deps:tag:card', 'log', 'ver', 'exp'])(
    'is not stored when Redis lost %s before it, nor when it lost it behind it',
    async (key) => {
      const [a, b] = await Promise.all([start(), start()])
      expect(await a.show('card')).toBe('card 1')
      await shelf.has('card')
      await a.change('card')
      for (const isBefore of [true, false]) {
        a.proxy.subscribers.block()
        const handler = latch()
        const reads = database.reads('card')
        const render = a.show('card', { hold: handler.opened })
        await database.isRead('card', reads + 1)
        if (isBefore) await shelf.remove(key)
        database.write('card')
        await b.cache.invalidate({ tag: ['card', 'fresh'] })
        if (!isBefore) await shelf.remove(key)
        handler.open()
        await render
        expect(await b.show('card')).toBe(database.now('card'))
        a.proxy.subscribers.unblock()
        await a.applied(b.status.applied)
        // It works again by itself.
        const shown = new Set<string>()
        await until('the card rests in Redis', async () => {
          shown.add(await a.show('card'))
          return shelf.holds('card')
        })
        expect([...shown]).toEqual([database.now('card')])
        await a.change('card')
      }
    },
  )

  it('that another part of the page holds up leaves no page of old parts', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const handler = latch()
    const page = a.show('page', {
      hold: handler.opened,
      inside: () => a.show('list', { inside: () => a.show('card') }),
    })
    await database.isRead('page')
    const number = await b.change('page')
    handler.open()
    expect(await page).toBe('page 1(list 1(card 1))')
    await a.applied(number)
    await shelf.has('list')
    expect(await b.show('page', { inside: () => b.show('list') })).toBe('page 2(list 1(card 1))')
    await shelf.has('page')
    expect(await a.show('page', { inside: () => a.show('list') })).toBe('page 2(list 1(card 1))')
    expect(database.reads('page')).toBe(2)
  })

  it('is not joined by who asks behind it', async () => {
    const a = await start()
    const handler = latch()
    const early = a.show('card', { hold: handler.opened })
    await database.isRead('card')
    const joined = a.show('card')
    database.write('card')
    const told = a.cache.invalidate({ tag: 'card' })
    // From the very call on, before it is confirmed.
    expect(await a.show('card')).toBe('card 2')
    await told
    handler.open()
    expect(await early).toBe('card 1')
    await joined
    expect(await a.show('card')).toBe('card 2')
  })

  it('is not joined when what was invalidated stands in a fragment inside it', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const handler = latch()
    let inside = (): void => undefined
    const isInside = new Promise<void>((resolve) => (inside = resolve))
    const early = a.show('page', {
      inside: async () => {
        const card = await a.show('card')
        inside()
        await handler.opened
        return card
      },
    })
    await isInside
    await a.applied(await b.change('card'))
    expect(await a.show('page', { inside: () => a.show('card') })).toBe('page 1(card 2)')
    handler.open()
    expect(await early).toBe('page 1(card 1)')
    expect(await a.show('page')).toBe('page 1(card 2)')
    await shelf.has('page')
    expect(await b.show('page')).toBe('page 1(card 2)')
  })

  it('is refused for what its parts depended on, though they are made of something else by now', async () => {
    const [a, b] = await Promise.all([start(), start()])
    const handler = latch()
    let inside = (): void => undefined
    const isInside = new Promise<void>((resolve) => (inside = resolve))
    a.proxy.subscribers.block()
    const page = a.show('page', {
      inside: async () => {
        const card = await a.show('card', { tags: ['first'] })
        inside()
        await handler.opened
        return card
      },
    })
    await isInside
    await shelf.has('card')
    // The card is made anew of another record, and the first one changes.
    database.write('card')
    await b.cache.invalidate({ tag: 'first' })
    expect(await b.show('card', { tags: ['second'] })).toBe('card 2')
    handler.open()
    expect(await page).toBe('page 1(card 1)')
    await a.applied(b.status.applied)
    expect(await b.show('page', { inside: () => b.show('card') })).toBe('page 1(card 2)')
    expect(await a.show('page', { inside: () => a.show('card') })).toBe('page 1(card 2)')
  })
})
