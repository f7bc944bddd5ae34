import { join } from 'node:path'
import { ejsFragments, type ViewEngine } from 'cacheflow/views'
import ejs from 'ejs'
import type { Language } from '../language.ts'
import type { Part } from '../part.ts'

function write(parts: readonly Part[]): string {
  return parts.map(one).join('')
}

function one(part: Part): string {
  switch (part.kind) {
    case 'text':
      return part.text
    case 'value':
      return `<%= ${part.of}.${part.property} %>`
    case 'each':
      return `<% for (const ${part.row} of ${part.of === undefined ? 'rows' : `${part.of}.items`}) { %>${write(part.parts)}<% } %>`
    case 'include':
      return `<%- include('${part.file}', { ${part.rows.join(', ')} }) %>`
    case 'fragment': {
      const given = [`'${part.name}'`]
      if (part.of !== undefined) given.push(`node(${part.of})`)
      if (part.maxAge !== undefined) given.push(`{ maxAge: '${part.maxAge}' }`)
      return `<%- cacheFragment(${given.join(', ')}, () => { %>${write(part.parts)}<% }) %>`
    }
  }
}

export const ejsLanguage: Language = {
  name: 'EJS',
  extension: 'ejs',
  write,
  layout: (page) => ({
    page: `<%- include('layout') %>${page}</body>`,
    layout: '<body>\n',
  }),
  open: (folder, isPlain) => {
    const engine: ViewEngine = isPlain ? ejs.renderFile : ejsFragments(ejs)
    return {
      mount: (app) => {
        app.engine('ejs', engine)
      },
      render: (view, locals) => engine(join(folder, `${view}.ejs`), locals),
    }
  },
}
