import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheDirectory } from './redis-binary.ts'

const run = promisify(execFile)

/** Starts the unpacked server with the libraries that were unpacked beside it. exec keeps the process, and its id. */
const starter = `#!/bin/sh
here=$(dirname "$0")
for folder in "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*; do
  [ -d "$folder" ] && LD_LIBRARY_PATH="$folder\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
exec "$here/usr/bin/redis-server" "$@"
`

/**
 * Downloads the system's own package of redis-server, on Debian and its like, and unpacks it into the cache directory.
 * Nothing is installed and nobody has to be root: apt-get keeps all that it writes in the cache directory, too.
 * @throws when there is no apt-get, or it finds no package
 */
export async function fetchRedis(cache: string = cacheDirectory): Promise<void> {
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'fetch-'))
  try {
    const archives = await download(work)
    const unpacked = join(work, 'redis')
    for (const archive of archives) await run('dpkg-deb', ['--extract', archive, unpacked])
    const server = join(unpacked, 'redis-server')
    await writeFile(server, starter)
    await chmod(server, 0o755)
    await run(server, ['--version'])
    // Whole or not at all, also when two runs fetch side by side.
    await rename(unpacked, join(cache, 'redis')).catch(() => undefined)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The package and those of its libraries that the system does not have. */
async function download(work: string): Promise<string[]> {
  const archives = join(work, 'cache', 'archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await mkdir(join(work, 'state', 'lists', 'partial'), { recursive: true })
  const settings = [
    `Dir::State=${join(work, 'state')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    // What is installed, to read only.
    'Dir::State::status=/var/lib/dpkg/status',
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
    'APT::Install-Recommends=0',
    'Acquire::Retries=1',
    'Acquire::http::Timeout=20',
  ]
  const given = ['-q', ...settings.flatMap((each) => ['-o', each])]
  const limit = { timeout: 120_000 }
  await run('apt-get', [...given, 'update'], limit)
  const packages = ['redis-server', 'redis-tools']
  const only = ['install', '--download-only', '--reinstall', '--yes']
  await run('apt-get', [...given, ...only, ...packages], limit)
  const names = (await readdir(archives)).filter((name) => name.endsWith('.deb'))
  // Without a network apt-get says so and goes on.
  if (names.length === 0) throw new Error('apt-get could not download redis-server')
  return names.map((name) => join(archives, name))
}
