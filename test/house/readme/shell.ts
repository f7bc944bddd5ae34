import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { root } from '../imports.ts'

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** What is wrong with the commands of an `sh` block: `cd`, `npm` and `node`, and they must exist. */
export function shellProblems(text: string): string[] {
  let folder = '.'
  const problems: string[] = []
  const commands = text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, ''))
    .flatMap((line) => line.split('&&'))
    .map((command) => command.trim())
    .filter((command) => command !== '')
  for (const command of commands) {
    const [program, ...given] = command.split(/\s+/)
    if (program === 'cd') {
      folder = posix.join(folder, given[0] ?? '')
      if (!existsSync(root + folder)) problems.push(`${command}: there is no folder ${folder}`)
    } else if (program === 'node') {
      const file = posix.join(folder, given[0] ?? '')
      if (!existsSync(root + file)) problems.push(`${command}: there is no file ${file}`)
    } else if (program === 'npm') {
      const problem = npmProblem(folder, given)
      if (problem) problems.push(`${command}: ${problem}`)
    } else {
      problems.push(`${command}: only cd, npm and node can be checked`)
    }
  }
  return problems
}

function npmProblem(folder: string, given: readonly string[]): string | undefined {
  const [first, second, ...rest] = given
  if (first === '--prefix') return npmProblem(posix.join(folder, second ?? ''), rest)
  const path = posix.join(folder, 'package.json')
  if (!existsSync(root + path)) return `there is no ${path}`
  const manifest = read(path)
  if (first === 'install' || first === 'ci') {
    const own = read('package.json')
    const known = new Set([
      'cacheflow',
      ...Object.keys({ ...own.peerDependencies, ...own.devDependencies }),
    ])
    const unknown = [second, ...rest].filter(
      (name) => name && !name.startsWith('-') && !known.has(name),
    )
    return unknown.length > 0 ? `${unknown.join(', ')} is not installed here` : undefined
  }
  const script = first === 'run' ? second : first
  if (script && manifest.scripts?.[script] !== undefined) return undefined
  return `${path} has no script ${script}`
}

function read(path: string): Manifest {
  return JSON.parse(readFileSync(root + path, 'utf8')) as Manifest
}
