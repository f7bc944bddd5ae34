import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../support/random.ts'
import { RedisServer } from '../support/redis-server.ts'
import { until } from '../support/until.ts'
import type { Language } from './language.ts'
import { each, fragment, type Part, plain, text, value } from './part.ts'
import { randomPage } from './random-page.ts'
import { node, Rows } from './rows.ts'
import { SharedSite } from './shared-site.ts'
import { folderOf, places } from './site.ts'

const item = fragment('item', 'item', value('item', 'seen'), text('<li>'), value('item'))
const card = fragment('card', 'row', value('row', 'seen'), value('row'), each('item', 'row', item))
const blog: readonly Part[] = [text('<main>'), each('row', undefined, card, text(','))]
/** Every page passes by the cache, and its fragments do not. */
const personal = { session: () => null }

/** What views show of fragments that rest in Redis. */
export function sharedConformance(language: Language): void {
  const expected = async (rows: Rows, page: readonly Part[]): Promise<string> => {
    const folder = folderOf(language, { page: language.write(plain(page)) })
    return language.open(folder, true).render('page', rows.locals())
  }

  describe(`fragments in ${language.name} that rest in Redis`, () => {
    let server: RedisServer
    beforeAll(async () => {
      server = await RedisServer.start()
    })
    afterAll(() => server.stop())

    it.each(places)('come in one round trip, and no body runs (%s)', async (place) => {
      const rows = new Rows(3, 2)
      const folder = folderOf(language, { page: language.write(blog) })
      const shared = new SharedSite(server, place, language, folder, rows, personal)
      const first = await shared.start()
      const shown = await expected(rows, blog)
      expect((await first.get('/page')).body).toBe(shown)
      await shared.written(first)

      const second = await shared.start()
      rows.seen()
      const scripts = await shared.scriptsOf(async () => {
        expect((await second.get('/page')).body).toBe(shown)
      })
      expect(scripts).toBe(1)
      expect(rows.seen()).toEqual([])
      expect(second.seen('fragment').map(({ reason, fragment: name }) => [reason, name])).toEqual([
        ['fresh', 'card'],
        ['fresh', 'card'],
        ['fresh', 'card'],
      ])
      expect(await shared.scriptsOf(() => second.get('/page'))).toBe(0)
    })

    it('are made anew one by one where they have changed, and told once', async () => {
      const rows = new Rows(3, 2)
      const folder = folderOf(language, { page: language.write(blog) })
      const shared = new SharedSite(server, 'Koa 3', language, folder, rows, personal)
      const first = await shared.start()
      await first.get('/page')
      await shared.written(first)
      await first.cache.touch(node(rows.change('2.1', 'other')))

      const second = await shared.start()
      const shown = await expected(rows, blog)
      rows.seen()
      const scripts = await shared.scriptsOf(async () => {
        expect((await second.get('/page')).body).toBe(shown)
        await shared.written(second)
      })
      expect(rows.seen()).toEqual(['2', '2.1'])
      // A read for all, whatever stands within what fell, and one write for all.
      expect(scripts).toBe(2)
      expect(
        second
          .seen('fragment')
          .map(({ key, reason, stored }) => [key.split(' ')[1], reason, stored]),
      ).toEqual([
        ['node:1', 'fresh', false],
        ['node:2.1', 'miss', true],
        ['node:2.2', 'fresh', false],
        ['node:2', 'miss', true],
        ['node:3', 'fresh', false],
      ])
    })

    it('come with the page that enclosed them, where only that is missing', async () => {
      const rows = new Rows(3, 2)
      const folder = folderOf(language, { page: language.write(blog) })
      const shared = new SharedSite(server, 'Express 5', language, folder, rows)
      const first = await shared.start()
      const host = { host: 'blog.example' }
      await first.get('/page', host)
      await shared.written(first)
      const second = await shared.start()
      await second.cache.invalidate({ url: 'http://blog.example/page' })
      rows.seen()
      const scripts = await shared.scriptsOf(async () => {
        await second.get('/page', host)
        await shared.written(second)
      })
      expect(rows.seen()).toEqual([])
      expect(second.seen('fragment')).toHaveLength(3)
      // The read, and what was made of it.
      expect(scripts).toBe(2)
    })

    it.each([11, 12, 13])(
      'at random show what the engine shows, of whichever instance, many at once (seed %i)',
      async (seed) => {
        const random = new Random(seed)
        const page = randomPage(random)
        const rows = new Rows(2, 2, 2)
        const folder = folderOf(language, { page: language.write(page) })
        const options = { ...personal, fragments: { strict: seed % 2 === 0 } }
        const shared = new SharedSite(server, 'Express 5', language, folder, rows, options)
        const [one, two] = [await shared.start(), await shared.start()]
        for (let turn = 0; turn < 4; turn++) {
          const shown = await expected(rows, page)
          const third = await shared.start()
          const asked = [one, two, third].flatMap((app) =>
            Array.from({ length: turn === 3 && seed === 13 ? 100 : 4 }, () => app),
          )
          const answers = await Promise.all(asked.map((app) => app.get('/page')))
          for (const { body } of answers) expect(body, `seed ${seed}`).toBe(shown)
          await shared.written(one)
          const row = node(rows.change(random.one(rows.all).id, `turn ${turn}`))
          const { sequence } = await one.cache.invalidate(row)
          await one.cache.touch(row)
          await until('the others have heard', () =>
            [two, third].every((app) => (app.cache.status()?.applied ?? 0) > sequence),
          )
        }
      },
    )
  })
}
