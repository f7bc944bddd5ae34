import { liquidFragments } from 'cacheflow/views'
import { Liquid } from 'liquidjs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { liquidLanguage } from './languages/liquid.ts'
import { node, type Row } from './rows.ts'
import { shownTwice, siteBy } from './site.ts'
import { sharedConformance } from './shared-suite.ts'
import { viewConformance } from './suite.ts'

viewConformance(liquidLanguage)
sharedConformance(liquidLanguage)

type Way = 'engine' | 'sync' | 'string'

const siteOf = async (page: string, way: Way = 'engine'): Promise<Application> =>
  siteBy(liquidLanguage, { page }, (root) => {
    const liquid = new Liquid({ root, extname: '.liquid' })
    const engine = liquidFragments(liquid)
    liquid.registerFilter('node', (row: Row) => node(row))
    return async (view, locals) => {
      if (way === 'sync') return String(liquid.renderFileSync(view, locals))
      if (way === 'string') return String(await liquid.parseAndRender(page, locals))
      return engine(join(root, `${view}.liquid`), locals)
    }
  })

describe('fragments in Liquid templates', () => {
  const loop = `{% for row in rows %}{% fragment "a", row | node, key: forloop.index %}{{ forloop.index }} {{ row.id }};{% endfragment %}{% endfor %}`

  it.each(['engine', 'sync', 'string'] as const)('see the loop around them (%s)', async (way) => {
    expect(await shownTwice(await siteOf(loop, way))).toBe('1 1;2 2;')
  })

  it.each([
    ['may have commas in names', `{% fragment "a, b", maxAge: "1h" %}x{% endfragment %}`, 'x'],
    [
      'may be within each other',
      `{% fragment "a" %}<{% fragment "b" %}x{% endfragment %}>{% endfragment %}`,
      '<x>',
    ],
    ['trim white space around their tags', `a {%- fragment "a" -%} x {%- endfragment -%} b`, 'axb'],
  ])('%s', async (_what, page, shown) => {
    expect(await shownTwice(await siteOf(page))).toBe(shown)
  })

  it('have to end', async () => {
    const { body } = await (await siteOf(`\n{% fragment "a" %}x`)).get('/page')
    expect(body).toContain('tag {% fragment "a" %} not closed')
    expect(body).toContain('line:2')
  })
})
