import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from './until.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const builds = join(root, 'temp', 'build')
/** Old builds are removed after so many milliseconds, when nobody runs them any more. */
const oneDay = 86_400_000

/**
 * The package as JavaScript, for processes that run without the tests' tools: the directory with `src/index.js`,
 * `adapters/express/index.js` and so on. It is built when its sources are not those of an earlier build, by the first
 * who asks; the others wait for it.
 */
export async function builtPackage(): Promise<string> {
  const directory = join(builds, fingerprint())
  const lock = `${directory}.lock`
  await mkdir(builds, { recursive: true })
  while (!existsSync(directory)) {
    if (await take(lock)) {
      try {
        if (!existsSync(directory)) await build(directory)
      } finally {
        await rm(lock, { force: true })
      }
    } else {
      await until('the package is built by another process', () => !isTaken(lock), 60_000)
      await rm(lock, { force: true })
    }
  }
  return directory
}

/** Stands for everything that the build is made of. */
function fingerprint(): string {
  const hash = createHash('sha256')
  const folders = ['src', 'adapters'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  )
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/facade.js']
  for (const name of [...folders.toSorted(), ...settings]) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, name)))
      .update('\0')
  }
  return hash.digest('hex').slice(0, 16)
}

async function build(directory: string): Promise<void> {
  await removeOld()
  const work = await mkdtemp(`${directory}-`)
  const switches = ['--outDir', work, '--declaration', 'false', '--isolatedDeclarations', 'false']
  try {
    await run(join(root, 'node_modules', '.bin', 'tsc'), [
      ...['-p', join(root, 'tsconfig.build.json')],
      ...switches,
    ])
    await run(process.execPath, [join(root, 'scripts', 'facade.js'), work])
    // Whole or not at all.
    await rename(work, directory)
  } catch (error) {
    await rm(work, { recursive: true, force: true })
    throw error
  }
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(builds)) {
    const path = join(builds, name)
    const { mtimeMs } = await stat(path)
    if (Date.now() - mtimeMs > oneDay) await rm(path, { recursive: true, force: true })
  }
}

/** Whether this process has the lock now. */
async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

/** Whether the process that took the lock still has it. One that was killed leaves it behind. */
function isTaken(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return true
  } catch {
    return false
  }
}
