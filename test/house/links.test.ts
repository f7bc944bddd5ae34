import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, posix } from 'node:path'
import { expect, it } from 'vitest'
import { root } from './imports.ts'

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CODE_OF_CONDUCT.md',
  'CHANGELOG.md',
  'examples/shop/README.md',
  'examples/koa/README.md',
  ...readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

it('every link of the documentation leads to a file, and to a heading where it names one', () => {
  const links = documents.flatMap((document) =>
    [...withoutCode(textOf(document)).matchAll(/\]\(([^()\s]+)\)/g)].map((match) => ({
      document,
      link: match[1] ?? '',
    })),
  )
  const inside = links.filter(({ link }) => !/^https?:/.test(link))
  expect(documents.length).toBeGreaterThanOrEqual(20)
  expect(inside.length).toBeGreaterThanOrEqual(20)
  expect(inside.filter(({ document, link }) => !leads(document, link))).toEqual([])
})

it('the index of docs links every page', () => {
  const index = textOf('docs/README.md')
  const pages = readdirSync(`${root}docs`).filter((name) => name.endsWith('.md'))
  const missing = pages.filter((name) => name !== 'README.md' && !index.includes(`](${name})`))
  expect(pages.length).toBeGreaterThanOrEqual(25)
  expect(missing).toEqual([])
})

function leads(document: string, link: string): boolean {
  const [path = '', heading] = link.split('#', 2)
  const target = path === '' ? document : posix.join(dirname(document), path)
  if (!existsSync(root + target)) return false
  return heading === undefined || headingsOf(target).includes(heading)
}

/** Headings as anchors: lower case, without punctuation, spaces as hyphens. */
function headingsOf(document: string): string[] {
  return [...withoutCode(textOf(document)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function textOf(document: string): string {
  return readFileSync(root + document, 'utf8')
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^(`{3,})[^]*?^\1/gm, '')
}
