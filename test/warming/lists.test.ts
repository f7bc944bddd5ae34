import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pathsIn, sitemap } from 'cacheflow'
import { file, sitemapOf } from './lists.ts'

async function all(pages: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const page of pages) found.push(page)
  return found
}

describe('lists of pages', () => {
  it('are read from a sitemap, packed or not, with its entities', async () => {
    const text = sitemapOf('https://shop.example/a?x=1&amp;y=2', '/b&#47;c')
    const found = ['https://shop.example/a?x=1&y=2', '/b/c']
    expect(await all(sitemap(await file('map.xml', text)))).toEqual(found)
    expect(await all(sitemap(await file('map.xml.gz', gzipSync(text))))).toEqual(found)
  })

  it('are read from all sitemaps of an index, over the network', async () => {
    const server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo
      const at = (path: string): string =>
        `<sitemap><loc>http://localhost:${port}${path}</loc></sitemap>`
      if (request.url === '/index') {
        response.end(`<sitemapindex>${at('/one')}${at('/two')}</sitemapindex>`)
      } else if (request.url === '/one') response.end(sitemapOf('/1', '/2'))
      else response.writeHead(500).end()
    }).listen(0)
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const pages = sitemap(`http://localhost:${port}/index`)
    expect([(await pages.next()).value, (await pages.next()).value]).toEqual(['/1', '/2'])
    await expect(pages.next()).rejects.toThrow('/two answered 500')
  })

  it('are read from a file, a line for each', async () => {
    const path = await file('pages.txt', '# ours\n/a\r\n\n  /b  \n')
    expect(await all(pathsIn(path))).toEqual(['/a', '/b'])
    await expect(all(pathsIn(`${path}.none`))).rejects.toThrow('ENOENT')
  })
})
