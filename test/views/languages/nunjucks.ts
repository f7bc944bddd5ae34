import { nunjucksFragments } from 'cacheflow/views'
import nunjucks from 'nunjucks'
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
      return `{{ ${part.of}.${part.property} }}`
    case 'each':
      return `{% for ${part.row} in ${part.of === undefined ? 'rows' : `${part.of}.items`} %}${write(part.parts)}{% endfor %}`
    case 'include':
      return `{% include "${part.file}.njk" %}`
    case 'fragment': {
      const given = [`'${part.name}'`]
      if (part.of !== undefined) given.push(`node(${part.of})`)
      if (part.maxAge !== undefined) given.push(`maxAge='${part.maxAge}'`)
      return `{% fragment ${given.join(', ')} %}${write(part.parts)}{% endfragment %}`
    }
  }
}

export const nunjucksLanguage: Language = {
  name: 'Nunjucks',
  extension: 'njk',
  write,
  layout: (page) => ({
    page: `{% extends "layout.njk" %}{% block content %}${page}{% endblock %}`,
    layout: '<body>\n{% block content %}{% endblock %}</body>',
  }),
  open: (folder, isPlain) => {
    const loader = new nunjucks.FileSystemLoader(folder)
    const environment = new nunjucks.Environment(loader, { autoescape: true })
    if (!isPlain) nunjucksFragments(environment)
    return {
      mount: (app) => {
        environment.express(app)
      },
      render: (view, locals) => environment.render(`${view}.njk`, locals),
      late: (view, locals) =>
        new Promise((resolve, reject) => {
          environment.render(`${view}.njk`, locals, (error, html) => {
            if (typeof html === 'string') resolve(html)
            else reject(error ?? new Error('no text'))
          })
        }),
    }
  },
}
