// Runs before `npm start`. The shop uses cacheflow from the folder two levels up, as a checkout has it:
// its dependencies may not be installed yet, and it may not be built yet.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const cacheflow = join(import.meta.dirname, '..', '..')

if (!existsSync(join(cacheflow, 'dist', 'adapters', 'express', 'index.js'))) {
  if (!existsSync(join(cacheflow, 'node_modules', 'typescript'))) npm('install')
  npm('run', 'build')
} else if (!existsSync(join(cacheflow, 'node_modules', 'lru-cache'))) {
  npm('install', '--omit=dev')
}

/** @param {string[]} command */
function npm(...command) {
  console.log(`npm ${command.join(' ')} (in ${cacheflow})`)
  const { status } = spawnSync('npm', [...command, '--no-audit', '--no-fund'], {
    cwd: cacheflow,
    stdio: 'inherit',
    // npm is a script on Windows, and only a shell runs those.
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(status ?? 1)
}
