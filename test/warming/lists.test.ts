import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { pathsIn, sitemap } from 'cacheflow'
import { until } from '../support/until.ts'
import { file, sitemapOf } from './lists.ts'

async function all(pages: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const page of pages) found.push(page)
  return found
}

/** What the server answers: a text, or the status with which it fails, or where it sends to; undefined: it never does. */
const answers = new Map<string, string | Buffer | number | URL | undefined>()
/** What has been sent to its end. */
const sent: string[] = []
const asked: string[] = []
const server = createServer((request, response) => {
  const path = request.url ?? ''
  const answer = answers.has(path) ? answers.get(path) : 404
  asked.push(`${request.headers.host?.split(':', 1)[0]}${path}`)
  if (answer === undefined) return
  if (typeof answer === 'string' || Buffer.isBuffer(answer))
    response.end(answer, () => sent.push(path))
  else if (typeof answer === 'number') response.writeHead(answer).end()
  else response.writeHead(302, { location: answer.href }).end()
})
beforeAll(() => new Promise<void>((resolve) => server.listen(0, resolve)))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** The URL of a path at the server, under one of its two names. */
function at(path: string, host = 'localhost'): URL {
  return new URL(`http://${host}:${(server.address() as AddressInfo).port}${path}`)
}

function indexOf(...locations: (string | URL)[]): string {
  const each = locations.map((location) => `<sitemap><loc>${String(location)}</loc></sitemap>`)
  return `<sitemapindex>${each.join('')}</sitemapindex>`
}

