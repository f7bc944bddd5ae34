import { describe, expect, it } from 'vitest'
import {
  type CacheHandle,
  type FragmentEvent,
  type WarningEvent,
  cacheFragment,
  createCacheflow,
} from '../../src/index.ts'

/** A cache as in production, with what it tells. */
function production(): {
  readonly cache: CacheHandle
  readonly events: FragmentEvent[]
  readonly warnings: WarningEvent[]
} {
  const cache = createCacheflow({ fragments: { strict: false } })
  const events: FragmentEvent[] = []
  const warnings: WarningEvent[] = []
  cache.on('fragment', (event) => events.push(event))
  cache.on('warning', (event) => warnings.push(event))
  return { cache, events, warnings }
}

/** A page whose cards leave their record out of the key. */
async function cards(cache: CacheHandle, titles: readonly string[]): Promise<string> {
  let html = ''
  await cache.run(async () => {
    for (const title of titles) html += await cacheFragment('card', () => `<b>${title}</b>`)
  })
  return html
}

describe('two bodies under one key in a page, in production', () => {
  it('show each place its own text, and leave nothing stored under the key', async () => {
    const { cache, events } = production()
    expect(await cards(cache, ['one', 'two', 'three'])).toBe('<b>one</b><b>two</b><b>three</b>')
    expect(await cards(cache, ['two', 'one'])).toBe('<b>two</b><b>one</b>')
    expect(cache.stats().entries).toBe(0)
    expect(events.map(({ uncacheable: refusal }) => refusal)).toContain('clash')
    expect(events.at(-1)).toMatchObject({
      key: 'fragment:card',
      stored: false,
      uncacheable: 'clash',
    })
  })

  it('show each place its own text where the second asks while the first is being made', async () => {
    const { cache } = production()
    let html: readonly string[] = []
    await cache.run(async () => {
      html = await Promise.all(
        ['one', 'two'].map((title) => cacheFragment('card', () => Promise.resolve(title))),
      )
    })
    expect(html).toEqual(['one', 'two'])
    expect(cache.stats().entries).toBe(0)
  })

  it('show each place its own text where two fragments enclose them', async () => {
    const { cache } = production()
    let html = ''
    await cache.run(async () => {
      html += await cacheFragment('head', () => cacheFragment('card', () => 'small'))
      html += await cacheFragment('body', () => cacheFragment('card', () => 'in full'))
    })
    expect(html).toBe('smallin full')
  })

  it('are warned of once for each name, with the key and a mend', async () => {
    const { cache, warnings } = production()
    await cards(cache, ['one', 'two'])
    await cards(cache, ['one', 'two'])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ reason: 'clash' })
    expect(warnings[0]?.message).toContain("cacheFragment('card') is not stored")
    expect(warnings[0]?.message).toContain('{ key: page }')
  })

  it('that give the same text are one fragment, compared 8 times and then one time in 16', async () => {
    const { cache, events, warnings } = production()
    let ran = 0
    await cache.run(async () => {
      for (let i = 0; i < 1 + 8 + 160; i++) {
        await cacheFragment('avatar', () => {
          ran++
          return 'same'
        })
      }
    })
    expect(ran).toBe(1 + 8 + 10)
    expect(cache.stats().entries).toBe(1)
    expect(warnings).toEqual([])
    expect(events.filter(({ stored }) => stored)).toHaveLength(1)
  })

  it('never break a page by the second look: a body that fails then leaves what is stored', async () => {
    const { cache } = production()
    let ran = 0
    const body = (): string => {
      if (++ran > 1) throw new Error('database is gone')
      return 'text'
    }
    let html = ''
    await cache.run(async () => {
      html += await cacheFragment('card', body)
      html += await cacheFragment('card', body)
    })
    expect(html).toBe('texttext')
  })

  it('are no clash where several enclosers show one fragment: its body runs once', async () => {
    const { cache } = production()
    let ran = 0
    const nav = (): Promise<string> => cacheFragment('nav', () => `nav ${++ran}`)
    let html = ''
    await cache.run(async () => {
      html += await cacheFragment('head', nav)
      html += await cacheFragment('foot', nav)
    })
    expect(html).toBe('nav 1nav 1')
  })
})
