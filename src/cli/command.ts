import { CacheflowError, messageOf, withoutPassword } from '../events/errors.ts'
import { outputTo, printable } from './output.ts'
import type { Terminal } from '../index.ts'
import { redisCommand } from './redis-command.ts'
import { UsageError, type CommandName, typed, usageOf, usageText, usages } from './usage.ts'
import { warmCommand } from './warm-command.ts'

/** What a command has of the process that runs it: `process` itself fits. */
export interface Surroundings {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: Terminal
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Runs what was typed. @returns 0 when all is well, 1 when something failed or was not found, 2 when it was not understood */
export async function command(
  [name, ...rest]: readonly string[],
  { stdout, stderr, env }: Surroundings,
): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    ;(name === undefined ? stderr : stdout).write(usageText())
    return name === undefined ? 2 : 0
  }
  try {
    if (!isCommand(name)) {
      throw new UsageError(
        `${withoutPassword(JSON.stringify(name))} is no command.\n\n${usageText()}`,
      )
    }
    if (rest.includes('--help') || rest.includes('-h')) {
      stdout.write(usageOf(usages[name]))
      return 0
    }
    const given = typed(usages[name], rest)
    const output = outputTo(stdout, stderr)
    return await (name === 'warm'
      ? warmCommand(given, output)
      : redisCommand(name, given, env['REDIS_URL'], output))
  } catch (error) {
    const message = messageOf(error)
    const isUsage = error instanceof UsageError
    stderr.write(`cacheflow: ${printable(isUsage ? message : withoutPassword(message))}\n`)
    if (error instanceof CacheflowError && name !== undefined && isCommand(name)) {
      stderr.write(`  example: npx ${usages[name].example}\n`)
    }
    return isUsage || isOfUse(error) ? 2 : 1
  }
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(usages, name)
}

function isOfUse(error: unknown): boolean {
  return error instanceof CacheflowError && error.code !== 'ERR_CACHEFLOW_UNCONFIRMED'
}
