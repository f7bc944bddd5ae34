import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { command } from '../../src/cli/command.ts'
import { builtPackage } from '../support/built-package.ts'

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

type Env = Readonly<Record<string, string>>

/** Runs the command in a process of its own, as a terminal would. */
export async function npxCacheflow(args: readonly string[], env: Env = {}): Promise<Ended> {
  const main = join(await builtPackage(), 'src/cli/main.js')
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { env: { ...process.env, ...env } },
      (error, out, err) => resolve({ code: error ? Number(child.exitCode) : 0, out, err }),
    )
  })
}

/** Runs the command in this process, which takes a hundredth of the time. */
export async function cacheflow(args: readonly string[], env: Env = {}): Promise<Ended> {
  const ended = { out: '', err: '' }
  const code = await command(args, {
    stdout: { write: (text) => (ended.out += text) },
    stderr: { write: (text) => (ended.err += text) },
    env,
  })
  return { code, ...ended }
}
