import type { CacheflowError } from 'cacheflow'
import { cacheflow } from 'cacheflow/express'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/options/cache-options.ts'

const cache = cacheflow({ warming: { headers: { 'x-a': '1', 'x-b': '1' } } })

/** What is given, and a word of what the error says of it. */
async function refusals(
  give: (given: never) => unknown,
  wrong: readonly (readonly [given: unknown, word: string])[],
): Promise<void> {
  for (const [given, word] of wrong) {
    let error: Partial<CacheflowError> | undefined
    try {
      await give(given as never)
    } catch (thrown) {
      error = thrown as Partial<CacheflowError>
    }
    expect([given, error?.code]).toEqual([given, expect.stringMatching(/_(UNKNOWN_)?OPTION$/)])
    expect(error?.message).toContain(word)
  }
}

describe('What warmers cannot understand is refused', () => {
  it('by route()', () =>
    refusals(
      (warm) => cache.route({ warm }),
      [
        ['/', 'Give a list of pages'],
        [{ pages: '/' }, 'warm.pages'],
        [{ pages: [], variant: {} }, 'variant'],
        [{ pages: [], variants: [] }, 'warm.variants'],
        [{ pages: [], variants: [{ 'a b': 'c' }] }, 'warm.variants'],
        [{ pages: [], priority: NaN }, 'warm.priority'],
      ],
    ))

  it('by warm()', () =>
    refusals(
      (options) => cache.warm(express(), options),
      [
        [{ page: [] }, 'page'],
        [{ pages: '/' }, 'pages of warm()'],
        [{ signal: 'stop' }, 'signal of warm()'],
        [{ name: 5 }, 'name of warm()'],
        [{ onProgress: 'x' }, 'onProgress of warm()'],
        [{ rate: 0 }, 'rate of warm()'],
      ],
    ))

  it('by warmer(), and by what it gives', async () => {
    await refusals(
      (given: Parameters<typeof cache.warmer>) => cache.warmer(...given),
      [
        [['', () => 1], 'warmer()'],
        [[5, () => 1], 'warmer()'],
        [['menu', 'run'], 'warmer()'],
        [['menu', () => 1, { priority: 'high' }], 'priority of warmer()'],
        [['menu', () => 1, { prio: 1 }], 'prio'],
      ],
    )
    cache.warmer('list', (_own, { pages }) => pages('/' as never))
    const { failed } = await cache.warm()
    expect(failed).toMatchObject([
      { url: 'list', reason: expect.stringContaining('pages() of the warmer list') },
    ])
  })

  it('while what is only unusual is taken: no timer can wait for longer than 24 days', () => {
    const { warming } = resolveOptions({
      warming: { every: '60d', refreshAhead: '60d', timeout: '60d' },
    })
    const longest = 2 ** 31 - 1
    expect(warming).toMatchObject({ every: longest, refreshAhead: longest, timeout: longest })
  })
})
