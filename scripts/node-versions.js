// npm run test:node-versions [-- 22 24]: the built package on other Node versions. Each comes from npm
// into node_modules/.cache, once; the application it runs has the package as it would be published.
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeVersion } from './node-version.js'
import { application, entries, pack, root } from './package.js'

// 20.19.0 is the floor of `engines`; of the others the newest.
const VERSIONS = ['20.19.0', '22', '24', '26']
const FRAMEWORKS = { express4: 'express4', express5: 'express', koa2: 'koa2', koa3: 'koa' }

const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS
const tarball = pack(join(root, 'temp', 'node-versions'))
const { folder, remove } = application(tarball, FRAMEWORKS)

let failed = 0
try {
  copyFileSync(join(root, 'scripts', 'node-versions.hits.js'), join(folder, 'hits.mjs'))
  for (const version of versions) {
    const node = nodeVersion(version)
    const name = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
    const run = spawnSync(node, ['hits.mjs', ...entries()], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: 'production' },
    })
    // A warning (of require of an ES module, of something deprecated) would be seen by every user.
    const ok = run.status === 0 && run.stderr === ''
    if (!ok) failed++
    console.log(`${ok ? 'ok    ' : 'failed'} ${name}`)
    console.log(run.stdout.trim().replaceAll(/^/gm, '         '))
    if (!ok) console.log(String(run.error ?? run.stderr).trim())
  }
} finally {
  remove()
}
console.log(`${versions.length - failed} ok, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
