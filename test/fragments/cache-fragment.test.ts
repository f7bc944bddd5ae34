import { describe, expect, it } from 'vitest'
import {
  type CacheHandle,
  CacheflowError,
  type CacheflowOptions,
  type FragmentEvent,
  type FragmentOptions,
  cacheFragment,
  cacheFragments,
  createCacheflow,
  dependsOn,
  entity,
} from '../../src/index.ts'

interface Post {
  readonly id: number
  readonly updatedAt: number
}
const post = entity<Post>('post')
const row = { id: 7, updatedAt: 5 }
const promise = '[object Promise]'

class Job {
  now = 1_000_000
  readonly cache: CacheHandle
  readonly events: FragmentEvent[] = []
  made = 0

  constructor(options: CacheflowOptions<never> = {}) {
    this.cache = createCacheflow({ clock: () => this.now, ...options })
    this.cache.on('fragment', (event) => this.events.push(event))
  }

  get reasons(): string[] {
    return this.events.map(({ reason }) => reason)
  }

  show(options: FragmentOptions = {}): Promise<string> {
    return this.cache.fragment('x', options, () => `made ${++this.made}`)
  }
}

async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run()
  } catch (error) {
    if (error instanceof CacheflowError) return error.message
    throw error
  }
  return 'nothing thrown'
}

