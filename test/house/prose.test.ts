import { readFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from './imports.ts'

// One sentence a line, so that a change of one sentence is a change of one line; and the subject first.
const documents = [
  'README.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** The blank that follows the end of a sentence. */
const gap = /(?<=(?<!\b(?:e\.g|i\.e|etc|vs|cf))[.!?][)"”']*)\s+(?=[A-Z`[(*_"“0-9]|cacheflow\b)/
const marker = /^(?:[-*]|\d+\.)\s+/
const notProse = /^(?:#|\s*\||>|<)/

it('documents have one sentence a line, and no sentence on two lines', () => {
  const wrong = documents.flatMap((document) =>
    paragraphs(readFileSync(root + document, 'utf8')).flatMap(({ line, lines }) => {
      const found = lines.map((text) => text.trim().replace(marker, ''))
      const sentences = sentencesOf(found.join(' '))
      const first = found.findIndex((text, index) => text !== sentences[index])
      return first === -1 ? [] : [`${document}:${line + first}: ${found[first]}`]
    }),
  )
  expect(documents.length).toBeGreaterThanOrEqual(40)
  expect(wrong).toEqual([])
})

it('sentences begin with their subject, not with what, who or of', () => {
  const headless = /^\**(?:What|Whatever|Who|Whoever|Whom|Of|Told|Beside)\b[^?]*$/
  const wrong = documents.flatMap((document) =>
    paragraphs(readFileSync(root + document, 'utf8')).flatMap(({ line, lines }) =>
      lines
        .map((text) => text.trim().replace(marker, ''))
        .flatMap((text, index) =>
          headless.test(text) ? [`${document}:${line + index}: ${text}`] : [],
        ),
    ),
  )
  expect(wrong).toEqual([])
})

it('the rule tells where a sentence ends', () => {
  expect(sentencesOf('One. Two `a. B` (three). `four` and e.g. Five? Six')).toEqual([
    'One.',
    'Two `a. B` (three).',
    '`four` and e.g. Five?',
    'Six',
  ])
  expect(paragraphs('A\nb\n\n- C\n  d\n- E\n\n```text\nF. G.\n```\n')).toEqual([
    { line: 1, lines: ['A', 'b'] },
    { line: 4, lines: ['- C', '  d'] },
    { line: 6, lines: ['- E'] },
  ])
})

/** Code and the targets of links hold no ends of sentences. */
function sentencesOf(text: string): string[] {
  const kept: string[] = []
  const masked = text.replaceAll(/`[^`]+`|\]\([^()\s]+\)/g, (code) => `\`${kept.push(code) - 1}\``)
  return masked
    .split(gap)
    .map((part) => part.replaceAll(/`(\d+)`/g, (_, index: string) => kept[Number(index)] ?? ''))
}

/** Paragraphs and items of lists, without code, comments, headings and tables. */
function paragraphs(markdown: string): { readonly line: number; readonly lines: string[] }[] {
  const found: { line: number; lines: string[] }[] = []
  const blank = (text: string): string => text.replaceAll(/[^\n]+/g, '')
  const prose = markdown
    .replaceAll(/^(\s*`{3,})[^]*?^\1$/gm, blank)
    // Tables and notes that `npm run bench -- --write` puts there.
    .replaceAll(/^<!-- measured\b[^>]*begin -->$[^]*?^<!-- measured\b[^>]*end -->$/gm, blank)
    .replaceAll(/^<!--[^]*?-->/gm, blank)
  let open: string[] | undefined
  for (const [index, text] of prose.split('\n').entries()) {
    if (text.trim() === '' || notProse.test(text)) open = undefined
    else if (open === undefined || marker.test(text.trim())) {
      open = [text]
      found.push({ line: index + 1, lines: open })
    } else open.push(text)
  }
  return found
}
