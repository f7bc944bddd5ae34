import type { Directive } from './cache-directive.ts'

/** What restricts a cache, by the letters that are left of it when it is misspelled. */
const restrictions: ReadonlyMap<string, string> = new Map([
  ['nostore', 'no-store'],
  ['nocache', 'no-cache'],
  ['private', 'private'],
  ['mustrevalidate', 'must-revalidate'],
  ['proxyrevalidate', 'proxy-revalidate'],
])

/**
 * The restrictions in a text that follows no grammar: `no-cache; no-store`, `private no-store`, `"no-store"`, `No_Store`. Whoever
 * wrote one of these words wanted a cache to do less, whatever stands around it.
 */
export function restrictionsIn(text: string): Directive[] {
  const plain = compact(text)
  const found: Directive[] = []
  for (const [word, name] of restrictions) {
    if (plain.includes(word)) found.push({ name, argument: undefined, wellFormed: false })
  }
  return found
}

/**
 * The shortest lifetime in a text that follows no grammar, in seconds: `public; max-age=5`. It grants nothing, and
 * bounds the lifetime that a response gets by default; a lifetime without a number is none at all. Undefined when there is no
 * lifetime in the text.
 */
export function lifetimeIn(text: string): number | undefined {
  let shortest: number | undefined
  for (const part of compact(text).split('maxage').slice(1)) {
    let seconds = 0
    for (const digit of part.slice(0, 10)) {
      if (!isDigit(digit)) break
      seconds = seconds * 10 + Number(digit)
    }
    shortest = Math.min(shortest ?? Infinity, seconds)
  }
  return shortest
}

/** Letters in lower case and digits; a space where something else stood between two digits. */
function compact(text: string): string {
  const kept: string[] = []
  let isApart = false
  for (const character of text.toLowerCase()) {
    const isLetter = character >= 'a' && character <= 'z'
    if (isDigit(character) && isApart && isDigit(kept.at(-1) ?? '')) kept.push(' ')
    isApart = !isLetter && !isDigit(character)
    if (!isApart) kept.push(character)
  }
  return kept.join('')
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9'
}
