import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { root } from './imports.ts'

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }

function check(tag: string): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  return new Promise((resolve) => {
    const script = `${root}scripts/release-check.js`
    execFile(process.execPath, [script, tag], (error, output) =>
      resolve({ code: error ? 1 : 0, lines: output.trim().split('\n') }),
    )
  })
}

it('a release is refused when its tag is not the version of package.json', async () => {
  const { code, lines } = await check('v99.0.0')
  expect(code).toBe(1)
  expect(lines).toContain(`the tag is "v99.0.0", package.json says v${version}`)
  expect(lines.at(-1)).toBe('v99.0.0 cannot be published')
})

it('a release is refused while the changelog has no heading for its version', async () => {
  const changelog = readFileSync(`${root}CHANGELOG.md`, 'utf8')
  const { lines } = await check(`v${version}`)
  const isTold = lines.some((line) => line.startsWith('CHANGELOG.md has no line'))
  expect(isTold).toBe(!changelog.includes(`\n## [${version}] - `))
})
