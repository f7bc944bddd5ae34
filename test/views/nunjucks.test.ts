import { nunjucksFragments } from 'cacheflow/views'
import nunjucks from 'nunjucks'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { nunjucksLanguage } from './languages/nunjucks.ts'
import { shownTwice, siteBy, writeTemplates } from './site.ts'
import { sharedConformance } from './shared-suite.ts'
import { viewConformance } from './suite.ts'

viewConformance(nunjucksLanguage)
sharedConformance(nunjucksLanguage)

const siteOf = async (templates: Readonly<Record<string, string>>): Promise<Application> =>
  siteBy(nunjucksLanguage, templates, (folder) => {
    const loader = new nunjucks.FileSystemLoader(folder)
    const environment = new nunjucks.Environment(loader, { autoescape: true })
    nunjucksFragments(environment)
    const late = (...given: readonly unknown[]): void => {
      const done = given.at(-1) as (error: unknown, text: string) => void
      setImmediate(done, null, 'late')
    }
    environment.addFilter('late', late, true)
    return async (view, locals) =>
      new Promise((resolve, reject) => {
        environment.render(`${view}.njk`, locals, (error, html) => {
          if (typeof html === 'string') resolve(html)
          else reject(error ?? new Error('no text'))
        })
      })
  })

describe('fragments in Nunjucks templates', () => {
  it.each([
    [
      'see the loop around them',
      `{% for row in rows %}{% fragment 'a', node(row) %}{{ loop.index }} {{ row.id }},{% endfragment %}{% endfor %}`,
      '1 1,2 2,',
    ],
    [
      'may be in a macro and around its caller',
      `{% macro box(row) %}{% fragment 'a', node(row) %}{{ caller() }}{% endfragment %}{% endmacro %}{% for row in rows %}{% call box(row) %}{{ row.id }},{% endcall %}{% endfor %}`,
      '1,2,',
    ],
    [
      'may be of several records',
      `{% fragment 'a', node(rows[0]), node(rows[1]), maxAge='1h' %}x{% endfragment %}`,
      'x',
    ],
    ['escape what is in them once', `{% fragment 'a' %}{{ '<' }}<{% endfragment %}`, '&lt;<'],
    ['trim white space around their tags', `a {%- fragment 'a' -%} x {%- endfragment -%} b`, 'axb'],
  ])('%s', async (_what, page, shown) => {
    expect(await shownTwice(await siteOf({ page }))).toBe(shown)
  })

  it('in a macro that is imported without the context just render', async () => {
    const macros = `{% macro box(id) %}{% fragment 'a' %}{{ id }}{% endfragment %}{% endmacro %}`
    const page = `{% import "macros.njk" as m %}{{ m.box(1) }}{{ m.box(2) }}`
    const app = await siteOf({ page, macros })
    expect((await app.get('/page')).body).toBe('12')
  })

  it('that wait for something fail, and say so', async () => {
    const page = `{% fragment 'a' %}{{ 'x' | late }}{% endfragment %}`
    const { body } = await (await siteOf({ page })).get('/page')
    expect(body).toMatch(
      /ERR_CACHEFLOW_FRAGMENT: {% fragment "a" %}.*Nothing in it may be asynchronous/,
    )
  })

  it('may stand beside what waits', async () => {
    const page = `{{ 'x' | late }}{% fragment 'a' %}x{% endfragment %}`
    expect(await shownTwice(await siteOf({ page }))).toBe('latex')
  })

  it('are made anew when what they include changes under a template that is kept', async () => {
    const loaders: nunjucks.FileSystemLoader[] = []
    const templates = {
      page: `{% fragment 'a' %}{% include "card.njk" %}{% endfragment %}`,
      card: 'x',
    }
    let folder = ''
    const environments: nunjucks.Environment[] = []
    const app = await siteBy(nunjucksLanguage, templates, (opened) => {
      folder = opened
      if (environments.length === 0) {
        const loader = new nunjucks.FileSystemLoader(opened)
        loaders.push(loader)
        environments.push(new nunjucks.Environment(loader))
        for (const environment of environments) nunjucksFragments(environment)
      }
      return (view, locals) => environments[0]?.render(`${view}.njk`, locals) ?? ''
    })
    expect(await shownTwice(app)).toBe('x')
    writeTemplates(folder, nunjucksLanguage, { card: 'y' })
    // What the loader tells when it watches its files.
    loaders[0]?.emit('update', 'card.njk')
    expect((await app.get('/page')).body).toBe('y')
  })
})
