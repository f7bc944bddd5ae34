import { join } from 'node:path'
import { pugFragments } from 'cacheflow/views'
import pug from 'pug'
import type { Language } from '../language.ts'
import type { Part } from '../part.ts'

function write(parts: readonly Part[]): string {
  return parts.flatMap(lines).join('\n')
}

function lines(part: Part): string[] {
  switch (part.kind) {
    case 'text':
      return [`!= ${JSON.stringify(part.text)}`]
    case 'value':
      return [`= ${part.of}.${part.property}`]
    case 'each':
      return [
        `each ${part.row} in ${part.of === undefined ? 'rows' : `${part.of}.items`}`,
        ...inner(part.parts),
      ]
    case 'include':
      return [`include ${part.file}.pug`]
    case 'fragment': {
      const given = [`'${part.name}'`]
      if (part.of !== undefined) given.push(`node(${part.of})`)
      if (part.maxAge !== undefined) given.push(`{ maxAge: '${part.maxAge}' }`)
      return [`+fragment(${given.join(', ')})`, ...inner(part.parts)]
    }
  }
}

/** A block has to have something in it. */
function inner(parts: readonly Part[]): string[] {
  return ["!= ''", ...parts.flatMap(lines)].map((line) => `  ${line}`)
}

export const pugLanguage: Language = {
  name: 'Pug',
  extension: 'pug',
  write,
  layout: (page) => ({
    page: `extends layout.pug\nblock content\n${page.replaceAll(/^/gm, '  ')}`,
    layout: 'html\n  body\n    block content',
  }),
  open: (folder, isPlain) => {
    const engine = pugFragments(pug)
    return {
      mount: (app) => {
        app.engine('pug', engine)
      },
      render: (view, locals) => {
        const path = join(folder, `${view}.pug`)
        return isPlain ? pug.renderFile(path, locals) : engine(path, locals)
      },
    }
  },
}