describe('a fragment', () => {
  it('has a key of its name, its records and what shapes it', async () => {
    const { cache, events } = new Job({ build: '4f2' })
    const body = (): string => ''
    await cache.fragment('a card', body)
    await cache.fragment('card', post(row), body)
    await cache.fragment('card', [post(row), post.ref(8)], body)
    await cache.fragment('card', post.list('author=1'), body)
    await cache.fragment('card', post.all([row], 'page 1'), body)
    await cache.fragment('card', { key: 'de', session: 'editor' }, body)
    expect(events.map(({ key }) => key)).toEqual([
      'fragment:a%20card build=4f2',
      'fragment:card post:7 build=4f2',
      'fragment:card post:7,post:8 build=4f2',
      'fragment:card list:post:author=1 build=4f2',
      'fragment:card list:post:page%201[] build=4f2',
      'fragment:card key=de for=editor build=4f2',
    ])
  })

  it('has another key for each way to name what shapes it, whatever it is called', async () => {
    const { cache, events } = new Job()
    const [kept, cookies] = [entity('list'), entity('cookie')]
    const body = (): string => ''
    const calls: readonly [unknown, FragmentOptions][] = [
      [undefined, { key: 'a' }],
      [undefined, { vary: ['key'] }],
      [undefined, { vary: ['for'] }],
      [undefined, { vary: ['build'] }],
      [undefined, { vary: ['digest'] }],
      [undefined, { key: ['a', 'b'] }],
      [undefined, { key: 'a,b' }],
      [undefined, { key: 'a key=b' }],
      [undefined, { key: ['ab'] }],
      [undefined, { vary: ['cookie:a'] }],
      [cookies.ref('a'), {}],
      [kept.ref('post'), {}],
      [post.list(), {}],
      [post.list('x[]'), {}],
      [post.all([], 'x'), {}],
    ]
    for (const [subject, options] of calls) {
      await (subject === undefined
        ? cache.fragment('card', options, body)
        : cache.fragment('card', subject as never, options, body))
    }
    expect(new Set(events.map(({ key }) => key)).size).toBe(calls.length)
    expect(events[5]?.key).toBe('fragment:card key=a key=b')
  })

  it.each([{ key: [] }, { key: [Number.NaN] }, { vary: ['two words'] }, { vary: ['cookie:'] }])(
    'refuses %j, which names nothing',
    async (options) => {
      const { cache } = new Job()
      expect(await messageOf(() => cache.fragment('x', options, () => ''))).toContain(
        'ERR_CACHEFLOW_OPTION',
      )
    },
  )

  it('of many records has a short key, and another for every other choice of them', async () => {
    const { cache, events } = new Job()
    const rows = Array.from({ length: 100 }, (_, id) => post({ id, updatedAt: 1 }))
    for (const some of [rows, rows.slice(1), rows.toReversed(), rows]) {
      await cache.fragment('all', some, () => '')
    }
    const keys = events.map(({ key }) => key)
    expect(new Set(keys).size).toBe(3)
    expect(keys[0]).toMatch(/^fragment:all 100:[\w-]{27}$/)
  })

  it('is fresh for maxAge, and without it until something changes', async () => {
    const job = new Job()
    await job.show({ maxAge: '10s' })
    job.now += 9_999
    await job.show({ maxAge: '10s' })
    job.now += 1
    await job.show({ maxAge: '10s' })
    expect(job.reasons).toEqual(['miss', 'fresh', 'expired'])
    const other = new Job()
    await other.show()
    other.now += 1e12
    await other.show()
    expect(other.reasons).toEqual(['miss', 'fresh'])
  })

  it('is shown stale in its window, while it is made anew', async () => {
    const job = new Job()
    const options = { maxAge: '10s', staleWhileRevalidate: '1m' } as const
    await job.show(options)
    job.now += 20_000
    expect([await job.show(options), await job.show(options)]).toEqual(['made 1', 'made 1'])
    while (job.made < 2) await new Promise(setImmediate)
    expect(await job.show(options)).toBe('made 2')
    expect(job.reasons).toEqual([
      'miss',
      'stale-while-revalidate',
      'stale-while-revalidate',
      'expired',
      'fresh',
    ])
    job.now += 71_000
    expect(await job.show(options)).toBe('made 3')
  })

  it('stands in for a body that fails, within staleIfError', async () => {
    const job = new Job()
    const options = { maxAge: '10s', staleIfError: '1m' } as const
    const show = (fails: boolean): Promise<string> =>
      job.cache.fragment('x', options, async () => {
        if (fails) throw new Error('no database')
        return 'text'
      })
    await show(false)
    job.now += 20_000
    expect(await show(true)).toBe('text')
    job.now += 60_000
    await expect(show(true)).rejects.toThrow('no database')
    expect(job.reasons).toEqual(['miss', 'stale-if-error', 'expired'])
  })

  it('whose body never ends is made by those who have waited for collapse.timeout', async () => {
    const job = new Job({ collapse: { timeout: 5 } })
    const never = new Promise<string>(() => undefined)
    void job.cache.fragment('x', () => never)
    const show = (text: string): Promise<string> => job.cache.fragment('x', () => text)
    expect(await Promise.all([show('second'), show('third')])).toEqual(['second', 'third'])
    expect(await show('fourth')).toMatch(/second|third/)
    expect(job.cache.stats().inFlight).toBe(0)
  })

  it('whose renewal never ends is renewed again after collapse.timeout', async () => {
    const job = new Job({ collapse: { timeout: '5s' } })
    const options = { maxAge: '10s', staleWhileRevalidate: '1h' } as const
    const show = (): Promise<string> =>
      job.cache.fragment('x', options, async () => {
        const run = ++job.made
        if (run === 2) await new Promise(() => undefined)
        return `made ${run}`
      })
    await show()
    job.now += 20_000
    await show()
    while (job.made < 2) await new Promise(setImmediate)
    await show()
    await new Promise(setImmediate)
    expect(job.made).toBe(2)
    job.now += 5_000
    expect(await show()).toBe('made 1')
    while (job.made < 3) await new Promise(setImmediate)
    expect(await show()).toBe('made 3')
  })

  it('may enclose others to any depth, each called by the body around it', async () => {
    const { cache } = new Job()
    const nested = (level: number): Promise<string> =>
      cacheFragment(`level ${level}`, () => (level === 0 ? 'inmost' : nested(level - 1)))
    expect(await cache.run(() => nested(700))).toBe('inmost')
  })

  it('is made each time where if is false, or nobody shares it, or the cache is closed', async () => {
    const job = new Job()
    for (const options of [{ if: false }, { if: false }, { session: null }, { session: null }]) {
      await job.show(options)
    }
    await job.cache.close()
    await job.show()
    expect([job.made, job.cache.stats().entries]).toEqual([5, 0])
    expect(new Set(job.reasons)).toEqual(new Set(['off']))
  })

  it('whose inside nobody shares is not shared either', async () => {
    const { cache, events } = new Job()
    for (let i = 0; i < 2; i++) {
      await cache.fragment('outer', () => cache.fragment('inner', { session: null }, () => `${i}`))
    }
    expect(
      events.map(({ fragment, reason, uncacheable: refusal }) => [fragment, reason, refusal]),
    ).toEqual([
      ['inner', 'off', undefined],
      ['outer', 'miss', 'draft'],
      ['inner', 'off', undefined],
      ['outer', 'miss', 'draft'],
    ])
  })

  it('that encloses one for some audience or language must be for the same', async () => {
    const { cache, events } = new Job()
    const outer = (options: FragmentOptions): Promise<string> =>
      cache.fragment('outer', options, () => cache.fragment('inner', { session: 'a' }, () => ''))
    await outer({})
    await outer({ session: 'b' })
    await outer({ session: 'a' })
    const told = events.filter(({ fragment }) => fragment === 'outer')
    expect(told.map(({ uncacheable: refusal, detail }) => refusal ?? detail)).toEqual([
      'reads',
      'reads',
      undefined,
    ])
  })

  it('of text is escaped, and of JSON is safe in a script', async () => {
    const { cache } = new Job()
    expect(await cache.fragment('t', { text: true }, () => `<b>"R&D's"</b>`)).toBe(
      '&lt;b&gt;&quot;R&amp;D&#39;s&quot;&lt;/b&gt;',
    )
    const value = { a: '</script><!--', b: '\u2028&' }
    const json = await cache.fragment('j', { json: true }, () => value)
    expect(json).not.toMatch(/[<>&\u2028]/)
    expect(JSON.parse(json)).toEqual(value)
  })

  it('that is empty is stored or not, as skipEmpty says', async () => {
    const job = new Job()
    for (const skipEmpty of [false, true]) {
      await job.cache.fragment('x', { skipEmpty, key: `${skipEmpty}` }, () => ' \n')
    }
    expect(job.events.map(({ stored, uncacheable: refusal }) => [stored, refusal])).toEqual([
      [true, undefined],
      [false, 'empty'],
    ])
  })

  it('that holds a token against forgery, or a promise, or too much, is not stored', async () => {
    const job = new Job({ memory: { maxSize: '10KiB', maxEntrySize: '1KiB' } })
    const texts = ['<input name="_csrf" value="x">', promise, 'x'.repeat(2_000)]
    for (const text of texts) await job.cache.fragment(text.slice(0, 20), () => text)
    expect(job.events.map(({ uncacheable: refusal }) => refusal)).toEqual([
      'csrf-token',
      'promise',
      'too-large',
    ])
    expect(job.cache.stats().entries).toBe(0)
  })

  it('in development tells of a promise that was written into it', async () => {
    const { cache } = new Job({ fragments: { strict: true } })
    expect(await messageOf(() => cache.fragment('x', () => promise))).toContain(
      'ERR_CACHEFLOW_FRAGMENT: the text of cacheFragment(\'x\') was given "[object Promise]"',
    )
  })

  it('of one key with two bodies in a page is an error in development, also where it is stored', async () => {
    const { cache } = new Job({ fragments: { strict: true } })
    const page = (titles: readonly string[]): Promise<void> =>
      cache.run(async () => {
        for (const title of titles) await cacheFragment('card', async () => title)
      })
    await page(['one', 'one'])
    await page(['one'])
    expect(await messageOf(() => page(['one', 'two']))).toContain('ERR_CACHEFLOW_FRAGMENT_KEY')
  })

  it('has an outline where that is wanted, which no key can break', async () => {
    const { cache } = new Job({ fragments: { annotate: true } })
    expect(await cache.fragment('a-->b', () => 'text')).toBe(
      '<!--fragment 1000000 fragment:a%2D%2D%3Eb-->text<!--/fragment-->',
    )
    expect(await cache.fragment('j', { json: true }, () => [1])).toBe('[1]')
  })

  it('never waits for what waits for it', async () => {
    const { cache } = new Job()
    const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const show = (name: string, other: string): Promise<string> =>
      cache.fragment(name, async () => {
        await tick()
        const inner = await cache.fragment(other, async () => {
          await tick()
          return `(${await cache.fragment(name, async () => `${name} again`)})`
        })
        return `${name}${inner}`
      })
    const [a, b] = await Promise.all([show('a', 'b'), show('b', 'a')])
    expect([a[0], b[0]]).toEqual(['a', 'b'])
  })

  it('whose maker fails is made by those who waited, each by itself', async () => {
    const { cache } = new Job()
    let made = 0
    const show = (): Promise<string> =>
      cache.fragment('x', async () => {
        const run = ++made
        await new Promise((resolve) => setImmediate(resolve))
        if (run === 1) throw new Error('first')
        return 'text'
      })
    const results = await Promise.allSettled([show(), show(), show()])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
  })

  it('keeps the memory within its bound, and tells of an evicted one', async () => {
    const job = new Job({ memory: { maxSize: '100KiB' } })
    const show = (key: number): Promise<string> =>
      job.cache.fragment('x', { key }, () => 'x'.repeat(1_000))
    for (let key = 0; key < 200; key++) await show(key)
    expect(job.cache.stats().bytes).toBeLessThanOrEqual(100 * 1024)
    await show(0)
    expect(job.reasons.at(-1)).toBe('evicted')
  })
})

