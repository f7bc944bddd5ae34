import { describe, expect, it } from 'vitest'
import { file, sitemapOf } from './lists.ts'
import { Site, type SiteRoute } from './site.ts'
import { cacheflow, npxCacheflow } from './terminal.ts'

const route: SiteRoute = {
  pattern: '/p/:id',
  options: {},
  handler: ({ path, params }) => (params['id'] === 'broken' ? 503 : path),
}

describe('npx cacheflow', { timeout: 120_000 }, () => {
  it('warms a running application by a sitemap and a file, and exits with 0', async () => {
    const site = await Site.start('Express 5', [route])
    const xml = await file('site.xml', sitemapOf(`${site.origin}/p/1`, `${site.origin}/p/2`))
    const txt = await file('site.txt', '/p/3\n')
    const args = ['warm', site.origin, '--sitemap', xml, '--file', txt, '--parallelism', '2']
    const first = await npxCacheflow(args)
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
      ['warm', 'http://localhost', '--max-duration', '5 minutes'],
      ['warm', 'http://localhost', '--header', 'none'],
      ['purge'],
      ['purge', '--tag', 'a', '--all'],
      ['purge', '--tags', 'a'],
      ['purge', '--tag', 'a', '--spread', '1m'],
      ['purge', '--tag', 'a', '--soft', '--spread', 'slowly'],
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

  it('tells the options of a command with --help', async () => {
    const help = await cacheflow(['purge', '--help'])
    expect(help).toMatchObject({ code: 0, err: '' })
    expect(help.out).toMatch(/^cacheflow purge\ninvalidates in every instance, such as: npx /)
    expect(help.out).toContain('\n  --tag <value>, repeatable\n')
    expect(help.out).toContain('\n  --soft\n  --spread <value>\n')
    expect((await cacheflow(['ls', 'http://localhost', '-h'])).out).toContain('--limit <value>')
  })

  it('never prints a password, wherever in a URL it was typed', async () => {
    const url = 'http://me:hunter2@localhost:1'
    const list = await file('secret.txt', `${url}/p\nftp://me:hunter2@localhost/p\n`)
    const ends = await Promise.all(
      [
        ['warm', url],
        ['warm', 'ftp://me:hunter2@localhost'],
        ['warm', 'http://localhost:1', '--origin', url],
        ['warm', 'http://localhost:1', '--sitemap', url],
        ['warm', 'http://localhost:1', '--file', list, '--json'],
        ['warm', 'http://localhost:1', url],
        [url],
        ['stats', url],
      ].map((args) => cacheflow(args)),
    )
    expect(ends.map(({ code }) => code)).toEqual([2, 2, 2, 1, 1, 2, 2, 2])
    for (const { out, err } of ends) expect(out + err).not.toContain('hunter2')
  })

  it('lets no name of a page steer the terminal', async () => {
    const list = await file('escapes.txt', '\u001B[2Jone\n\u009B2Jtwo\n')
    const args = ['warm', 'http://localhost:1', '--file', list]
    const [lines, json] = await Promise.all([cacheflow(args), cacheflow([...args, '--json'])])
    for (const { out } of [lines, json]) {
      expect(out).toMatch(/\[2Jone[^]*2Jtwo/)
      expect(out).toMatch(/^[\P{Cc}\n]*$/u)
    }
  })
})
