import { readFileSync, readdirSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from './imports.ts'
import { blocks, programs } from './readme/blocks.ts'
import { writeFiles } from './readme/files.ts'
import { environmentOfNow, run, typeErrors, write } from './readme/program.ts'
import { shellProblems } from './readme/shell.ts'

// The blocks of every page of docs/ are held as those of the README are. The program of options.md, which is one of
// many pieces, has its tests in options.test.ts.
const pages = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((file) => {
    const markdown = readFileSync(`${root}docs/${file}`, 'utf8')
    const label = `.readme-${file.replace('.md', '').replaceAll('/', '-')}`
    const found = file === 'options.md' ? [] : programs(markdown)
    return { file, markdown, label, found }
  })

const withPrograms = pages
  .filter(({ found }) => found.length > 0)
  .map(({ file, markdown, label, found }) => {
    const folder = `${root}test/house/${label}`
    const written = write(folder, found)
    writeFiles(folder, markdown)
    return { file, label, folder, written }
  })

let errors: string[] | undefined
/** Most of what the compiler reads is the same for all of them: it reads it once. */
function errorsIn(label: string): string[] {
  const [first = '', ...others] = withPrograms.map(({ folder }) => folder)
  errors ??= typeErrors(first, ...others)
  // Those of the first have no folder before them.
  const start = label === withPrograms[0]?.label ? 'line-' : `../${label}/`
  return errors.filter((error) => error.startsWith(start))
}

afterAll(environmentOfNow())

it('docs/ has pages with programs, and requests below them', () => {
  const exchanges = withPrograms.flatMap(({ written }) =>
    written.flatMap(({ program }) => program.exchanges),
  )
  expect(withPrograms.length).toBeGreaterThanOrEqual(9)
  expect(exchanges.length).toBeGreaterThanOrEqual(19)
})

it('every block of docs/ says what it is: ts, js, http, sh, json or text', () => {
  const known = new Set(['ts', 'js', 'http', 'sh', 'json', 'text'])
  const unknown = pages.flatMap(({ file, markdown }) =>
    blocks(markdown)
      .filter(({ language }) => !known.has(language))
      .map(({ line, language }) => `docs/${file}:${line}: ${language || '(none)'}`),
  )
  expect(unknown).toEqual([])
})

for (const { file, label, written } of withPrograms) {
  describe(`docs/${file}`, () => {
    it('has programs that compile', { timeout: 60_000 }, () => {
      expect(errorsIn(label)).toEqual([])
    })

    for (const each of written) {
      const requests = each.program.exchanges.length > 0 ? ', and the requests below it' : ''
      it(`its program at line ${each.program.line} runs${requests}`, async () => {
        for (const { expected, seen } of await run(each)) expect(seen).toEqual(expected)
      })
    }
  })
}

for (const { file, markdown } of pages) {
  for (const { language, line, text } of blocks(markdown)) {
    if (language === 'json') {
      it(`the JSON of docs/${file} at line ${line} parses`, () => {
        expect(() => JSON.parse(text) as unknown).not.toThrow()
      })
    }
    if (language === 'sh') {
      it(`the commands of docs/${file} at line ${line} exist`, () => {
        expect(shellProblems(text)).toEqual([])
      })
    }
  }
}
