import { join } from 'node:path'
import { ejsFragments } from 'cacheflow/views'
import ejs from 'ejs'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { ejsLanguage } from './languages/ejs.ts'
import { folderOf, messageOf, shownTwice, siteBy } from './site.ts'
import { sharedConformance } from './shared-suite.ts'
import { viewConformance } from './suite.ts'

viewConformance(ejsLanguage)
sharedConformance(ejsLanguage)

type Render = (path: string, locals: object) => Promise<string>

const siteOf = async (
  templates: Readonly<Record<string, string>>,
  render: Render = ejsFragments(ejs),
): Promise<Application> =>
  siteBy(
    ejsLanguage,
    templates,
    (folder) => async (view, locals) => render(join(folder, `${view}.ejs`), locals),
  )

describe('fragments in EJS templates', () => {
  it.each([
    ['a tag that writes', `<%- cacheFragment('a', () => { %>x<% }) %>`, 'x'],
    ['a tag that only runs', `<% cacheFragment('a', function () { %>x<% }) %>`, 'x'],
    [
      'a tag over several lines',
      `<%-\n  cacheFragment(\n    'a',\n    () => {\n%>x<% }) -%>\n`,
      'x',
    ],
    ['a tag that takes white space', `a  <%_ cacheFragment('a', () => { _%>  x<% }) %>`, 'ax'],
    [
      'a list',
      `<%- cacheFragments('a', rows.map(node), (row) => { %><%= row.id %>;<% }) %>`,
      '1;2;',
    ],
    ['a body that returns text', `<%- cacheFragment('a', () => 'x') %>`, 'x'],
    [
      'a text to go on with',
      `<% const a = cacheFragment('a', () => { %>x<% }) %><%- a + a %>`,
      'xx',
    ],
    [
      'a body with a statement',
      `<%- cacheFragment('a', () => { const a = ')'; %><%= a %><% }) %>`,
      ')',
    ],
    ['a body that writes nothing', `<%- cacheFragment('a', () => { %><% }) %>`, ''],
    ['the locals by their name', `<%- locals.cacheFragment('a', () => { %>x<% }) %>`, 'x'],
    [
      'loops with var',
      `<% for (var i = 1; i < 3; i++) { %><%- cacheFragment('a', { key: i }, () => { %><%= i %><% }) %><% } %>`,
      '12',
    ],
    [
      'an escaped tag beside it',
      `<%% cacheFragment('b', () => { %%><%- cacheFragment('a', () => { %>x<% }) %>`,
      `<% cacheFragment('b', () => { %>x`,
    ],
  ])('may be %s', async (_what, page, shown) => {
    expect(await shownTwice(await siteOf({ page }))).toBe(shown)
  })

  it.each([
    [
      'other signs',
      { delimiter: '?', openDelimiter: '[', closeDelimiter: ']' },
      `[?- cacheFragment('a', () => { ?]x[? }) ?]`,
    ],
    ['no with', { _with: false }, `<%- locals.cacheFragment('a', () => { %>x<% }) %>`],
    [
      'strict mode',
      { strict: true, localsName: 'it' },
      `<%- it.cacheFragment('a', () => { %>x<% }) %>`,
    ],
    [
      'removed white space',
      { rmWhitespace: true },
      `\n  <%- cacheFragment('a', () => { %>x<% }) %>  \n`,
    ],
    ['no debugging', { compileDebug: false }, `<%- cacheFragment('a', () => { %>x<% }) %>`],
  ])('work with %s', async (_what, options, page) => {
    expect(await shownTwice(await siteOf({ page }, ejsFragments(ejs, options)))).toBe('x')
  })

  it('include what an includer of the application gives', async () => {
    const card = `<%- cacheFragment('a', () => { %>x<% }) %>`
    const includer = (name: string): object => (name === 'card' ? { template: card } : {})
    const page = `<%- include('card') %><%- include('other') %>`
    const app = await siteOf({ page, other: 'y' }, ejsFragments(ejs, { includer }))
    expect(await shownTwice(app)).toBe('xy')
  })

  it('in asynchronous templates return their text', async () => {
    const app = await siteOf(
      {
        page: `<% for (const row of rows) { %><%- await cacheFragment('card', node(row), () => include('card', { row })) %><% } %>`,
        card: `<b><%= await Promise.resolve(row.id) %></b>`,
      },
      ejsFragments(ejs, { async: true }),
    )
    expect(await shownTwice(app)).toBe('<b>1</b><b>2</b>')
  })

  it.each([
    `<%- cacheFragment('a', async () => { %>x<% }) %>`,
    `<% cacheFragment('a', async () => { await 1; %>x<% }) %>`,
  ])('in asynchronous templates are no blocks that wait: %s', async (page) => {
    const answer = await (await siteOf({ page }, ejsFragments(ejs, { async: true }))).get('/page')
    expect(answer.status).toBe(500)
    expect(answer.body).toContain('ERR_CACHEFLOW_FRAGMENT')
  })

  it('as blocks need ejsFragments(), and the error without it says so', async () => {
    const app = await siteOf({ page: `<% cacheFragment('a', () => { %>x<% }) %>` }, ejs.renderFile)
    expect((await app.get('/page')).body).toMatch(/ERR_CACHEFLOW_FRAGMENT.*ejsFragments\(ejs\)/)
  })

  it('leave errors as EJS tells them: the line, and what the author wrote around it', async () => {
    const page = (call: string): string => `<p>\n${call}\n<%= missing.title %>\n</p>`
    const folder = folderOf(ejsLanguage, {
      own: page(`<%- cacheFragment('a', () => { %>x<% }) %>`),
      stock: page(`<%- 'a' %>`),
    })
    const message = async (render: Render, view: string): Promise<string> => {
      try {
        return await render(join(folder, `${view}.ejs`), {})
      } catch (error) {
        return messageOf(error)
      }
    }
    const stock = await message(ejs.renderFile, 'stock')
    expect(stock).toContain(' >> 3| ')
    expect(await message(ejsFragments(ejs), 'own')).toBe(
      stock
        .replace('stock.ejs', 'own.ejs')
        .replace(`<%- 'a' %>`, `<%- cacheFragment('a', () => { %>x<% }) %>`),
    )
  })

  it('that include a missing file fail as EJS does', async () => {
    const app = await siteOf({ page: `<%- include('missing') %>` })
    expect((await app.get('/page')).body).toContain('Could not find the include file "missing"')
  })

  it.each([
    [
      'that fails half-way',
      `{ onError: () => 'sorry' }, () => { %>half<% throw new Error('no') }`,
      'sorry',
    ],
    ['of plain text', `{ text: true }, () => { %><b><% }`, '&lt;b&gt;'],
    [
      'that fails late',
      `{ onError: () => 'sorry' }, () => Promise.reject(new Error('no'))`,
      'sorry',
    ],
  ])('show a body %s the same with and without a cache', async (_what, given, shown) => {
    const isLate = given.includes('Promise')
    const call = `cacheFragment('a', ${given})`
    const page = isLate ? `<%- await ${call} %>` : `<%- ${call} %>`
    const render = ejsFragments(ejs, { async: isLate })
    expect((await (await siteOf({ page }, render)).get('/page')).body).toBe(shown)
    const folder = folderOf(ejsLanguage, { page })
    expect(await render(join(folder, 'page.ejs'), {})).toBe(shown)
  })
})