describe('lists of pages', () => {
  it('are read from a sitemap with its entities, packed or not, whatever it is called', async () => {
    const cdata = '<![CDATA[/c?x=1&y=2]]>'
    const text = sitemapOf(
      'https://shop.example/a?x=1&amp;y=2',
      '/b&#47;&#x63;',
      cdata,
      '/&toString;',
    )
    const found = ['https://shop.example/a?x=1&y=2', '/b/c', '/c?x=1&y=2', '/&toString;']
    expect(await all(sitemap(await file('map.xml', text)))).toEqual(found)
    expect(await all(sitemap(await file('map.xml.gz', text)))).toEqual(found)
    const packed = await file('packed map.xml', gzipSync(text))
    expect(await all(sitemap(packed))).toEqual(found)
    expect(await all(sitemap(new URL(`file://${packed}`)))).toEqual(found)
  })

  it('are read from all sitemaps of an index, over the network', async () => {
    answers.set('/index', indexOf(at('/one'), '/two', at('/three')))
    answers.set('/one', sitemapOf('/1', '/2'))
    answers.set('/two', at('/moved'))
    answers.set('/moved', sitemapOf('/3'))
    answers.set('/three', 500)
    const pages = sitemap(at('/index'))
    const found = [await pages.next(), await pages.next(), await pages.next()]
    expect(found.map(({ value }) => value)).toEqual(['/1', '/2', '/3'])
    await expect(pages.next()).rejects.toThrow('/three answered 500')
  })

  it('are read from the sitemaps that an index in a file names, files among them', async () => {
    const map = await file('part.xml', sitemapOf('/1'))
    answers.set('/part', sitemapOf('/2'))
    const index = await file('index.xml', indexOf(map, at('/part')))
    expect(await all(sitemap(index))).toEqual(['/1', '/2'])
  })

  it('are not read where an index of the network names files, other sites, or further indexes', async () => {
    answers.set('/hidden', sitemapOf('/hidden'))
    const away = at('/hidden', '127.0.0.1')
    answers.set('/redirected', away)
    for (const location of [`file://${await file('own.xml', sitemapOf('/own'))}`, away]) {
      answers.set('/hostile', indexOf(location))
      await expect(all(sitemap(at('/hostile')))).rejects.toThrow('not of its own site')
    }
    answers.set('/hostile', indexOf('/redirected'))
    await expect(all(sitemap(at('/hostile')))).rejects.toThrow('/redirected sends elsewhere')
    expect(asked).not.toContain('127.0.0.1/hidden')
    answers.set('/hostile', indexOf('/inner'))
    answers.set('/inner', indexOf('/inner', '/hostile'))
    expect(await all(sitemap(at('/hostile')))).toEqual([])
  })

  it('are not read from files to which a server sends, nor round in circles', async () => {
    answers.set('/file', new URL(`file://${await file('sent.xml', sitemapOf('/sent'))}`))
    await expect(all(sitemap(at('/file')))).rejects.toThrow('/file sends elsewhere')
    answers.set('/circle', at('/circle'))
    await expect(all(sitemap(at('/circle')))).rejects.toThrow('/circle sends elsewhere')
  })

  it('are not read from what is no sitemap, or goes on for ever', async () => {
    await expect(all(sitemap(await file('login.xml', '<html>Log in')))).rejects.toThrow(
      'login.xml is no sitemap',
    )
    const bomb = gzipSync(`<urlset>${' '.repeat(51 * 2 ** 20)}`, { level: 1 })
    await expect(all(sitemap(await file('bomb.xml', bomb)))).rejects.toThrow(
      'bomb.xml is longer than a sitemap may be',
    )
  })

  it('cost no more than their length, whatever stands in them', async () => {
    const start = performance.now()
    for (const part of ['<loc> ', '<loc><![CDATA[', '<loc', ' ', '<a', 'a', '</loc', '&', '&#']) {
      const text = `<urlset><loc>${part.repeat(16_000)}`
      await expect(all(sitemap(await file('hostile.xml', text)))).rejects.toThrow('is damaged')
    }
    expect(performance.now() - start).toBeLessThan(2_000)
  })

  it('are fetched before the first page is made, for no server waits until the last one is', async () => {
    answers.set('/long', sitemapOf(...Array.from({ length: 100_000 }, (_, i) => `/page/${i}`)))
    const pages = sitemap(at('/long'))
    expect((await pages.next()).value).toBe('/page/0')
    await until('all of it was sent', () => sent.includes('/long'))
    await pages.return()
  })

  it('are a failure where the server takes too long', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    answers.set('/silent', undefined)
    const page = sitemap(at('/silent')).next()
    await until('it is asked', () => asked.includes('localhost/silent'))
    vi.advanceTimersByTime(30_000)
    await expect(page).rejects.toThrow('/silent took longer than 30000 ms')
  })

  it('never tell the password of the URL at which they are', async () => {
    const url = at('/one')
    url.password = 'hunter2'
    const error: unknown = await all(sitemap(url)).catch((thrown: unknown) => thrown)
    expect(String(error)).toBe('Error: the sitemap at localhost has a password in its URL')
  })

  it('are the pages of a sitemap, and not what stands beside, in or around them', async () => {
    const text = `<?xml version="1.0" encoding="UTF-8"?>
      <!-- <url><loc>/commented</loc></url> -->
      <s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
      <s:url title="a > b"><s:loc changed="&lt;loc>">/1</s:loc>
        <image:image><image:loc>https://cdn.example/1.jpg</image:loc></image:image>
        <image:loc>https://cdn.example/2.jpg</image:loc>
        <video:video><video:loc>/film</video:loc><loc>/inside</loc></video:video></s:url>
      <s:url><s:loc><![CDATA[/2?a=]]>b&amp;<![CDATA[c=[1]&d]]></s:loc></s:url>
      <s:url><s:loc>
        /3<!-- here -->
      </s:loc></s:url>
      </s:urlset>`
    expect(await all(sitemap(await file('rich.xml', text)))).toEqual(['/1', '/2?a=b&c=[1]&d', '/3'])
  })

  it('are read from an index in an index, and one that cannot be read keeps back no other', async () => {
    answers.set('/top', indexOf('/gone', '/middle', '/broken', '/last'))
    answers.set('/middle', indexOf('/pages', '/middle'))
    answers.set('/pages', sitemapOf('/1'))
    answers.set('/broken', '<urlset><url><loc>/2</loc></url><url><loc>/3')
    answers.set('/last', sitemapOf('/4'))
    const found: string[] = []
    const reading = (async () => {
      for await (const page of sitemap(at('/top'))) found.push(page)
    })()
    await expect(reading).rejects.toThrow(/\/gone answered 404, and 1 more/)
    expect(found).toEqual(['/1', '/2', '/4'])
  })

  it('are read from the network packed, and from a text with a URL in each line', async () => {
    answers.set('/map.xml.gz', gzipSync(sitemapOf('/1', '/2')))
    expect(await all(sitemap(at('/map.xml.gz')))).toEqual(['/1', '/2'])
    const lines = 'https://shop.example/a\r\n\nhttps://shop.example/b'
    answers.set('/map.txt', lines)
    answers.set('/map.txt.gz', gzipSync(lines))
    const found = ['https://shop.example/a', 'https://shop.example/b']
    expect(await all(sitemap(at('/map.txt')))).toEqual(found)
    expect(await all(sitemap(at('/map.txt.gz')))).toEqual(found)
    expect(await all(sitemap(await file('map.txt', `\uFEFF${lines}`)))).toEqual(found)
  })

  it('are not read where a location sends to another host or port, or an index names one', async () => {
    const elsewhere = createServer((_request, response) => void response.end(sitemapOf('/other')))
    await new Promise<void>((resolve) => elsewhere.listen(0, resolve))
    onTestFinished(() => void elsewhere.close())
    const { port } = elsewhere.address() as AddressInfo
    answers.set('/away', new URL(`http://localhost:${port}/`))
    await expect(all(sitemap(at('/away')))).rejects.toThrow(
      `sends elsewhere, to http://localhost:${port}`,
    )
    answers.set('/ports', indexOf(`http://localhost:${port}/`))
    await expect(all(sitemap(at('/ports')))).rejects.toThrow('not of its own site')
  })

  it('are read from a file, a line for each', async () => {
    const path = await file('pages.txt', '# ours\n/a\r\n\n  /b  \n')
    expect(await all(pathsIn(path))).toEqual(['/a', '/b'])
    await expect(all(pathsIn(`${path}.none`))).rejects.toThrow('ENOENT')
  })
})
