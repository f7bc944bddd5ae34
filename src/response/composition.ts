import { fail } from '../events/errors.ts'

/** A part of a composed page: its text, a promise of it, or a function that gives either. */
export type Part = string | Promise<string> | (() => string | Promise<string>)

export interface CompositionOptions<Name extends string> {
  /**
   * What stands where a part was not given: `'error'` fails, `'empty'` leaves the place empty, and a function gives the text.
   * Default `'error'`.
   */
  readonly missing?: 'error' | 'empty' | ((name: Name) => string)
}

/** A page whose places have names; it is called with the parts. */
export interface Composition<Name extends string> {
  /**
   * @returns the page, when all parts are there; they are made at one time
   * @throws CacheflowError `ERR_CACHEFLOW_PART` for a part that is missing, has no place, or is no text
   */
  (
    parts: Readonly<Partial<Record<Name, Part>>>,
    options?: CompositionOptions<Name>,
  ): Promise<string>
  /** The names of its places, each once, in order. */
  readonly names: readonly Name[]
}

/**
 * Puts pages together from named parts, without a template engine:
 *
 *   const layout = composition`<header>${'top'}</header><main>${'main'}</main>`
 *
 *   await layout({
 *     top: () => cacheFragment('layout/top', renderTop),
 *     main: () => cacheFragment('posts/page', post(row), () => renderPost(row)),
 *   })
 *
 * The parts are HTML by contract, and go in as they are.
 */
export function composition<Name extends string>(
  texts: TemplateStringsArray,
  ...places: readonly Name[]
): Composition<Name> {
  const names = [...new Set(places)]
  const compose = async (
    parts: Readonly<Partial<Record<Name, Part>>>,
    { missing = 'error' }: CompositionOptions<Name> = {},
  ): Promise<string> => {
    const unknown = Object.keys(parts).find((name) => !names.some((place) => place === name))
    if (unknown !== undefined) throw wrong(unknown, `it has the places ${names.join(', ')}.`)
    const made = await Promise.all(names.map(async (name) => [name, await textOf(name)] as const))
    const found = new Map<string, string>(made)
    // A text may contain what String.replace would read as a pattern: the parts are joined.
    return texts.reduce((page, text, i) => page + (found.get(places[i - 1] ?? '') ?? '') + text)

    async function textOf(name: Name): Promise<string> {
      const part: Part | undefined = parts[name]
      if (part === undefined) {
        if (missing === 'empty') return ''
        if (missing !== 'error') return missing(name)
        throw wrong(name, "give it, or say what stands in its place: { missing: 'empty' }.")
      }
      const text: unknown = await (typeof part === 'function' ? part() : part)
      if (typeof text === 'string') return text
      throw wrong(name, `its part gave ${typeof text} and not a text.`)
    }
  }
  return Object.assign(compose, { names })
}

function wrong(name: string, why: string): Error {
  return fail('ERR_CACHEFLOW_PART', name, 'a composition', { mend: `Look at this part: ${why}` })
}
