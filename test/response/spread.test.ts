import { describe, expect, it } from 'vitest'
import { cacheFragment } from 'cacheflow'
import { type Application, application, expressApplication } from '../support/application.ts'

const options = { maxAge: '1h', staleWhileRevalidate: '1h' } as const

/** Asks for all pages in every second, and tells in which ones each was made. */
async function makings(
  app: Application,
  paths: readonly string[],
  seconds: number,
): Promise<Map<string, number[]>> {
  const made = new Map<string, number[]>(paths.map((path) => [path, []]))
  for (let second = 0; second <= seconds; second++) {
    const before = app.seen('refresh').length
    for (const path of paths) {
      const hits = app.seen('hit').length
      await app.get(path)
      const hit = app.seen('hit')[hits]
      expect(hit?.reason).toMatch(/fresh|stale-while-revalidate/)
      if (hit?.reason === 'stale-while-revalidate') made.get(path)?.push(second)
    }
    const stale = [...made.values()].filter((times) => times.at(-1) === second).length
    await app.happened('refresh', before + stale)
    app.advance(1)
  }
  return made
}

describe('a soft invalidation that is spread over a time', () => {
  it('lets each page become stale at a moment of its own, once, and all of them within that time', async () => {
    const app = await application(({ draft }) => (draft.tag('posts'), {}), options)
    const paths = Array.from({ length: 40 }, (_, i) => `/posts/${i}`)
    for (const path of paths) await app.get(path)
    const receipt = await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: '20s' })
    expect(receipt.responses).toBe(40)
    expect(app.seen('invalidate')).toMatchObject([{ soft: true, spread: 20_000 }])
    const made = await makings(app, paths, 25)
    const times = [...made.values()]
    expect(times.every(({ length }) => length === 1)).toBe(true)
    expect(Math.max(...times.flat())).toBeLessThanOrEqual(20)
    const most = Math.max(
      ...Array.from({ length: 21 }, (_, second) => times.filter(([at]) => at === second).length),
    )
    expect(most).toBeLessThanOrEqual(5)
    expect(app.seen('refresh').every(({ reason }) => reason === 'soft')).toBe(true)
  })

  it('makes a page no oftener than twice, however many fragments of it become stale', async () => {
    const bodies = { page: 0, card: 0 }
    const app = await expressApplication((express, cache) => {
      express.use(cache)
      express.get('/', async (_request, response) => {
        bodies.page++
        const cards: string[] = []
        for (let i = 0; i < 20; i++) {
          const card = cacheFragment('card', { key: i, tags: ['posts'], ...options }, () => {
            bodies.card++
            return `card ${i}`
          })
          cards.push(await card)
        }
        response.send(cards.join())
      })
    }, options)
    await app.get('/')
    await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: '20s' })
    const made = await makings(app, ['/'], 30)
    expect(made.get('/')?.[0]).toBeGreaterThanOrEqual(10)
    expect(bodies.page).toBeLessThanOrEqual(3)
    expect(bodies.card).toBe(40)
  })

  it('holds for what was begun before it and stored behind it', async () => {
    let go: () => void = () => undefined
    const handler = new Promise<void>((resolve) => (go = resolve))
    const app = await application(async ({ draft }) => {
      draft.tag('posts')
      await handler
      return {}
    }, options)
    const first = app.get('/')
    await app.arrived(1)
    await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: '20s' })
    go()
    await first
    const made = await makings(app, ['/'], 25)
    expect(made.get('/')).toHaveLength(1)
  })

  it('holds for a fragment that was begun before it and stored behind it', async () => {
    const app = await application(() => ({}), options)
    let go: () => void = () => undefined
    const handler = new Promise<void>((resolve) => (go = resolve))
    const show = async (): Promise<string | undefined> => {
      await app.cache.fragment('f', { tags: ['posts'], ...options }, () => handler.then(() => 'f'))
      return app.seen('fragment').at(-1)?.reason
    }
    const first = show()
    await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: '20s' })
    go()
    await first
    expect(await show()).toBe('fresh')
    app.advance(10)
    expect(await show()).toBe('stale-while-revalidate')
  })

  it('of everything spares nothing', async () => {
    const app = await application(() => ({}), options)
    const paths = Array.from({ length: 10 }, (_, i) => `/p/${i}`)
    for (const path of paths) await app.get(path)
    await app.cache.invalidate({ all: true }, { soft: true, spread: '10s' })
    const made = await makings(app, paths, 12)
    expect([...made.values()].every(({ length }) => length === 1)).toBe(true)
    expect(new Set([...made.values()].flat()).size).toBeGreaterThan(4)
  })

  it('of thousands is told at once, and carried out in slices', async () => {
    const app = await application(({ draft }) => (draft.tag('posts'), {}), options)
    const count = 2_500
    await Promise.all(
      Array.from({ length: count }, (_, i) =>
        app.cache.fragment('f', { key: i, tags: ['posts'], ...options }, () => 'f'),
      ),
    )
    const receipt = await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: '10s' })
    expect(receipt.fragments).toBe(count)
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
    app.advance(10)
    app.forget()
    for (const key of [0, 1_000, count - 1]) {
      await app.cache.fragment('f', { key, tags: ['posts'], ...options }, () => 'f')
    }
    const reasons = app.seen('fragment').map(({ reason }) => reason)
    expect(reasons).toEqual(Array.from({ length: 3 }, () => 'stale-while-revalidate'))
  })

  it('of thousands holds for those whose slice is still to come, and for what is made of them meanwhile', async () => {
    const app = await application(({ draft }) => (draft.tag('posts'), {}), options)
    const count = 2_500
    const show = (key: number): Promise<string> =>
      app.cache.fragment('f', { key, tags: ['posts'], ...options }, () => 'f')
    const list = (): Promise<string> => app.cache.fragment('list', options, () => show(count - 1))
    for (let key = 0; key < count; key++) await show(key)
    await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: '10s' })
    await list()
    app.forget()
    app.advance(10)
    // In the same turn of the event loop.
    await Promise.all([list(), show(count - 2)])
    expect(app.seen('fragment').map(({ reason }) => reason)).toEqual([
      'stale-while-revalidate',
      'stale-while-revalidate',
    ])
  })

  it('of no time is at once', async () => {
    const app = await application(({ draft }) => (draft.tag('posts'), {}), options)
    await app.get('/')
    await app.cache.invalidate({ tag: 'posts' }, { soft: true, spread: 0 })
    await app.get('/')
    expect(app.seen('hit').at(-1)?.reason).toBe('stale-while-revalidate')
  })

  it('is refused where it would not be soft, or the time is none', async () => {
    const app = await application(() => ({}))
    await expect(app.cache.invalidate({ all: true }, { spread: '1m' })).rejects.toMatchObject({
      code: 'ERR_CACHEFLOW_OPTION',
      message: expect.stringContaining('soft: true'),
    })
    await expect(
      app.cache.invalidate({ all: true }, { soft: true, spread: -1 }),
    ).rejects.toMatchObject({ code: 'ERR_CACHEFLOW_DURATION' })
  })
})
