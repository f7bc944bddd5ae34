import { describe, expect, it } from 'vitest'
import { cacheFragment, composition, createCacheflow } from '../../src/index.ts'

const layout = composition`<h1>${'title'}</h1>${'main'}<footer>${'title'}</footer>`

describe('composition()', () => {
  it('puts a page together from named parts: texts, promises and functions', async () => {
    expect(layout.names).toEqual(['title', 'main'])
    expect(await layout({ title: 'Tea', main: () => Promise.resolve('<p>Hot</p>') })).toBe(
      '<h1>Tea</h1><p>Hot</p><footer>Tea</footer>',
    )
  })

  it('makes each part once, all at one time', async () => {
    const order: string[] = []
    const part = (name: string) => async (): Promise<string> => {
      order.push(`begin ${name}`)
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`end ${name}`)
      return name
    }
    await layout({ title: part('title'), main: part('main') })
    expect(order).toEqual(['begin title', 'begin main', 'end title', 'end main'])
  })

  it('takes parts as they are, whatever they contain', async () => {
    const odd = "$& $1 $' ${title} <b>"
    expect(await layout({ title: odd, main: odd })).toBe(
      `<h1>${odd}</h1>${odd}<footer>${odd}</footer>`,
    )
  })

  it('has a policy for parts that are missing', async () => {
    await expect(layout({ title: 'Tea' })).rejects.toThrow(
      'ERR_CACHEFLOW_PART: a composition was given "main"',
    )
    expect(await layout({ title: 'Tea' }, { missing: 'empty' })).toBe(
      '<h1>Tea</h1><footer>Tea</footer>',
    )
    expect(await layout({ title: 'Tea' }, { missing: (name) => `no ${name}` })).toBe(
      '<h1>Tea</h1>no main<footer>Tea</footer>',
    )
  })

  it('refuses parts that have no place, and what is no text', async () => {
    await expect(layout({ title: '', main: '', aside: '' } as never)).rejects.toThrow('"aside"')
    await expect(layout({ title: 5, main: '' } as never)).rejects.toThrow('gave number')
  })

  it('of fragments falls with each of them', async () => {
    const cache = createCacheflow()
    let made = 0
    const page = (): Promise<string> =>
      cache.fragment('page', () =>
        layout({
          title: () => cacheFragment('title', { tags: ['title'] }, () => `title ${++made}`),
          main: () => cacheFragment('main', () => `main ${++made}`),
        }),
      )
    expect(await page()).toContain('<h1>title 1</h1>main 2')
    await cache.invalidate({ tag: 'title' })
    expect(await page()).toContain('<h1>title 3</h1>main 2')
  })
})
