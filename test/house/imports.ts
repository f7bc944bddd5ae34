import { readdirSync, readFileSync } from 'node:fs'
import { posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder, with a slash at its end. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface SourceFile {
  /** From the project's folder, with slashes: `src/http/freshness.ts`. */
  readonly path: string
  readonly lines: number
  /** Import statements and `import()` calls, types included, as written: `./freshness.ts`, `node:http`. */
  readonly imports: readonly string[]
  /** Lines that look like an import or end with `from '...'` and were not understood: to be none. */
  readonly unread: number
}

export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name.split(sep).join('/')}`)
      .toSorted()
      .map((path) => readSource(path, readFileSync(root + path, 'utf8'))),
  )
}

export function readSource(path: string, text: string): SourceFile {
  const code = text.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const statements = [
    ...code.matchAll(/^import\s[^'"]*?from\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^import\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^export\s+(?:type\s+)?(?:\*[^'"]*?|\{[^}]*\}\s*)from\s*['"]([^'"]+)['"]/gm),
  ]
  const calls = [...code.matchAll(/\b(?:import|require)\(\s*['"`]([^'"`]+)['"`]/g)]
  return {
    path,
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    imports: [...statements, ...calls].map((match) => match[1] ?? ''),
    unread:
      (code.match(/^import\s*['"]|\bfrom\s*['"][^'"]+['"]\s*;?$/gm) ?? []).length -
      statements.length,
  }
}

/** `./freshness.ts` in `src/http/age.ts` is `src/http/freshness.ts`; a package stays as it is. */
export function resolveImport(from: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : specifier
}
