import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { root } from './imports.ts'
import { programs } from './readme/blocks.ts'
import { writeFiles } from './readme/files.ts'
import { run, typeErrors, write } from './readme/program.ts'

// The programs of the guides run as those of the README do, with the requests below them.
for (const name of ['express', 'koa', 'fragments', 'views', 'redis', 'warming']) {
  describe(`docs/${name}.md`, () => {
    const folder = `${root}test/house/.readme-${name}`
    const markdown = readFileSync(`${root}docs/${name}.md`, 'utf8')
    const written = write(folder, programs(markdown))
    writeFiles(folder, markdown)

    it('has programs, and they compile', { timeout: 60_000 }, () => {
      expect(written.flatMap(({ program }) => program.exchanges).length).toBeGreaterThanOrEqual(1)
      expect(typeErrors(folder)).toEqual([])
    })

    for (const each of written) {
      it(`its program at line ${each.program.line} runs, and the requests below it`, async () => {
        for (const { expected, seen } of await run(each)) expect(seen).toEqual(expected)
      })
    }
  })
}
