import { createHash } from 'node:crypto'

/** How one engine finds its templates. */
export interface TemplateSources {
  /** undefined when there is none: rendering will tell. */
  read(path: string): string | undefined
  /** The templates that this one names in so many words. */
  linked(path: string, source: string): readonly string[]
  /** Does it include something by a name that it computes? */
  computes(path: string, source: string): boolean
  /** The templates that a template may include so; undefined where nobody has named them. */
  dynamic(path: string): readonly string[] | undefined
}

/**
 * What a template and all that it includes look like, in a few letters: they join the keys of its fragments, so that after a
 * deployment no fragment shows what an older template made. It ends with a question mark where something is included by a computed
 * name, and nobody has told what that may be.
 */
export function templateDigest(path: string, sources: TemplateSources): string {
  const texts: string[] = []
  const seen = new Set<string>()
  let isOpen = false
  const add = (at: string): void => {
    if (seen.has(at)) return
    seen.add(at)
    const source = sources.read(at)
    if (source === undefined) return
    texts.push(source)
    for (const next of sources.linked(at, source)) add(next)
    if (!sources.computes(at, source)) return
    const dynamic = sources.dynamic(at)
    if (dynamic === undefined) isOpen = true
    else for (const next of dynamic) add(next)
  }
  add(path)
  return textDigest(texts) + (isOpen ? '?' : '')
}

/** The digest of templates whose texts are at hand. */
export function textDigest(texts: readonly string[]): string {
  const hash = createHash('sha1')
  for (const text of texts) hash.update(`${text.length}:${text}`)
  return hash.digest('base64url').slice(0, 12)
}

/** The names in a source by a pattern, whose last group has the name. */
export function namesIn(source: string, pattern: RegExp): string[] {
  return Array.from(source.matchAll(pattern), (match) => match.at(-1) ?? '')
}
