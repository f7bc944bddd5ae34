import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { engineFragments, handlebarsFragments } from 'cacheflow/views'
import handlebars from 'handlebars'
import hbs from 'hbs'
import type { Language } from '../language.ts'
import type { Part } from '../part.ts'
import { node, type Row } from '../rows.ts'

function write(parts: readonly Part[]): string {
  return parts.map(one).join('')
}

function one(part: Part): string {
  switch (part.kind) {
    case 'text':
      return part.text
    case 'value':
      return `{{${part.of}.${part.property}}}`
    case 'each':
      return `{{#each ${part.of === undefined ? '@root.rows' : `${part.of}.items`} as |${part.row}|}}${write(part.parts)}{{/each}}`
    case 'include':
      return `{{> ${part.file} ${part.rows.map((row) => `${row}=${row}`).join(' ')}}}`
    case 'fragment': {
      const given = [`"${part.name}"`]
      if (part.of !== undefined) given.push(`(node ${part.of})`)
      if (part.maxAge !== undefined) given.push(`maxAge="${part.maxAge}"`)
      return `{{#fragment ${given.join(' ')}}}${write(part.parts)}{{/fragment}}`
    }
  }
}

/** What an application does once: its helpers and partials. */
function setUp(instance: typeof handlebars, folder: string): void {
  instance.registerHelper('node', (row: Row) => node(row))
  for (const file of readdirSync(folder)) {
    instance.registerPartial(file.replace('.hbs', ''), readFileSync(join(folder, file), 'utf8'))
  }
}

export const handlebarsLanguage: Language = {
  name: 'Handlebars',
  extension: 'hbs',
  write,
  layout: (page) => ({
    page: `{{#> layout}}${page}{{/layout}}`,
    layout: '<body>\n{{> @partial-block}}</body>',
  }),
  open: (folder, isPlain) => {
    const instance = handlebars.create()
    if (!isPlain) handlebarsFragments(instance)
    setUp(instance, folder)
    const render = (view: string, locals: object): string =>
      instance.compile(readFileSync(join(folder, `${view}.hbs`), 'utf8'))(locals)
    return {
      mount: (app) => {
        const views = hbs.create()
        if (!isPlain) handlebarsFragments(views)
        setUp(views.handlebars, folder)
        app.engine('hbs', views.__express)
        app.set('view options', { layout: false })
      },
      render,
      late: engineFragments(render),
    }
  },
}
