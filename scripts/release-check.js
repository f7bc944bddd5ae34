// node scripts/release-check.js v1.2.3: may this tag be published?
// The tag, package.json, package-lock.json and the changelog have to name the same version.
import { readFileSync } from 'node:fs'

const [tag = ''] = process.argv.slice(2)
const root = new URL('../', import.meta.url)
const read = (name) => readFileSync(new URL(name, root), 'utf8')

const { version } = JSON.parse(read('package.json'))
const locked = JSON.parse(read('package-lock.json')).version
const [, unreleased = ''] = /^## \[Unreleased\]\n([^]*?)^## \[/m.exec(read('CHANGELOG.md')) ?? []
const heading = new RegExp(
  `^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2}$`,
  'm',
)

const problems = [
  tag === `v${version}` ? '' : `the tag is "${tag}", package.json says v${version}`,
  locked === version ? '' : `package-lock.json says ${locked}: run npm install`,
  heading.test(read('CHANGELOG.md'))
    ? ''
    : `CHANGELOG.md has no line "## [${version}] - <date as YYYY-MM-DD>"`,
  unreleased.trim() === ''
    ? ''
    : 'CHANGELOG.md has lines under [Unreleased]: move them to the version',
].filter((problem) => problem !== '')

for (const problem of problems) console.log(problem)
console.log(problems.length === 0 ? `${tag} can be published` : `${tag} cannot be published`)
process.exitCode = problems.length === 0 ? 0 : 1
