import { advice, findRedisBinary } from './redis-binary.ts'
import { fetchRedis } from './redis-package.ts'

/** Before the tests: looks for a redis-server, and fetches one where there is none. Tests that need none still run. */
export async function setup(): Promise<void> {
  if (findRedisBinary() !== undefined) return
  process.stderr.write('no redis-server on PATH: fetching the package of this system\n')
  try {
    await fetchRedis()
  } catch (error) {
    const [reason] = String(error).split('\n', 1)
    process.stderr.write(`${advice} (${reason})\n`)
  }
}
