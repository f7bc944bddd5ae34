import { join } from 'node:path'
import { type PugOptions, pugFragments } from 'cacheflow/views'
import pug from 'pug'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import { pugLanguage } from './languages/pug.ts'
import { shownTwice, siteBy, writeTemplates } from './site.ts'
import { sharedConformance } from './shared-suite.ts'
import { viewConformance } from './suite.ts'

viewConformance(pugLanguage)
sharedConformance(pugLanguage)

async function siteOf(
  templates: Readonly<Record<string, string>>,
  options: PugOptions = {},
  raw: Readonly<Record<string, string>> = {},
): Promise<Application> {
  return siteBy(pugLanguage, templates, (folder) => {
    writeTemplates(folder, { ...pugLanguage, extension: 'css' }, raw)
    const engine = pugFragments(pug, options)
    return async (view, locals) => engine(join(folder, `${view}.pug`), locals)
  })
}

describe('fragments in Pug templates', () => {
  it.each([
    ['a call', "!= cacheFragment('a', () => '<p>x</p>')", {}],
    ['a block', "+fragment('a')\n  p x", {}],
    ['a block in self mode', "+fragment('a')\n  p x", { self: true }],
    ['a block in a mixin', "mixin card\n  +fragment('a')\n    block\n+card\n  p x", {}],
    ['a block without debugging', "+fragment('a')\n  p x", { compileDebug: false }],
    ['a block in a conditional', "if true\n  +fragment('a')\n    p x\nelse\n  p y", {}],
  ])('may be %s', async (_what, page, options) => {
    expect(await shownTwice(await siteOf({ page }, options))).toBe('<p>x</p>')
  })

  it('see the variables around them, in loops too', async () => {
    const page =
      "each row, at in rows\n  +fragment('a', node(row), { key: at })\n    p= `${at} ${row.id}`"
    expect(await shownTwice(await siteOf({ page }))).toBe('<p>0 1</p><p>1 2</p>')
  })

  it('are made anew when a file changes that is included as it is', async () => {
    const style = { style: 'a{}' }
    const page = "+fragment('a')\n  style\n    include style.css"
    const app = await siteOf({ page }, {}, style)
    expect(await shownTwice(app)).toBe('<style>a{}</style>')
    style.style = 'b{}'
    expect((await app.get('/page')).body).toBe('<style>b{}</style>')
  })

  it('need a block', async () => {
    const { body } = await (await siteOf({ page: "+fragment('a')" })).get('/page')
    expect(body).toContain('ERR_CACHEFLOW_FRAGMENT: +fragment("a") was given undefined.')
  })

  it('leave the lines of errors as they are', async () => {
    const page = "p x\n+fragment('a')\n  p= missing.title"
    const { body } = await (await siteOf({ page })).get('/page')
    expect(body).toContain('  > 3|   p= missing.title')
  })
})
