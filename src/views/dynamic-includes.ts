import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** What templates include by names that they compute. */
export interface DynamicIncludes {
  /**
   * The templates that may be included so, each as an include names it; `'cards/*'` are all of a folder. They join the digests of
   * the templates that compute a name. Default: nobody has named them, and with `fragments.strict` a fragment in such a template is
   * an error.
   */
  readonly dynamic?: readonly string[] | undefined
}

/** The names in a list, each once; `cards/*` are those of all files in that folder, wherever it lies. */
export function namesFrom(dynamic: readonly string[], folders: readonly string[]): string[] {
  const names = dynamic.flatMap((name) =>
    isPattern(name) ? folders.flatMap((folder) => filesIn(folder, name.slice(0, -2))) : [name],
  )
  return [...new Set(names)]
}

/** Those of some known names that a list has. */
export function namesAmong(dynamic: readonly string[], known: readonly string[]): string[] {
  return known.filter((name) =>
    dynamic.some((each) => (isPattern(each) ? name.startsWith(each.slice(0, -1)) : name === each)),
  )
}

function isPattern(name: string): boolean {
  return name.endsWith('/*')
}

function filesIn(root: string, folder: string): string[] {
  const at = join(root, folder)
  if (!existsSync(at)) return []
  const entries = readdirSync(at, { withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.map(({ name }) => `${folder}/${name}`).toSorted()
}
