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

it('the README has at most 10 KB', () => {
  expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(10_000)
})

it('its figures stand in docs/benchmarks.md as measured', () => {
  const measured = readFileSync(`${root}docs/benchmarks.md`, 'utf8')
  const [, hit, bare] =
    /\| ([\d.]+) µs; `res\.send` of a ready page takes ([\d.]+) µs/.exec(markdown) ?? []
  const [, bodies] = /\| (\d+) bodies ran/.exec(markdown) ?? []
  const [, renders] = /\| (\d+) render\b/.exec(markdown) ?? []
  const html = measured.slice(measured.indexOf('### 20 KiB HTML'), measured.indexOf('### 1 KiB'))
  const cold = measured.slice(measured.indexOf('### 1,000 requests for one cold page'))
  const cpu = (server: string): string | undefined =>
    html
      .split('\n')
      .find((line) => line.startsWith(`| ${server} `))
      ?.split('|')[2]
      ?.split('±')[0]
      ?.trim()
  expect([hit, bare]).toEqual([
    cpu('**Express 5, app.use(cache) first**'),
    cpu('Express 5, res.send'),
  ])
  expect(measured).toContain(`One card changed: ${bodies} bodies ran.`)
  expect(/\*\*cacheflow\*\* \| (\d+) /.exec(cold)?.[1]).toBe(renders)
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
