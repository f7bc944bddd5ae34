import { describe, expect, it } from 'vitest'
import { type CacheHandle, type FragmentEvent, createCacheflow, entity } from '../../src/index.ts'
import { application } from '../support/application.ts'
import { Stops } from '../support/stops.ts'

interface Post {
  readonly id: number
  readonly updatedAt: number
}
const post = entity<Post>('post')

function cacheWithEvents(): { readonly cache: CacheHandle; readonly events: FragmentEvent[] } {
  const cache = createCacheflow()
  const events: FragmentEvent[] = []
  cache.on('fragment', (event) => events.push(event))
  return { cache, events }
}

describe('put()', () => {
  it('makes a fragment now, gives its text, and the next call shows that', async () => {
    const { cache, events } = cacheWithEvents()
    await cache.fragment('top', () => 'old')
    expect(await cache.put('top', async () => 'new')).toBe('new')
    expect(await cache.fragment('top', () => 'not made')).toBe('new')
    expect(events).toMatchObject([
      { key: 'fragment:top', reason: 'miss', stored: true },
      { key: 'fragment:top', reason: 'put', stored: true },
      { key: 'fragment:top', reason: 'fresh' },
    ])
  })

  it('needs nothing that was stored before', async () => {
    const { cache } = cacheWithEvents()
    await cache.put('top', () => 'first')
    expect(await cache.fragment('top', () => 'not made')).toBe('first')
  })

  it('takes records and options, which make the same key as they do for cacheFragment()', async () => {
    const { cache } = cacheWithEvents()
    const row = { id: 7, updatedAt: 1 }
    const options = { key: 'de', maxAge: '1h', json: true } as const
    expect(await cache.put('card', post(row), options, () => ({ a: 1 }))).toBe('{"a":1}')
    expect(await cache.fragment('card', post(row), options, () => ({ a: 2 }))).toBe('{"a":1}')
    expect(await cache.fragment('card', post(row), () => 'another key')).toBe('another key')
  })

  it('lets what encloses the old one fall, at any depth, and nothing else', async () => {
    const { cache } = cacheWithEvents()
    const made: string[] = []
    const show = async (name: string, inner?: () => Promise<string>): Promise<string> =>
      cache.fragment(name, async () => {
        made.push(name)
        return `${name}(${(await inner?.()) ?? ''})`
      })
    const page = (): Promise<string> =>
      cache.run(
        async () =>
          (await show('outer', () => show('middle', () => show('top')))) + (await show('beside')),
      )
    expect(await page()).toBe('outer(middle(top()))beside()')
    made.length = 0
    await cache.put('top', () => 'put')
    expect(await page()).toBe('outer(middle(put))beside()')
    expect(made).toEqual(['outer', 'middle'])
  })

  it('falls with what its body encloses and depends on', async () => {
    const { cache, events } = cacheWithEvents()
    await cache.put('top', (fragment) => {
      fragment.tag('posts')
      return cache.fragment('inner', post.ref(7), () => 'inner')
    })
    expect(cache.explain('fragment:top').contains).toEqual(['fragment:inner post:7'])
    for (const target of [{ tag: 'posts' }, post.ref(7)]) {
      expect((await cache.invalidate(target)).keys).toContain('fragment:top')
      await cache.put('top', (fragment) => {
        fragment.tag('posts')
        return cache.fragment('inner', post.ref(7), () => 'inner')
      })
    }
    expect(events.every(({ uncacheable: refusal }) => refusal === undefined)).toBe(true)
  })

  it('may follow a touch in one request, whose own fragments count as begun before it', async () => {
    const { cache, events } = cacheWithEvents()
    const row = { id: 7, updatedAt: 1 }
    await cache.run(async () => {
      await cache.touch(post(row))
      await cache.fragment('card', post(row), () => 'of the request')
      await cache.put('card', post(row), () => 'put')
    })
    expect(events).toMatchObject([{ uncacheable: 'invalidated' }, { reason: 'put', stored: true }])
    expect(await cache.fragment('card', post(row), () => 'not made')).toBe('put')
  })

  it('is not stored when something it depends on is invalidated while its body runs', async () => {
    const { cache, events } = cacheWithEvents()
    const text = await cache.put('top', { tags: ['posts'] }, async () => {
      await cache.invalidate({ tag: 'posts' })
      return 'read before'
    })
    expect(text).toBe('read before')
    expect(events).toMatchObject([{ reason: 'put', stored: false, uncacheable: 'invalidated' }])
    expect(cache.stats().entries).toBe(0)
  })

  it('of several at one time lets the one that began last stand', async () => {
    const { cache } = cacheWithEvents()
    const stops = new Stops()
    const stop = stops.place('first')
    const first = cache.put('top', async () => {
      await stops.pass('first')
      return 'first'
    })
    await stop.reached
    expect(await cache.put('top', () => 'second')).toBe('second')
    stop.release()
    expect(await first).toBe('first')
    expect(await cache.fragment('top', () => 'not made')).toBe('second')
  })

  it('overtakes a making that is under way: nobody waits for it, and it is not stored', async () => {
    const { cache } = cacheWithEvents()
    const stops = new Stops()
    const stop = stops.place('old')
    const old = cache.fragment('top', async () => {
      await stops.pass('old')
      return 'old'
    })
    await stop.reached
    await cache.put('top', () => 'new')
    expect(await cache.fragment('top', () => 'not made')).toBe('new')
    stop.release()
    expect(await old).toBe('old')
    expect(await cache.fragment('top', () => 'not made')).toBe('new')
  })

  it('whose body fails throws, and leaves nothing in its place', async () => {
    const { cache } = cacheWithEvents()
    const options = { staleIfError: '1h' } as const
    await cache.fragment('top', options, () => 'old')
    const failing = cache.put('top', options, () => {
      throw new Error('no database')
    })
    await expect(failing).rejects.toThrow('no database')
    expect(await cache.fragment('top', options, () => 'made')).toBe('made')
  })

  it('where if is false runs the body alone, and leaves what is stored', async () => {
    const { cache, events } = cacheWithEvents()
    await cache.fragment('top', () => 'stored')
    expect(await cache.put('top', { if: false }, () => 'shown')).toBe('shown')
    expect(await cache.fragment('top', () => 'not made')).toBe('stored')
    expect(events.map(({ reason }) => reason)).toEqual(['miss', 'off', 'fresh'])
  })

  it('within a body becomes a part of that, which began before it and so is not stored', async () => {
    const { cache, events } = cacheWithEvents()
    for (const options of [{}, { session: 'editor' }]) {
      await cache.fragment('outer', () => cache.put('top', options, () => 'top'))
    }
    const outer = events.filter(({ fragment }) => fragment === 'outer')
    expect(outer.map(({ uncacheable: refusal }) => refusal)).toEqual(['invalidated', 'reads'])
    expect(outer[1]?.detail).toBe('a fragment inside for editor')
  })

  it('shows its text in pages from then on', async () => {
    let shown = 0
    const app = await application(async () => ({
      body: await app.cache.fragment('top', () => `made ${++shown}`),
    }))
    // The first request with fragments is not observed.
    for (let i = 0; i < 3; i++) await app.get('/')
    const before = (await app.get('/')).body
    await app.cache.put('top', () => 'put')
    expect(before).toMatch(/^made/)
    const { body, headers } = await app.get('/')
    expect(body).toBe('put')
    expect(headers['cache-status']).toBe('cacheflow; fwd=uri-miss; stored')
  })

  it.each<[string, (cache: CacheHandle) => unknown, string]>([
    ['without a body', (cache) => cache.put('x', undefined as never), 'ERR_CACHEFLOW_FRAGMENT'],
    ['without a name', (cache) => cache.put('', () => ''), 'ERR_CACHEFLOW_FRAGMENT'],
    ['of no text', (cache) => cache.put('x', () => 5 as never), 'ERR_CACHEFLOW_FRAGMENT'],
    [
      'with an unknown option',
      (cache) => cache.put('x', { ttl: 5 } as never, () => ''),
      'ERR_CACHEFLOW_UNKNOWN_OPTION',
    ],
  ])('%s is told', async (_, call, code) => {
    await expect(call(createCacheflow())).rejects.toMatchObject({ code })
  })

  it('of a closed cache is made, and not kept', async () => {
    const { cache } = cacheWithEvents()
    await cache.close()
    expect(await cache.put('top', () => 'made')).toBe('made')
    expect(cache.stats().entries).toBe(0)
  })
})
