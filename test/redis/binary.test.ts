import { chmod, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { temporaryDirectory } from '../support/process.ts'
import { findRedisBinary, redisBinary } from '../support/redis-binary.ts'
import { testsToSkip } from '../support/redis-setup.ts'
import { fetchRedis } from '../support/redis-package.ts'

/** A folder with the named programs. */
async function folder(...names: readonly string[]): Promise<string> {
  const path = await mkdtemp(join(temporaryDirectory(), 'bin-'))
  for (const name of names) {
    await writeFile(join(path, name), '#!/bin/sh\n')
    await chmod(join(path, name), 0o755)
  }
  return path
}

describe('the server that the tests start', () => {
  it('is the redis-server on PATH', async () => {
    const [first, second] = [await folder('redis-server'), await folder('redis-server')]
    const PATH = ['/no-such-folder', first, second].join(delimiter)
    expect(findRedisBinary({ PATH })).toBe(join(first, 'redis-server'))
  })

  it('is a valkey-server when there is no redis-server in any folder of PATH', async () => {
    const [valkey, redis] = [await folder('valkey-server'), await folder('redis-server')]
    const both = [valkey, redis].join(delimiter)
    expect(findRedisBinary({ PATH: both })).toBe(join(redis, 'redis-server'))
    expect(findRedisBinary({ PATH: valkey })).toBe(join(valkey, 'valkey-server'))
  })

  it('is what CACHEFLOW_REDIS_SERVER names, and nothing else when that cannot be run', async () => {
    const [named, PATH] = [await folder('my-redis'), await folder('redis-server')]
    const CACHEFLOW_REDIS_SERVER = join(named, 'my-redis')
    expect(findRedisBinary({ PATH, CACHEFLOW_REDIS_SERVER })).toBe(CACHEFLOW_REDIS_SERVER)
    await chmod(CACHEFLOW_REDIS_SERVER, 0o644)
    expect(() => findRedisBinary({ PATH, CACHEFLOW_REDIS_SERVER })).toThrow(
      `CACHEFLOW_REDIS_SERVER is ${CACHEFLOW_REDIS_SERVER}`,
    )
  })

  it('is the one that was fetched before when PATH has none', async () => {
    const cache = await folder()
    await mkdir(join(cache, 'redis'))
    const fetched = join(cache, 'redis', 'redis-server')
    await symlink(redisBinary(), fetched)
    expect(findRedisBinary({ PATH: await folder() }, cache)).toBe(fetched)
  })

  it('is none when there is none, and a folder or a text of that name is none', async () => {
    const empty = await folder()
    expect(findRedisBinary({ PATH: empty }, empty)).toBe(undefined)
    expect(findRedisBinary({ PATH: '' }, empty)).toBe(undefined)
    await mkdir(join(empty, 'redis-server'))
    await writeFile(join(empty, 'valkey-server'), 'text')
    expect(findRedisBinary({ PATH: empty }, empty)).toBe(undefined)
  })

  it('is not fetched where there is no apt-get', async () => {
    vi.stubEnv('PATH', await folder())
    try {
      await expect(fetchRedis(await folder())).rejects.toThrow('apt-get ENOENT')
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it('that cannot be had skips the tests that need it, with one line that says how to get it', async () => {
    const lines: string[] = []
    const fail = (): Promise<void> => Promise.reject(new Error('no apt-get here\nand more'))
    const skipped = await testsToSkip(
      (line) => lines.push(line),
      fail,
      () => undefined,
    )
    expect(skipped).toContain('test/redis/put.test.ts')
    expect(skipped).toContain('test/consistency/barrier.test.ts')
    expect(skipped).not.toContain('test/http/range.test.ts')
    expect(lines[1]).toMatch(
      /^skipped \d+ test files that need Redis: no redis-server .*`apt-get install redis-server`.*\(Error: no apt-get here\)$/,
    )
  })

  it('that is there, or was fetched, skips no test', async () => {
    const lines: string[] = []
    const tell = (line: string): void => void lines.push(line)
    const never = (): Promise<void> => Promise.reject(new Error('fetched without need'))
    expect(await testsToSkip(tell, never, () => '/usr/bin/redis-server')).toEqual([])
    expect(lines).toEqual([])
    expect(
      await testsToSkip(
        tell,
        () => Promise.resolve(),
        () => undefined,
      ),
    ).toEqual([])
    expect(lines).toEqual(['no redis-server on PATH: fetching the package of this system'])
  })

  it('that is missing fails the test that needs it with one line that says how to get it', async () => {
    const empty = await folder()
    expect(() => redisBinary({ PATH: empty }, empty)).toThrow(
      /^no redis-server .*`apt-get install redis-server`.*`brew install redis`.*CACHEFLOW_REDIS_SERVER=.*$/,
    )
  })
})
