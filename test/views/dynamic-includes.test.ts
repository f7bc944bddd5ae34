import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type DynamicIncludes,
  ejsFragments,
  etaFragments,
  handlebarsFragments,
  liquidFragments,
  nunjucksFragments,
} from 'cacheflow/views'
import ejs from 'ejs'
import { Eta } from 'eta'
import handlebars from 'handlebars'
import { Liquid } from 'liquidjs'
import nunjucks from 'nunjucks'
import { describe, expect, it } from 'vitest'
import type { Application } from '../support/application.ts'
import type { Language, Opened } from './language.ts'
import { ejsLanguage } from './languages/ejs.ts'
import { etaLanguage } from './languages/eta.ts'
import { handlebarsLanguage } from './languages/handlebars.ts'
import { liquidLanguage } from './languages/liquid.ts'
import { nunjucksLanguage } from './languages/nunjucks.ts'
import { folderOf, site } from './site.ts'

/** An engine, a page with a fragment that includes `cards/one` by a computed name, and how the engine is set up. */
interface Case {
  readonly language: Language
  readonly page: string
  readonly open: (folder: string, options: DynamicIncludes) => Opened['render']
}

const cases: readonly Case[] = [
  {
    language: ejsLanguage,
    page: `<%- cacheFragment('a', () => { %><%- include('cards/' + 'one') %><% }) %>`,
    open: (folder, options) => {
      const engine = ejsFragments(ejs, { ...options })
      return (view, locals) => engine(join(folder, `${view}.ejs`), locals)
    },
  },
  {
    language: etaLanguage,
    page: `<%~ it.cacheFragment('a', () => { %><%~ include('./cards/' + 'one') %><% }) %>`,
    open: (views, options) => {
      const eta = etaFragments(new Eta({ views }), options)
      return (view, locals) => eta.render(`./${view}`, locals)
    },
  },
  {
    language: nunjucksLanguage,
    page: `{% fragment 'a' %}{% include "cards/" + "one.njk" %}{% endfragment %}`,
    open: (folder, options) => {
      const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader(folder))
      nunjucksFragments(environment, options)
      return (view, locals) => environment.render(`${view}.njk`, locals)
    },
  },
  {
    language: liquidLanguage,
    page: `{% assign card = "cards/one" %}{% fragment "a" %}{% include card %}{% endfragment %}`,
    open: (root, options) => {
      const engine = liquidFragments(new Liquid({ root, extname: '.liquid' }), options)
      return (view, locals) => engine(join(root, `${view}.liquid`), locals)
    },
  },
  {
    language: handlebarsLanguage,
    page: `{{#fragment "a"}}{{> (lookup this "card")}}{{/fragment}}`,
    open: (folder, options) => {
      const instance = handlebars.create()
      handlebarsFragments(instance, options)
      const read = (view: string): string => readFileSync(join(folder, `${view}.hbs`), 'utf8')
      return (view, locals) => {
        instance.registerPartial('cards/one', read('cards/one'))
        return instance.compile(read(view))({ ...locals, card: 'cards/one' })
      }
    },
  },
]

describe.each(cases)('a fragment in $language.name that includes by a computed name', (given) => {
  const { language, page, open } = given
  const write = (folder: string, source: string): void => {
    writeFileSync(join(folder, 'cards', `one.${language.extension}`), source)
  }
  const start = async (
    dynamic: readonly string[] | undefined,
    strict = true,
  ): Promise<{ app: Application; folder: string }> => {
    const folder = folderOf(language, { page })
    mkdirSync(join(folder, 'cards'))
    write(folder, 'one')
    const own: Language = {
      ...language,
      // As another process, which has read nothing yet.
      open: () => ({ mount: () => undefined, render: open(folder, { dynamic }) }),
    }
    const app = await site('Koa 3', own, folder, () => ({}), { fragments: { strict } })
    return { app, folder }
  }

  it('is an error in development, until somebody names what that may be', async () => {
    const { app } = await start(undefined)
    const { status, body } = await app.get('/page')
    expect(status).toBe(500)
    expect(body).toContain('ERR_CACHEFLOW_FRAGMENT_INCLUDE')
  })

  it('in production is shown, and its key says that the digest is open', async () => {
    const { app } = await start(undefined, false)
    expect((await app.get('/page')).body).toBe('one')
    expect(app.seen('fragment')[0]?.key).toMatch(/^fragment:a digest=[\w-]{12}\?$/)
  })

  it('is made anew when one of the named templates has changed', async () => {
    const { app, folder } = await start(['cards/*'])
    expect((await app.get('/page')).body).toBe('one')
    expect((await app.get('/page')).body).toBe('one')
    write(folder, 'two')
    expect((await app.get('/page')).body).toBe('two')
    expect(app.seen('fragment').map(({ reason }) => reason)).toEqual(['miss', 'fresh', 'miss'])
    expect(app.seen('fragment')[0]?.key).toMatch(/^fragment:a digest=[\w-]{12}$/)
  })

  it('is no error where somebody says that nothing has to be named', async () => {
    const { app } = await start([])
    expect((await app.get('/page')).body).toBe('one')
  })
})
