import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const known = new WeakMap<object, boolean>()

/**
 * Is a function written in one of these packages, as they are installed? Its text is looked for in their files: a class of
 * the application's own that extends a package's has another text. Asked once for each function; no in a bundle.
 *
 * @param from a file of a package beside which the others may be installed
 */
export function isCodeOf(code: unknown, packages: readonly string[], from: string): boolean {
  if (typeof code !== 'function') return false
  const existing = known.get(code)
  if (existing !== undefined) return existing
  const at = from.startsWith('file:') ? fileURLToPath(from) : from
  const text = Function.prototype.toString.call(code)
  let isFound = false
  try {
    isFound = packages.some((name) => folders(name, at).some((folder) => holds(folder, text)))
  } catch {
    // What cannot be read is not known.
  }
  known.set(code, isFound)
  return isFound
}

/** Where a package may be installed for this program. */
function folders(name: string, from: string): string[] {
  const found = new Set<string>()
  for (const start of [from, process.argv[1] ?? from, process.cwd()]) {
    for (let at = start; ; at = dirname(at)) {
      const folder = join(at, 'node_modules', name)
      if (existsSync(folder)) found.add(realpathSync(folder))
      if (dirname(at) === at) break
    }
  }
  return [...found]
}

/** A store is a small package; what is larger is no such one. */
const MAX_FILES = 400

function holds(folder: string, text: string): boolean {
  let files = 0
  const search = (at: string): boolean => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && search(path)) return true
      } else if (/\.[cm]?js$/.test(entry.name)) {
        if (++files > MAX_FILES) return false
        if (readFileSync(path, 'utf8').includes(text)) return true
      }
    }
    return false
  }
  return search(folder)
}
