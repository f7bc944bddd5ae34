import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where a server that was fetched for the tests is kept, in `redis/`. */
export const cacheDirectory = fileURLToPath(
  new URL('../../node_modules/.cache/cacheflow/', import.meta.url),
)

/** The variable that names the server to take. */
const variable = 'CACHEFLOW_REDIS_SERVER'

const names = ['redis-server', 'valkey-server']

/** How to get one, in one line. */
export const advice =
  'no redis-server or valkey-server on PATH: `apt-get install redis-server`, `brew install redis`, ' +
  `or ${variable}=/path/to/redis-server`

/**
 * The path of the server to start: what `CACHEFLOW_REDIS_SERVER` names, else redis-server and then valkey-server on
 * PATH, else the one that was fetched before. Undefined when there is none.
 * @throws when `CACHEFLOW_REDIS_SERVER` names something that cannot be run
 */
export function findRedisBinary(
  env: Readonly<Record<string, string | undefined>> = process.env,
  cache: string = cacheDirectory,
): string | undefined {
  const named = env[variable]
  if (named) {
    if (isProgram(named)) return named
    throw new Error(`${variable} is ${named}, which is no program that can be run`)
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return [...candidates, join(cache, 'redis', 'redis-server')].find(isProgram)
}

/**
 * The same for one who cannot go on without.
 * @throws how to get one, in one line, when there is none
 */
export function redisBinary(...where: Parameters<typeof findRedisBinary>): string {
  const found = findRedisBinary(...where)
  if (found === undefined) throw new Error(advice)
  return found
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
