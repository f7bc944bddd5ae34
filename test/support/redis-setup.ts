import { posix } from 'node:path'
import { resolveImport, sourceFiles } from '../house/imports.ts'
import { advice, findRedisBinary } from './redis-binary.ts'
import { fetchRedis } from './redis-package.ts'

/** The files through which tests start a server. */
const starters = new Set(['test/support/redis-server.ts', 'test/support/redis-cluster.ts'])

/**
 * The test files to leave out: none where a server is found or can be fetched, else those that start one. Tells in one
 * line what it fetches, or what is left out and how to get a server.
 *
 * @param tell receives that line
 * @param fetch brings a server where there is none
 * @param find looks for one
 */
export async function testsToSkip(
  tell: (line: string) => void,
  fetch: () => Promise<void> = fetchRedis,
  find: () => string | undefined = findRedisBinary,
): Promise<string[]> {
  if (find() !== undefined) return []
  tell('no redis-server on PATH: fetching the package of this system')
  try {
    await fetch()
    return []
  } catch (error) {
    const skipped = testsWithRedis()
    const [reason] = String(error).split('\n', 1)
    tell(`skipped ${skipped.length} test files that need Redis: ${advice} (${reason})`)
    return skipped
  }
}

/** The test files that start a Redis server, directly or through what they import, by their paths from the project's root. */
function testsWithRedis(): string[] {
  const imports = new Map(
    sourceFiles('test').map(({ path, imports: named }) => [
      path,
      named.map((each) => posix.normalize(resolveImport(path, each))),
    ]),
  )
  const reaches = (path: string, seen: Set<string>): boolean => {
    if (starters.has(path)) return true
    if (seen.has(path)) return false
    seen.add(path)
    return (imports.get(path) ?? []).some((each) => reaches(each, seen))
  }
  return [...imports.keys()].filter((path) => path.endsWith('.test.ts') && reaches(path, new Set()))
}
