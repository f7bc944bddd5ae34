import { type DynamicIncludes, namesAmong } from './dynamic-includes.ts'
import { textDigest } from './template-digest.ts'

/** The option that carries a digest from the template to the helper. */
export const digestName = 'cacheflowDigest'

/** What is used of Handlebars to read templates. */
export interface HandlebarsParser {
  readonly partials: { readonly [name: string]: unknown }
  parse(source: string, options?: object): object
}

/**
 * Writes the digest of a template, and of the partials that it names, into its fragments as it is parsed. Partials count that
 * are registered as text by then.
 */
export function addDigests(handlebars: HandlebarsParser, { dynamic }: DynamicIncludes): void {
  const parse = handlebars.parse.bind(handlebars)
  // Handlebars puts a function in the place of a text that it has compiled.
  const texts = new Map<string, string>()
  const textOf = (name: string): string | undefined => {
    const partial = handlebars.partials[name]
    if (typeof partial === 'string') texts.set(name, partial)
    return typeof partial === 'string' || typeof partial === 'function'
      ? texts.get(name)
      : undefined
  }
  const treeOf = (text: string): object | undefined => {
    try {
      return parse(text)
    } catch {
      // Whoever renders it will hear of it.
      return undefined
    }
  }
  /** @returns false where a partial has a computed name, and nobody has told what that may be */
  const collect = (tree: object, into: Map<string, string>): boolean => {
    let isWhole = true
    const add = (name: string): void => {
      const text = into.has(name) ? undefined : textOf(name)
      if (text === undefined) return
      into.set(name, text)
      const partial = treeOf(text)
      if (partial && !collect(partial, into)) isWhole = false
    }
    walk(tree, (node) => {
      const name = partialName(node)
      if (typeof name === 'string') add(name)
      if (name !== computed) return
      if (dynamic === undefined) isWhole = false
      else for (const each of namesAmong(dynamic, Object.keys(handlebars.partials))) add(each)
    })
    return isWhole
  }
  handlebars.parse = (source, options) => {
    const tree = parse(source, options)
    // A tree that was parsed before has its digests.
    if (typeof source !== 'string') return tree
    const partials = new Map<string, string>()
    const isWhole = collect(tree, partials)
    const digest = textDigest([source, ...partials.values()]) + (isWhole ? '' : '?')
    walk(tree, (node) => {
      if (isFragment(node)) setOption(node, digest)
    })
    return tree
  }
}

function walk(node: unknown, warmRequest: (node: object) => void): void {
  if (typeof node !== 'object' || node === null) return
  warmRequest(node)
  const inner: readonly unknown[] = Object.values(node)
  for (const each of inner) walk(each, warmRequest)
}

const computed: unique symbol = Symbol('a computed name')

/** The partial that a node names; undefined when it is another node. */
function partialName(node: object): string | typeof computed | undefined {
  if (!('type' in node) || !('name' in node)) return undefined
  const isPartial = node.type === 'PartialStatement' || node.type === 'PartialBlockStatement'
  return isPartial ? (original(node.name) ?? computed) : undefined
}

function isFragment(node: object): node is { hash?: { pairs: unknown[] } | null } {
  return (
    'type' in node &&
    node.type === 'BlockStatement' &&
    'path' in node &&
    original(node.path) === 'fragment'
  )
}

function original(named: unknown): string | undefined {
  if (typeof named !== 'object' || named === null || !('original' in named)) return undefined
  return typeof named.original === 'string' ? named.original : undefined
}

function setOption(block: { hash?: { pairs: unknown[] } | null }, digest: string): void {
  block.hash ??= Object.assign({ pairs: [] }, { type: 'Hash' })
  const value = { type: 'StringLiteral', value: digest, original: digest }
  block.hash.pairs.push({ type: 'HashPair', key: digestName, value })
}
