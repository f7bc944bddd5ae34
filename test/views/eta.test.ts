import { etaFragments } from 'cacheflow/views'
import { Eta } from 'eta'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { etaLanguage } from './languages/eta.ts'
import { shownTwice, siteBy } from './site.ts'
import { sharedConformance } from './shared-suite.ts'
import { viewConformance } from './suite.ts'

viewConformance(etaLanguage)
sharedConformance(etaLanguage)

const siteOf = async (
  templates: Readonly<Record<string, string>>,
  options: object = {},
  isAsync = false,
): Promise<Application> =>
  siteBy(etaLanguage, templates, (views) => {
    const eta = etaFragments(etaFragments(new Eta({ views, ...options })))
    eta.loadTemplate('@named', `<%~ it.cacheFragment('named', () => { %>named<% }) %>`)
    return (view, locals) =>
      isAsync ? eta.renderAsync(`./${view}`, locals) : eta.render(`./${view}`, locals)
  })

describe('fragments in Eta templates', () => {
  it.each([
    ['with', { useWith: true }, `<%~ cacheFragment('a', () => { %>x<% }) %>`],
    [
      'another name of the data',
      { varName: 'data' },
      `<%~ data.cacheFragment('a', () => { %>x<% }) %>`,
    ],
    ['debugging', { debug: true }, `<%~ it.cacheFragment('a', () => { %>x<% }) %>`],
    ['a cache', { cache: true }, `<%~ it.cacheFragment('a', () => { %>x<% }) %>`],
  ])('work with %s', async (_what, options, page) => {
    expect(await shownTwice(await siteOf({ page }, options))).toBe('x')
  })

  it('keep the first line of a template as it is', async () => {
    const app = await siteOf({ page: `\n<%~ it.cacheFragment('a', () => 'x') %>` })
    expect(await shownTwice(app)).toBe('\nx')
  })

  it('work in templates that have a name and no file', async () => {
    expect(await shownTwice(await siteOf({ page: `<%~ include('@named') %>` }))).toBe('named')
  })

  it('in asynchronous templates return their text', async () => {
    const app = await siteOf(
      {
        page: `<% for (const row of it.rows) { %><%~ await it.cacheFragment('card', it.node(row), () => includeAsync('./card', { row })) %><% } %>`,
        card: '<b><%= await Promise.resolve(it.row.id) %></b>',
      },
      {},
      true,
    )
    expect(await shownTwice(app)).toBe('<b>1</b><b>2</b>')
  })

  it('in asynchronous templates are no blocks that wait', async () => {
    const page = `<%~ await it.cacheFragment('a', async () => { await 1 %>x<% }) %>`
    const answer = await (await siteOf({ page }, {}, true)).get('/page')
    expect(answer.status).toBe(500)
    expect(answer.body).toContain('ERR_CACHEFLOW_FRAGMENT')
  })

  it('leave the lines of errors as they are', async () => {
    const page = `<p>\n<%~ it.cacheFragment('a', () => { %>x<% }) %>\n<%= it.missing.title %>`
    const { body } = await (await siteOf({ page }, { debug: true })).get('/page')
    expect(body).toContain(' >> 3| <%= it.missing.title %>')
    expect(body).not.toContain('cacheflowView')
  })
})
