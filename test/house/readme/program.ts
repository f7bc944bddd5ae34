import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { Server } from 'node:net'
import { pathToFileURL } from 'node:url'
import { vi } from 'vitest'
import { root } from '../imports.ts'
import type { Program } from './blocks.ts'
import { type Answer, type Exchange, exchanges, seen, send } from './exchange.ts'

export interface Written {
  readonly program: Program
  readonly path: string
}

/** Writes each program into a folder of its own inside the project, where its imports are found. */
export function write(folder: string, programs: readonly Program[]): Written[] {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  return programs.map((program) => {
    const path = `${folder}/line-${program.line}.ts`
    // A block without an import would be a script, and share its names with all others.
    writeFileSync(path, `${program.code}\nexport {}\n`)
    return { program, path }
  })
}

/** What the compiler says of the programs in these folders, line by line, with paths that begin at the first. */
export function typeErrors(folder: string, ...others: readonly string[]): string[] {
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({
      extends: `${root}tsconfig.json`,
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, noEmit: true },
      include: [
        ...[folder, ...others].map((each) => `${each}/*.ts`),
        `${root}test/support/untyped.d.ts`,
      ],
      exclude: [],
    }),
  )
  const tsc = `${root}node_modules/typescript/bin/tsc`
  const compiled = spawnSync(process.execPath, [tsc, '--pretty', 'false', '-p', folder], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (compiled.error) throw compiled.error
  const lines = compiled.stdout.split('\n').filter((line) => line.trim() !== '')
  // Errors of the source itself are reported once, by `npm run check`.
  const own = lines.filter((line) => /^(?:\.\.\/[\w.-]+\/)?line-/.test(line))
  if (compiled.status !== 0 && lines.length === 0) throw new Error(`tsc: ${compiled.stderr}`)
  return own
}

/** Gives what takes away the environment variables that programs set, before other tests come in the same process. */
export function environmentOfNow(): () => void {
  const known = new Set(Object.keys(process.env))
  return () => {
    for (const name of Object.keys(process.env)) if (!known.has(name)) delete process.env[name]
  }
}

export interface Outcome {
  readonly expected: Answer
  readonly seen: Answer
}

/** Runs a program, and the exchanges with the server that it started last. */
export async function run({ program, path }: Written): Promise<Outcome[]> {
  const servers: Server[] = []
  const listen = Server.prototype.listen
  const quiet = vi.spyOn(console, 'log').mockImplementation(() => {})
  // The port in a README is for people; here any free one will do.
  const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (
    this: Server,
    ...given
  ) {
    servers.push(this)
    const callback = given.find((argument) => typeof argument === 'function')
    return listen.call(this, 0, callback)
  })
  try {
    await import(/* @vite-ignore */ pathToFileURL(path).href)
    const outcomes: Outcome[] = []
    for (const exchange of program.exchanges.flatMap(({ text }) => exchanges(text))) {
      outcomes.push(await outcomeOf(exchange, servers.at(-1)))
    }
    return outcomes
  } finally {
    spy.mockRestore()
    quiet.mockRestore()
    for (const server of servers) server.close()
  }
}

async function outcomeOf(exchange: Exchange, server: Server | undefined): Promise<Outcome> {
  if (server === undefined) throw new Error('the program above these requests started no server')
  if (!server.listening) await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const answer = await send(address.port, exchange)
  return { expected: exchange.expected, seen: seen(exchange.expected, answer) }
}