describe('explain()', () => {
  it('tells what a key encloses, what encloses it, and what felled it', async () => {
    const { cache } = new Job()
    await cache.fragment('page', { tags: ['t'] }, () =>
      cache.fragment('card', post(row), () =>
        cache.fragment('price', { maxAge: '10s' }, () => '5'),
      ),
    )
    const card = 'fragment:card post:7'
    expect(cache.explain(card)).toEqual({
      key: card,
      kind: 'fragment',
      entries: 1,
      dependencies: [
        'fragment:card',
        `key:${card}`,
        'entity:post:7',
        'fragment:card entity:post:7',
        'fragment:price',
        'key:fragment:price',
      ],
      contains: ['fragment:price'],
      containedIn: ['fragment:page'],
      tags: [],
      freshFor: 10_000,
      invalidatedBy: undefined,
    })
    await cache.invalidate(post.ref(7))
    expect(cache.explain(card)).toMatchObject({ kind: 'none', invalidatedBy: 'entity:post:7' })
    expect(cache.explain('fragment:page')).toMatchObject({
      invalidatedBy: 'entity:post:7',
      entries: 0,
    })
    expect(cache.explain('fragment:price').kind).toBe('fragment')
  })
})

describe('run()', () => {
  it('lets nothing be stored that was read before an invalidation', async () => {
    const { cache } = new Job()
    let value = 'old'
    await cache.run(async () => {
      const read = value
      value = 'new'
      await cache.invalidate({ tag: 'x' })
      await cacheFragment('x', { tags: ['x'] }, () => read)
    })
    expect(await cache.fragment('x', { tags: ['x'] }, () => value)).toBe('new')
  })
})

