import { existsSync, readFileSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { root } from './imports.ts'
import { blocks, programs } from './readme/blocks.ts'
import { environmentOfNow, run, typeErrors, write } from './readme/program.ts'
import { shellProblems } from './readme/shell.ts'

const markdown = existsSync(`${root}README.md`) ? readFileSync(`${root}README.md`, 'utf8') : ''
const all = blocks(markdown)
const folder = `${root}test/house/.readme`
const written = write(folder, programs(markdown))
afterAll(environmentOfNow())

it('the README has blocks to run', () => {
  expect(all.filter(({ language }) => language === 'sh').length).toBeGreaterThanOrEqual(1)
  expect(written.length).toBeGreaterThanOrEqual(3)
  expect(written.flatMap(({ program }) => program.exchanges).length).toBeGreaterThanOrEqual(1)
})

it('every block says what it is: ts, js, http, sh, json or text', () => {
  const known = new Set(['ts', 'js', 'http', 'sh', 'json', 'text'])
  const unknown = all.filter(({ language }) => !known.has(language))
  expect(unknown.map(({ line, language }) => `line ${line}: ${language || '(none)'}`)).toEqual([])
})

it('its programs compile', { timeout: 60_000 }, () => {
  expect(typeErrors(folder)).toEqual([])
})

for (const each of written) {
  const requests = each.program.exchanges.length > 0 ? ', and the requests below it' : ''
  it(`its program at line ${each.program.line} runs${requests}`, async () => {
    for (const { expected, seen } of await run(each)) expect(seen).toEqual(expected)
  })
}

for (const { language, line, text } of all) {
  if (language === 'json') {
    it(`its JSON at line ${line} parses`, () => {
      expect(() => JSON.parse(text) as unknown).not.toThrow()
    })
  }
  if (language === 'sh') {
    it(`its commands at line ${line} exist`, () => {
      expect(shellProblems(text)).toEqual([])
    })
  }
}
