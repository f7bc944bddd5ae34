import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { root } from './imports.ts'
import { programs } from './readme/blocks.ts'
import { writeFiles } from './readme/files.ts'
import { environmentOfNow, run, typeErrors, write } from './readme/program.ts'

// The programs of the guides run as those of the README do, with the requests below them.
const guides = ['express', 'koa', 'fragments', 'views', 'redis', 'warming'].map((name) => {
  const markdown = readFileSync(`${root}docs/${name}.md`, 'utf8')
  const folder = `${root}test/house/.readme-${name}`
  const written = write(folder, programs(markdown))
  writeFiles(folder, markdown)
  return { name, folder, written }
})

let errors: string[] | undefined
/** Most of what the compiler reads is the same for all of them: it reads it once. */
function errorsIn(name: string): string[] {
  const [first = '', ...others] = guides.map(({ folder }) => folder)
  errors ??= typeErrors(first, ...others)
  // Those of the first have no folder before them.
  const start = name === guides[0]?.name ? 'line-' : `../.readme-${name}/`
  return errors.filter((error) => error.startsWith(start))
}

afterAll(environmentOfNow())

for (const { name, written } of guides) {
  describe(`docs/${name}.md`, () => {
    it('has programs, and they compile', { timeout: 60_000 }, () => {
      expect(written.flatMap(({ program }) => program.exchanges).length).toBeGreaterThanOrEqual(1)
      expect(errorsIn(name)).toEqual([])
    })

    for (const each of written) {
      it(`its program at line ${each.program.line} runs, and the requests below it`, async () => {
        for (const { expected, seen } of await run(each)) expect(seen).toEqual(expected)
      })
    }
  })
}
