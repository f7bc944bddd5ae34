// Asks the tarball what a stranger's machine would: are the right files in it, does every entry load
// (by import and by require, without a warning) when only the package's own dependencies are installed?
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { application, entries, manifest, root } from './package.js'

const DEPENDENCIES = ['etag', 'lru-cache']
const OUTSIDE_DIST = new Set(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])

const problems = []
const dependencies = Object.keys(manifest.dependencies).toSorted()
if (dependencies.join() !== DEPENDENCIES.join()) {
  problems.push(`installing the package brings ${dependencies.join(', ')}`)
}

const { folder, installed, remove } = application(process.argv[2])
try {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
  for (const file of files) {
    const path = file.split(sep).join('/')
    if (OUTSIDE_DIST.has(path)) continue
    // The ES modules and the type of each folder are written by facade.js, not compiled.
    if (/^dist\/(?:esm\/\w+\.(?:d\.ts|js)|(?:esm\/)?package\.json)$/.test(path)) continue
    const source = path.match(/^dist\/(.+?)(?:\.d\.ts|\.js)$/)?.[1]
    if (source === undefined) problems.push(`${path} should not be published`)
    else if (!existsSync(join(root, `${source}.ts`))) {
      problems.push(`${path} is left over from an older build: remove dist/ and build again`)
    }
  }
  for (const name of OUTSIDE_DIST) {
    if (!files.includes(name)) problems.push(`${name} is missing in the package`)
  }

  const names = entries()
  const imported = `Object.keys(await import(name))`
  const required = `Object.keys(require(name)).filter((key) => key !== '__esModule')`
  load('import.mjs', imported, '')
  load('require.mjs', required, `import { createRequire } from 'node:module'\n`)

  function load(file, expression, head) {
    const require = head && 'const require = createRequire(import.meta.url)\n'
    writeFileSync(
      join(folder, file),
      `${head}${require}for (const name of ${JSON.stringify(names)}) {
        if (${expression}.length === 0 && name !== 'cacheflow/adapter') throw new Error(name + ' exports nothing')
        console.log(name)
      }`,
    )
    const run = spawnSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' })
    // Before 20.19 (and on some 22s) require of an ES module warned; we promise silence.
    if (run.status !== 0 || run.stderr !== '') problems.push(`${file}: ${run.stderr}`)
    else if (run.stdout.trim() !== names.join('\n')) problems.push(`${file} printed ${run.stdout}`)
  }
  console.log(`${files.length} files, ${names.length} entries by import and by require`)
} finally {
  remove()
}

for (const problem of problems) console.log(problem)
process.exitCode = problems.length > 0 ? 1 : 0
