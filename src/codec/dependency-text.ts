// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const special = /[\u0000-\u001F\u007F\\\p{Surrogate}]/u
const everySpecial = new RegExp(special, 'gu')

/**
 * The name of a dependency as it stands in Redis: its own, but for control characters and surrogates that stand alone,
 * which become `\u000a`, and the backslash, which becomes two. A line feed would part it in two, and UTF-8, in which
 * clients write, has one character for all lone surrogates.
 */
export function encodeDependency(dependency: string): string {
  if (!special.test(dependency)) return dependency
  return dependency.replaceAll(everySpecial, (char) =>
    char === '\\' ? '\\\\' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** @returns undefined when the text is none that {@link encodeDependency} writes. */
export function decodeDependency(text: string): string | undefined {
  if (!special.test(text)) return text
  const dependency = text.replaceAll(/\\(?:\\|u([\da-f]{4}))/g, (_escape, code?: string) =>
    code === undefined ? '\\' : String.fromCharCode(Number.parseInt(code, 16)),
  )
  return encodeDependency(dependency) === text ? dependency : undefined
}

/**
 * A closure as one text, every name on a line of its own, with a line feed at both ends. A script takes it apart by
 * `string.gmatch(closure, '[^\n]+')` and looks a name up by `string.find(closure, '\n' .. name .. '\n', 1, true)`.
 *
 * @param dependencies names that are not empty
 */
export function encodeDependencies(dependencies: readonly string[]): string {
  if (dependencies.length === 0) return '\n'
  return `\n${dependencies.map(encodeDependency).join('\n')}\n`
}

/** @returns undefined when the text is none that {@link encodeDependencies} writes: damaged, or cut off. */
export function decodeDependencies(text: string): string[] | undefined {
  if (text === '\n') return []
  if (text.length < 3 || !text.startsWith('\n') || !text.endsWith('\n')) return undefined
  const dependencies: string[] = []
  for (const line of text.slice(1, -1).split('\n')) {
    const dependency = line === '' ? undefined : decodeDependency(line)
    if (dependency === undefined) return undefined
    dependencies.push(dependency)
  }
  return dependencies
}
