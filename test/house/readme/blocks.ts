/** A fenced block of a Markdown document. */
export interface Block {
  readonly language: string
  readonly text: string
  /** Of the opening fence, counted from 1. */
  readonly line: number
}

/** A module to run, and the HTTP exchanges that stand below it. */
export interface Program {
  readonly code: string
  readonly line: number
  readonly exchanges: readonly Block[]
}

const fence = /^(`{3,})([^\n`]*)\n([^]*?)^\1[ \t]*$/gm
const comment = /<!--\s*(given|continues)\b((?:(?!-->)[^])*)-->\s*$/

/** Every fenced block, in order. */
export function blocks(markdown: string): Block[] {
  return [...markdown.matchAll(fence)].map((match) => ({
    language: (match[2] ?? '').trim(),
    text: match[3] ?? '',
    line: lineAt(markdown, match.index),
  }))
}

/**
 * The `ts` and `js` blocks as modules: with the code of a `<!-- given ... -->` comment before them, joined
 * to the program above where `<!-- continues -->` stands before them.
 */
export function programs(markdown: string): Program[] {
  const found: { code: string; line: number; exchanges: Block[] }[] = []
  let end = 0
  for (const match of markdown.matchAll(fence)) {
    const language = (match[2] ?? '').trim()
    const text = match[3] ?? ''
    const line = lineAt(markdown, match.index)
    const [, word, hidden = ''] = comment.exec(markdown.slice(end, match.index)) ?? []
    end = match.index + match[0].length
    const last = found.at(-1)
    if (language === 'http') {
      if (last === undefined)
        throw new Error(`line ${line}: no program stands above these requests`)
      last.exchanges.push({ language, text, line })
    } else if (language === 'ts' || language === 'js') {
      if (word !== 'continues') {
        found.push({ code: `${hidden.trim()}\n${text}`, line, exchanges: [] })
      } else if (last === undefined) {
        throw new Error(`line ${line}: no program stands above for this block to continue`)
      } else {
        last.code += `\n${hidden.trim()}\n${text}`
      }
    }
  }
  return found
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}
