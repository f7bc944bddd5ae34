// Other versions of Node, from npm, kept in node_modules/.cache.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './package.js'

/** The path of that version's executable; it is installed once. @param {string} version as npm takes it: `22` */
export function nodeVersion(version) {
  const system = process.platform === 'win32' ? 'win' : process.platform
  const name = `node-${system}-${process.arch}`
  const cache = join(root, 'node_modules', '.cache', 'cacheflow', `node-${version}`)
  const node = join(cache, 'node_modules', name, 'bin', system === 'win' ? 'node.exe' : 'node')
  if (existsSync(node)) return node
  mkdirSync(cache, { recursive: true })
  // Its own prefix: the lockfile of the project stays as it is.
  const given = [
    'install',
    '--prefix',
    cache,
    '--no-save',
    '--no-package-lock',
    `${name}@${version}`,
  ]
  execFileSync('npm', given, { stdio: ['ignore', 'ignore', 'inherit'] })
  return node
}
