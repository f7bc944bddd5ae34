import { join } from 'node:path'
import { liquidFragments } from 'cacheflow/views'
import { Liquid } from 'liquidjs'
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
      return `{{ ${part.of}.${part.property} }}`
    case 'each':
      return `{% for ${part.row} in ${part.of === undefined ? 'rows' : `${part.of}.items`} %}${write(part.parts)}{% endfor %}`
    case 'include':
      return `{% render "${part.file}", ${part.rows.map((row) => `${row}: ${row}`).join(', ')} %}`
    case 'fragment': {
      const given = [`"${part.name}"`]
      if (part.of !== undefined) given.push(`${part.of} | node`)
      if (part.maxAge !== undefined) given.push(`maxAge: "${part.maxAge}"`)
      return `{% fragment ${given.join(', ')} %}${write(part.parts)}{% endfragment %}`
    }
  }
}

export const liquidLanguage: Language = {
  name: 'Liquid',
  extension: 'liquid',
  write,
  layout: (page) => ({
    page: `{% layout "layout" %}{% block content %}${page}{% endblock %}`,
    layout: '<body>\n{% block content %}{% endblock %}</body>',
  }),
  open: (folder, isPlain) => {
    const liquid = new Liquid({ root: folder, extname: '.liquid' })
    const engine = isPlain ? undefined : liquidFragments(liquid)
    liquid.registerFilter('node', (row: Row) => node(row))
    return {
      mount: (app) => {
        if (engine) app.engine('liquid', engine)
      },
      render: (view, locals) =>
        engine ? engine(join(folder, `${view}.liquid`), locals) : liquid.renderFile(view, locals),
    }
  },
}
