// The package as npm would publish it, installed beside its own dependencies and nothing else.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Packs dist/ as it stands; returns the tarball's path. */
export function pack(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const options = { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }
  // Without the lifecycle scripts: prepack would build again.
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], options)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${folder}`)
  return join(folder, tarball)
}

/** A fresh application folder with the tarball in node_modules, and `links` (name -> folder here). */
export function application(tarball, links = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'cacheflow-package-'))
  const target = join(folder, 'node_modules', manifest.name)
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
  const own = Object.fromEntries(Object.keys(manifest.dependencies).map((name) => [name, name]))
  for (const [name, source] of Object.entries({ ...own, ...links })) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, 'node_modules', source), link, 'dir')
  }
  return {
    folder,
    installed: target,
    remove: () => {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The names an application imports: 'cacheflow', 'cacheflow/express', ... */
export function entries() {
  return Object.keys(manifest.exports)
    .filter((subpath) => !subpath.endsWith('.json'))
    .map((subpath) => manifest.name + subpath.slice(1))
}
