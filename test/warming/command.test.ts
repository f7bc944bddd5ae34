import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pathsIn, sitemap } from 'cacheflow'
import { builtPackage } from '../support/built-package.ts'
import { temporaryDirectory } from '../support/process.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import { Site, type SiteRoute } from './site.ts'

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command as a terminal would. */
async function cacheflow(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const command = join(await builtPackage(), 'src/cli/main.js')
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [command, ...args],
      { env: { ...process.env, ...env } },
      (error, out, err) => resolve({ code: error ? Number(child.exitCode) : 0, out, err }),
    )
  })
}

const route: SiteRoute = {
  pattern: '/p/:id',
  options: { tags: ['pages'] },
  handler: ({ path, params }) => (params['id'] === 'broken' ? 503 : path),
}

const map = (...paths: string[]): string =>
  `<?xml version="1.0"?><urlset>${paths.map((path) => `<url><loc> ${path} </loc></url>`).join('')}</urlset>`

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(temporaryDirectory(), `${process.pid}-${name}`)
  await writeFile(path, content)
  return path
}

async function all(pages: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const page of pages) found.push(page)
  return found
}

describe('lists of pages', () => {
  it('are read from a sitemap, packed or not, with its entities', async () => {
    const text = map('https://shop.example/a?x=1&amp;y=2', '/b&#47;c')
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
      } else if (request.url === '/one') response.end(map('/1', '/2'))
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

describe('npx cacheflow', { timeout: 120_000 }, () => {
  it('warms a running application by a sitemap and a file, and exits with 0', async () => {
    const site = await Site.start('Express 5', [route])
    const xml = await file('site.xml', map(`${site.origin}/p/1`, `${site.origin}/p/2`))
    const txt = await file('site.txt', '/p/3\n')
    const args = ['warm', site.origin, '--sitemap', xml, '--file', txt, '--parallelism', '2']
    const first = await cacheflow(args)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toMatch(
      /^cacheflow warm localhost:\d+: 3 warmed, 0 fresh, 0 skipped, 0 failed,/,
    )
    const second = await cacheflow([...args, '--json'])
    expect(JSON.parse(second.out)).toMatchObject({ fresh: 3, warmed: 0, outcome: 'complete' })
    expect((await site.visit('/p/2')).cacheStatus).toContain('hit')
  })

  it('exits with 1 when a page fails, and tells which', async () => {
    const site = await Site.start('Express 5', [route])
    const txt = await file('broken.txt', '/p/1\n/p/broken\n')
    const end = await cacheflow(['warm', site.origin, '--file', txt, '--retries', '0'])
    expect(end.code).toBe(1)
    expect(end.out).toContain(`failed ${site.origin}/p/broken: status 503`)
  })

  it('exits with 2 where it does not understand, and shows an example', async () => {
    const wrong = [
      ['warm'],
      ['warm', 'shop'],
      ['warm', 'http://localhost', '--parallelism', 'many'],
      ['warm', 'http://localhost', '--budget', '5 minutes'],
      ['warm', 'http://localhost', '--header', 'none'],
      ['purge'],
      ['purge', '--tag', 'a', '--all'],
      ['purge', '--tags', 'a'],
      ['get'],
      ['stats', 'one', 'two'],
    ]
    const ends = await Promise.all(wrong.map((args) => cacheflow(args)))
    for (const [i, { code, out, err }] of ends.entries()) {
      expect([wrong[i], code, out]).toEqual([wrong[i], 2, ''])
      expect(err).toMatch(new RegExp(`example: npx cacheflow ${wrong[i]?.[0]} `))
    }
    const unknown = await cacheflow(['fill'])
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('"fill" is no command') })
    expect(await cacheflow(['--help'])).toMatchObject({ code: 0, err: '' })
  })

  it('reads and purges what instances share in Redis', async () => {
    const redis = await RedisServer.start()
    const client = new Redis(redis.port)
    onTestFinished(async () => {
      client.disconnect()
      await redis.kill()
    })
    const site = await Site.start('Koa 3', [route], { redis: { client, namespace: 'shop' } })
    await until('it is connected', () => site.cache.status()?.connected === true)
    await site.cache.warm(site.app, { pages: ['/p/1', '/p/2'], origin: site.origin })
    const own = ['--namespace', 'shop', '--redis', `redis://localhost:${redis.port}`]
    const json = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await cacheflow([...args, ...own, '--json'])).out)
    const key = `${site.origin}/p/1`

    expect(await json('ls', site.origin)).toEqual(
      expect.arrayContaining([key, `${site.origin}/p/2`]),
    )
    expect(await json('ls', site.origin, '--limit', '1')).toHaveLength(1)
    expect(await json('ls', 'http://elsewhere')).toEqual([])
    expect(await json('get', key)).toMatchObject({
      kind: 'response',
      status: 200,
      route: '/p/:id',
      tags: ['pages'],
      valid: true,
    })
    expect(await json('stats')).toMatchObject({ entries: 2, instances: 1 })
    expect(await json('why', key)).toMatchObject({
      valid: true,
      dependencies: expect.arrayContaining([{ name: 'tag:pages', invalidated: 0 }]),
    })

    const purged = await json('purge', '--tag', 'pages')
    expect(purged).toMatchObject({ responses: 2, instances: 1 })
    expect((await site.visit('/p/1')).cacheStatus).not.toContain('hit')
    await cacheflow(['purge', '--url', '/p/2', ...own])
    await until('what was made anew is there', async () => {
      const shown = (await json('why', key)) as { dependencies?: unknown[] }
      return shown.dependencies !== undefined
    })
    expect(await json('why', key)).toMatchObject({
      valid: true,
      dependencies: expect.arrayContaining([
        { name: 'tag:pages', invalidated: expect.any(Number) },
      ]),
    })
    const gone = await cacheflow(['get', `${site.origin}/p/none`, ...own])
    expect(gone).toMatchObject({ code: 1, out: expect.stringContaining('nothing is stored') })

    const healthy = await cacheflow(['doctor', ...own])
    expect(healthy.out).toMatch(/^ok {4}version 7/)
    expect(healthy.code).toBe(0)
    await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-random')
    const sick = await cacheflow(['doctor', ...own])
    expect(sick).toMatchObject({ code: 1, out: expect.stringContaining('wrong maxmemory-policy') })
  })

  it('never prints the password of Redis', async () => {
    const url = 'redis://user:hunter2@localhost:1/'
    for (const args of [
      ['stats', '--redis', url],
      ['purge', '--all', '--redis', url, '--json'],
      ['doctor'],
    ]) {
      const { code, out, err } = await cacheflow(args, { REDIS_URL: url })
      expect(code).toBe(1)
      expect(err).toContain('localhost:1 does not answer')
      expect(out + err).not.toContain('hunter2')
    }
  })
})
