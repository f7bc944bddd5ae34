import { handlebarsFragments } from 'cacheflow/views'
import handlebars from 'handlebars'
import hbs from 'hbs'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { handlebarsLanguage } from './languages/handlebars.ts'
import { node, type Row } from './rows.ts'
import { shownTwice, siteBy } from './site.ts'
import { sharedConformance } from './shared-suite.ts'
import { viewConformance } from './suite.ts'

viewConformance(handlebarsLanguage)
sharedConformance(handlebarsLanguage)

const siteOf = async (
  page: string,
  partials: Readonly<Record<string, string>> = {},
): Promise<Application> =>
  siteBy(handlebarsLanguage, { page }, (folder) => {
    const instance = handlebars.create()
    handlebarsFragments(instance)
    instance.registerHelper('node', (row: Row) => node(row))
    instance.registerPartial({ ...partials })
    return (view, locals) =>
      instance.compile(readFileSync(join(folder, `${view}.hbs`), 'utf8'))(locals)
  })

describe('fragments in Handlebars templates', () => {
  it.each([
    [
      'see this and @index of the loop around them',
      '{{#each rows}}{{#fragment "a" (node this)}}{{@index}} {{id}},{{/fragment}}{{/each}}',
      '0 1,1 2,',
    ],
    [
      'see @../index of the outer loop, too',
      '{{#each rows}}{{#each items}}{{#fragment "a" (node this)}}{{@../index}}{{@index}} {{/fragment}}{{/each}}{{/each}}',
      '00 01 10 11 ',
    ],
    [
      'may be of several records',
      '{{#with rows.[0]}}{{#fragment "a" (node this) (node items.[0])}}{{id}}{{/fragment}}{{/with}}',
      '1',
    ],
    [
      'are plain text of their template',
      '{{#fragment "a" key=1}}$& $1 \\n{{/fragment}}',
      '$& $1 \\n',
    ],
  ])('%s', async (_what, page, shown) => {
    expect(await shownTwice(await siteOf(page))).toBe(shown)
  })

  it('are made anew when a partial changes that is in a partial', async () => {
    const partials = { outer: '{{> inner}}', inner: 'x' }
    const app = await siteOf('{{#fragment "a"}}{{> outer}}{{/fragment}}', partials)
    expect(await shownTwice(app)).toBe('x')
    partials.inner = 'y'
    expect((await app.get('/page')).body).toBe('y')
  })

  it('need a block', async () => {
    const { body } = await (await siteOf('{{fragment "a"}}')).get('/page')
    expect(body).toContain('ERR_CACHEFLOW_FRAGMENT: {{fragment "a"}} was given undefined.')
  })

  it('with an asynchronous helper of hbs are not stored: it has not given its text yet', async () => {
    let runs = 0
    const app = await siteBy(
      handlebarsLanguage,
      { page: '{{#fragment "a"}}{{late}}{{/fragment}}' },
      (folder) => {
        const views = hbs.create()
        handlebarsFragments(views.handlebars)
        views.registerAsyncHelper('late', (_options: unknown, done: (text: string) => void) => {
          setImmediate(done, `late ${++runs}`)
        })
        return async (view, locals) =>
          new Promise((resolve, reject) => {
            const options = { ...locals, layout: false, settings: { views: folder } }
            views.__express(
              join(folder, `${view}.hbs`),
              options,
              (error: unknown, html: string) => {
                if (error instanceof Error) reject(error)
                else resolve(html)
              },
            )
          })
      },
    )
    expect((await app.get('/page')).body).toBe('late 1')
    expect((await app.get('/page')).body).toBe('late 2')
  })
})
