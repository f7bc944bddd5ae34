import { basename, join } from 'node:path'
import { engineFragments, etaFragments } from 'cacheflow/views'
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
    const engine = engineFragments((path, locals) => eta.render(`./${basename(path)}`, locals))
    return {
      mount: (app) => {
        app.engine('eta', engine)
      },
      render: (view, locals) => eta.render(`./${view}`, locals),
      late: (view, locals) => engine(join(folder, view), locals),
    }
  },
}
