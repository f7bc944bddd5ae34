import type { WarmEntry } from 'cacheflow'
import { describe, expect, it } from 'vitest'
import { Site } from './site.ts'

/** A site that writes down what it is asked for, and what a run says of entries that stand for no page. */
async function warmed(
  entries: readonly unknown[],
  origin?: string,
): Promise<{ asked: string[]; failed: string[]; keys: (...keys: string[]) => number[] }> {
  const asked: string[] = []
  const site = await Site.start('Express 5', [
    {
      pattern: '/{*path}',
      options: {},
      handler: ({ path, header }) => {
        asked.push(
          [path, header('host'), header('x-a')].filter((each) => each !== undefined).join(' '),
        )
        return 'made'
      },
    },
  ])
  const report = await site.cache.warm(site.app, {
    pages: entries as WarmEntry[],
    parallelism: 1,
    retries: 0,
    ...(origin === undefined ? {} : { origin }),
  })
  return {
    asked,
    failed: report.failed.map(({ url, reason }) => `${url}: ${reason}`),
    keys: (...keys) => keys.map((key) => site.cache.explain(key).entries),
  }
}

describe('an entry of a warmer', () => {
  it('that is written unlike a request is sent as browsers send it', async () => {
    const { asked, failed } = await warmed([
      'HTTPS://Shop.Example:443/Tea Cups?q=ü#top',
      'http://bücher.example',
      { url: '/x', query: { a: ['1 2', '&', 3] }, headers: { 'X-A': 'ü' } },
      '//shop.example/y',
      '/\uD800\r\nGET /evil HTTP/1.1',
    ])
    expect(failed).toEqual([])
    expect(asked).toEqual([
      '/Tea%20Cups?q=%C3%BC shop.example',
      '/ xn--bcher-kva.example',
      '/x?a=1%202&a=%26&a=3 localhost ü',
      '//shop.example/y localhost',
      '/%EF%BF%BD%0D%0AGET%20/evil%20HTTP/1.1 localhost',
    ])
  })

  it('that stands for no request is a failure, and nothing is sent', async () => {
    const fields = [{ 'a b': 'c' }, { a: 'b\r\nc: d' }, { a: 5 }, { 'Content-Length': '5' }]
    const { asked, failed } = await warmed([
      null,
      { url: 7 },
      { params: { path: null } },
      'about',
      'ftp://shop.example/',
      'http://a b/',
      'http://shop.example\r\nx: y/',
      'http://',
      ...fields.map((headers) => ({ url: '/', headers })),
    ])
    expect(asked).toEqual([])
    expect(failed).toEqual([
      'a page: null is no page',
      'a page: the url of a page is a text',
      expect.stringContaining('the pattern of its route is unknown'),
      'about: about is no path, and the pattern of its route is unknown: give paths, or the application itself to warm()',
      expect.stringContaining('ftp://shop.example/ is no path'),
      expect.stringContaining('the URL of a page has no plain host: …/'),
      expect.stringContaining('the URL of a page has no plain host: …/'),
      expect.stringContaining('no plain host'),
      ...['a b', 'a', 'a', 'Content-Length'].map(
        (name) => `a page: the header field "${name}" cannot be sent`,
      ),
    ])
  })

  it('never tells its password', async () => {
    const { asked, failed } = await warmed([
      'http://me:hunter2@shop.example/1',
      'ftp://me:hunter2@shop.example/2',
      { url: 'http://me:hunter2@shop.example/3' },
    ])
    expect(asked).toEqual([])
    expect(failed).toHaveLength(3)
    expect(failed.join()).not.toContain('hunter2')
  })

  it('is shown shortened in a report, however long it is', async () => {
    const { failed } = await warmed(['x'.repeat(100_000)])
    expect(failed.map(({ length }) => length)).toEqual([4_002])
  })

  it('is made for the origin as browsers write it', async () => {
    const { keys } = await warmed(['/'], 'https://Shop.Example:443')
    expect(keys('https://shop.example/')).toEqual([1])
  })
})
