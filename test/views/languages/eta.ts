import { basename } from 'node:path'
import { etaFragments } from 'cacheflow/views'
import { Eta } from 'eta'
import type { Language } from '../language.ts'
import type { Part } from '../part.ts'

function one(part: Part): string {
  switch (part.kind) {
    case 'text':
      return part.text
    case 'value':
      return `<%= ${part.of}.${part.property} %>`
    case 'each':
      return `<% for (const ${part.row} of ${part.of === undefined ? 'it.rows' : `${part.of}.items`}) { %>${all(part.parts)}<% } %>`
    case 'include':
      return `<%~ include('./${part.file}', { ${part.rows.join(', ')} }) %>`
    case 'fragment': {
      const given = [`'${part.name}'`]
      if (part.of !== undefined) given.push(`it.node(${part.of})`)
      if (part.maxAge !== undefined) given.push(`{ maxAge: '${part.maxAge}' }`)
      return `<%~ it.cacheFragment(${given.join(', ')}, () => { %>${all(part.parts)}<% }) %>`
    }
  }
}

function all(parts: readonly Part[]): string {
  return parts.map(one).join('')
}

export const etaLanguage: Language = {
  name: 'Eta',
  extension: 'eta',
  write: (parts, rows = []) =>
    rows.map((row) => `<% const ${row} = it.${row} %>`).join('') + all(parts),
  layout: (page) => ({
    page: `<% layout('./layout') %>${page}`,
    layout: '<body>\n<%~ it.body %></body>',
  }),
  open: (folder, isPlain) => {
    const stock = new Eta({ views: folder, autoTrim: false })
    const eta = isPlain ? stock : etaFragments(stock)
    return {
      mount: (app) => {
        app.engine('eta', (path, locals, done) => {
          try {
            done(null, eta.render(`./${basename(path)}`, locals))
          } catch (error) {
            done(error)
          }
        })
      },
      render: (view, locals) => eta.render(`./${view}`, locals),
    }
  },
}
