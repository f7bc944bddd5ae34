import { describe, expect, it } from 'vitest'
import { Random } from '../support/random.ts'
import type { Language } from './language.ts'
import { each, fragment, include, type Part, plain, text, value } from './part.ts'
import { randomPage } from './random-page.ts'
import { node, Rows } from './rows.ts'
import { folderOf, messageOf, places, site, writeTemplates } from './site.ts'

const item = fragment(
  'item',
  'item',
  value('item', 'seen'),
  text('<li>'),
  value('item'),
  text('</li>'),
)
const cardBody = [
  value('row', 'seen'),
  text('<h2 title="$& $1 $\' \\n \\\\">'),
  value('row'),
  text('</h2>\n<ul>'),
  each('item', 'row', item),
  text('</ul>'),
]
const blog: readonly Part[] = [
  text('<main>'),
  each('row', undefined, fragment('card', 'row', ...cardBody), text(',')),
  text('</main>'),
]
const included: readonly Part[] = [
  text('<main>'),
  each('row', undefined, fragment('card', 'row', include('card', 'row')), text(',')),
  text('</main>'),
]
const all = ['1', '1.1', '1.2', '2', '2.1', '2.2', '3', '3.1', '3.2']

/** Everything that fragments must get right in one template engine. */
export function viewConformance(language: Language): void {
  const templates = (page: readonly Part[]): Record<string, string> => {
    const inLayout = language.layout(language.write(page))
    return {
      page: language.write(page),
      card: language.write(cardBody, ['row']),
      framed: inLayout.page,
      layout: inLayout.layout,
    }
  }
  /** What the engine itself shows of the page without its fragments. */
  const expected = async (rows: Rows, page: readonly Part[], view = 'page'): Promise<string> => {
    const folder = folderOf(language, {
      ...templates(plain(page)),
      card: language.write(plain(cardBody), ['row']),
    })
    return language.open(folder, true).render(view, rows.locals())
  }

  for (const place of places) {
    describe(`fragments in ${language.name} (${place})`, () => {
      it.each([
        ['in blocks', blog, 'page'],
        ['in included templates', included, 'page'],
        ['within a layout', included, 'framed'],
      ] as const)(
        'show %s what the engine shows without them, and only what encloses a change is made anew',
        async (_where, page, view) => {
          const rows = new Rows(3, 2)
          const app = await site(place, language, folderOf(language, templates(page)), () =>
            rows.locals(),
          )
          const first = await expected(rows, page, view)
          rows.seen()
          expect((await app.get(`/${view}`)).body).toBe(first)
          expect(rows.seen()).toEqual(all)
          expect((await app.get(`/${view}`)).body).toBe(first)
          expect(rows.seen()).toEqual([])

          await app.cache.touch(node(rows.change('2.1', 'other')))
          const changed = await expected(rows, page, view)
          expect(changed).not.toBe(first)
          rows.seen()
          expect((await app.get(`/${view}`)).body).toBe(changed)
          expect(rows.seen()).toEqual(['2', '2.1'])
        },
      )

      it('of many requests at once show every page as it is', async () => {
        const rows = new Rows(3, 2)
        const folder = folderOf(language, { ...templates(blog), other: language.write(included) })
        const app = await site(place, language, folder, () => rows.locals())
        const paths = Array.from(
          { length: 60 },
          (_, at) => ['page', 'other', 'framed'][at % 3] ?? '',
        )
        const before = await Promise.all(paths.map((path) => app.get(`/${path}`)))
        const pages = {
          page: await expected(rows, blog),
          other: await expected(rows, included),
          framed: await expected(rows, blog, 'framed'),
        }
        expect(before.map(({ body }) => body)).toEqual(
          paths.map((path): unknown => Reflect.get(pages, path)),
        )
      })

      it('that fail give the error of the engine, and nothing of them is stored', async () => {
        const page = [
          text('<p>'),
          each('row', undefined, fragment('frail', 'row', value('row', 'broken'), value('row'))),
        ]
        const rows = new Rows(2)
        const folder = folderOf(language, templates(page))
        const app = await site(place, language, folder, () => rows.locals())
        rows.isBroken = true
        const own = language.open(folder, false)
        let message = ''
        try {
          await own.render('page', rows.locals())
        } catch (error) {
          message = messageOf(error)
        }
        const failed = await app.get('/page')
        expect(failed.status).toBe(500)
        expect(failed.body).toContain('row 1 is broken')
        expect(failed.body).not.toContain('cacheflowView')
        expect(failed.body.endsWith(message.split('\n').at(-1) ?? '')).toBe(true)
        expect(app.seen('fragment').filter(({ stored }) => stored)).toEqual([])
        rows.isBroken = false
        expect((await app.get('/page')).body).toBe(await expected(rows, page))
      })

      it('take their options', async () => {
        const page = [
          each('row', undefined, {
            ...fragment('short', 'row', value('row', 'seen')),
            maxAge: '1h',
          }),
        ]
        const rows = new Rows(1)
        const app = await site(place, language, folderOf(language, templates(page)), () =>
          rows.locals(),
        )
        await app.get('/page')
        app.advance(3599)
        await app.get('/page')
        expect(rows.seen()).toEqual(['1'])
        app.advance(2)
        await app.get('/page')
        expect(rows.seen()).toEqual(['1'])
      })
    })
  }

  describe(`fragments in ${language.name}`, () => {
    it('just render where no cache is', async () => {
      const rows = new Rows(2, 2)
      const engine = language.open(folderOf(language, templates(included)), false)
      expect(await engine.render('page', rows.locals())).toBe(await expected(rows, included))
      rows.change('1', 'other')
      expect(await engine.render('page', rows.locals())).toBe(await expected(rows, included))
    })

    it('are made anew by a template that has changed, or includes one that has', async () => {
      const rows = new Rows(1, 1)
      const folder = folderOf(language, templates(included))
      const app = await site('Koa 3', language, folder, () => rows.locals())
      await app.get('/page')
      await app.get('/page')
      expect(rows.seen()).toEqual(['1', '1.1'])
      expect(app.seen('fragment').map(({ key }) => key)).toContainEqual(
        expect.stringMatching(/^fragment:card node:1 digest=[\w-]{12}$/),
      )
      writeTemplates(folder, language, {
        card: language.write([...cardBody, text('<hr>')], ['row']),
      })
      expect((await app.get('/page')).body).toContain('<hr>')
      expect(rows.seen()).toEqual(['1', '1.1'])
    })

    // Pug makes one function of a view and all that it includes.
    it.runIf(language.name !== 'Pug')(
      'in an included template are shared by all views that include it',
      async () => {
        const rows = new Rows(2, 2)
        const slots = each('row', undefined, include('slot', 'row'))
        const folder = folderOf(language, {
          page: language.write([slots]),
          other: language.write([text('other'), slots]),
          slot: language.write([fragment('card', 'row', ...cardBody)], ['row']),
        })
        const app = await site('Koa 3', language, folder, () => rows.locals())
        const { body } = await app.get('/page')
        app.forget()
        expect((await app.get('/other')).body).toBe(`other${body}`)
        expect(app.seen('fragment').map(({ reason }) => reason)).toEqual(['fresh', 'fresh'])
      },
    )

    it.each([1, 2, 3, 4, 5, 6, 7, 8])(
      'at random show what the engine shows without them (seed %i)',
      async (seed) => {
        const random = new Random(seed)
        const page = randomPage(random)
        const rows = new Rows(2, 2, 2)
        const folder = folderOf(language, templates(page))
        // Half of them as in development, where each key that a page shows twice is made twice, and compared.
        const options = { fragments: { strict: seed % 2 === 0 } }
        const app = await site('Koa 3', language, folder, () => rows.locals(), options)
        for (let turn = 0; turn < 5; turn++) {
          const shown = await expected(rows, page)
          expect((await app.get('/page')).body).toBe(shown)
          expect((await app.get('/page')).body).toBe(shown)
          const { id } = random.one(rows.all)
          await app.cache.touch(node(rows.change(id, `turn ${turn}`)))
        }
      },
    )
  })
}