describe('wrong calls', () => {
  it('outside of a request are told where to go', async () => {
    expect(await messageOf(() => cacheFragment('x', () => ''))).toBe(
      'ERR_CACHEFLOW_NO_REQUEST: cacheFragment(\'x\') was given "no request". Mount app.use(cacheflow()) above this route, or use cache.fragment(...) in a job.',
    )
    expect(await messageOf(() => cacheFragments('x', [], () => ''))).toContain('NO_REQUEST')
    // In a function that pages and jobs share it means nothing there.
    dependsOn({ tag: 'x' })
  })

  it.each<[string, (cache: CacheHandle) => unknown, string]>([
    ['a missing name', (cache) => cache.fragment('', () => ''), 'ERR_CACHEFLOW_FRAGMENT'],
    ['a name that is none', (cache) => cache.fragment(5 as never, () => ''), 'FRAGMENT: '],
    ['no body', (cache) => cache.fragment('x', undefined as never), 'FRAGMENT: '],
    ['a row', (cache) => cache.fragment('x', [row] as never, () => ''), 'FRAGMENT: '],
    ['a row as options', (cache) => cache.fragment('x', row as never, () => ''), 'UNKNOWN_OPTION'],
    ['a text', (cache) => cache.fragment('x', 'y' as never, () => ''), 'FRAGMENT: '],
    ['too much', (cache) => cache.fragment('x', {} as never, {}, () => ''), 'FRAGMENT: '],
    ['no text', (cache) => cache.fragment('x', () => 5 as never), 'FRAGMENT: the body of'],
    ['no JSON', (cache) => cache.fragment('x', { json: true }, () => undefined), 'FRAGMENT: '],
    ['no records', (cache) => cache.fragments('x', row as never, () => ''), 'FRAGMENT: '],
    ['rows', (cache) => cache.fragments('x', [row] as never, () => ''), 'FRAGMENT: '],
    ['an unknown option', (cache) => show(cache, { maxage: 5 }), 'UNKNOWN_OPTION'],
    ['a wrong maxAge', (cache) => show(cache, { maxAge: 'soon' }), 'ERR_CACHEFLOW_DURATION'],
    ['a wrong window', (cache) => show(cache, { staleIfError: -1 }), 'ERR_CACHEFLOW_DURATION'],
    ['a wrong tag', (cache) => show(cache, { tags: [''] }), 'ERR_CACHEFLOW_OPTION'],
    ['tags as text', (cache) => show(cache, { tags: 'a' }), 'ERR_CACHEFLOW_OPTION'],
    ['a wrong flag', (cache) => show(cache, { if: 1 }), 'ERR_CACHEFLOW_OPTION'],
    ['two forms', (cache) => show(cache, { text: true, json: true }), 'ERR_CACHEFLOW_OPTION'],
    ['a wrong key', (cache) => show(cache, { key: {} }), 'ERR_CACHEFLOW_OPTION'],
    ['a wrong session', (cache) => show(cache, { session: 5 }), 'ERR_CACHEFLOW_OPTION'],
    ['a wrong onError', (cache) => show(cache, { onError: 'x' }), 'ERR_CACHEFLOW_OPTION'],
    ['a wrong vary', (cache) => show(cache, { vary: 'x' }), 'ERR_CACHEFLOW_OPTION'],
    ['everything', (cache) => show(cache, { dependsOn: { all: true } }), 'ERR_CACHEFLOW_TARGET'],
    ['a wrong target', (cache) => show(cache, { dependsOn: [{}] }), 'ERR_CACHEFLOW_TARGET'],
    ['a wrong of', (cache) => cache.invalidate({ fragment: 'x', of: {} as never }), 'TARGET'],
    ['no entity', (cache) => cache.invalidate({ entity: [] }), 'ERR_CACHEFLOW_TARGET'],
    ['a row as entity', (cache) => cache.invalidate({ entity: row as never }), 'TARGET'],
  ])('with %s are told', async (_, call, code) => {
    expect(await messageOf(() => call(createCacheflow()))).toContain(code)
  })
})

function show(cache: CacheHandle, options: object): Promise<string> {
  return cache.fragment('x', options as FragmentOptions, () => '')
}
