import { chmod, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { temporaryDirectory } from '../support/process.ts'
import { findRedisBinary, redisBinary } from '../support/redis-binary.ts'
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

  it('that is missing fails the test that needs it with one line that says how to get it', async () => {
    const empty = await folder()
    expect(() => redisBinary({ PATH: empty }, empty)).toThrow(
      /^no redis-server .*`apt-get install redis-server`.*`brew install redis`.*CACHEFLOW_REDIS_SERVER=.*$/,
    )
  })
})
