import { existsSync } from 'node:fs'
import { type BlockCalls, type Exchange, blockCalls } from './block-capture.ts'
import { type DynamicIncludes, namesFrom } from './dynamic-includes.ts'
import { replayed } from './replay.ts'
import { namesIn, templateDigest, textDigest } from './template-digest.ts'

/** What is used of an Eta 4. */
export interface Eta {
  readonly config: {
    readonly plugins: readonly object[]
    readonly useWith: boolean
    readonly varName: string
    readonly views?: string
  }
  readFile: ((path: string) => string) | null
  resolvePath: ((name: string, options?: { filepath?: string }) => string) | null
  configure(config: object): void
  renderAsync(template: unknown, data: object, meta?: object): Promise<string>
}

const computed = /\b(?:include|includeAsync|layout)\s*\(\s*(?!(['"`])(?:(?!\1)[^\\\n$])+\1\s*[,)])/
const links = /\b(?:include|includeAsync|layout)\s*\(\s*(['"`])((?:(?!\1)[^\\\n$])+)\1/g

/**
 * Lets an Eta have fragments as blocks, and the digests of its templates in their keys:
 *
 *   const eta = etaFragments(new Eta({ views }))
 *
 *   <%~ it.cacheFragment('posts/card', it.post(row), () => { %>
 *     <h2><%= row.title %></h2>
 *   <% }) %>
 *
 * @param options `dynamic`: what templates include by computed names
 * @returns the same Eta
 */
export function etaFragments<Engine extends Eta>(
  eta: Engine,
  { dynamic }: DynamicIncludes = {},
): Engine {
  if ('cacheflowView' in eta.config) return eta
  /** The file that was read last: the next text to be compiled is its own. */
  let last = { path: '', source: '' }
  let digest = ''
  if (eta.readFile !== null) {
    const read = eta.readFile.bind(eta)
    eta.readFile = (path) => {
      last = { path, source: read(path) }
      return last.source
    }
  }
  const fragments = {
    processTemplate: (source: string): string => {
      digest =
        source === last.source ? fileDigest(eta, last.path, source, dynamic) : textDigest([source])
      return source
    },
    // In the tree, not in the text: a tag more would take the first line's end with it.
    processAST: (tree: readonly unknown[]): unknown[] => [
      { t: 'e', val: prelude(eta, digest), lineNo: 1 },
      ...tree,
    ],
  }
  eta.configure({ plugins: [...eta.config.plugins, fragments], cacheflowView: withCalls })
  const renderAsync = eta.renderAsync.bind(eta)
  eta.renderAsync = async (template, data, meta) =>
    replayed(typeof template === 'string' ? template : '', data, (own) =>
      renderAsync(template, own, meta),
    )
  return eta
}

function prelude(eta: Eta, digest: string): string {
  const { useWith, varName } = eta.config
  const exchange = '(text) => { const kept = __eta.res; __eta.res = text; return kept }'
  const own = `${varName} = this.config.cacheflowView(${varName}, "${digest}", ${exchange});`
  return useWith ? `${own} const { cacheFragment, cacheFragments } = ${varName};` : own
}

function withCalls(data: object | undefined, digest: string, exchange: Exchange): object {
  const calls: BlockCalls = blockCalls(data, digest, exchange)
  return { ...data, ...calls }
}

function fileDigest(
  eta: Eta,
  path: string,
  source: string,
  dynamic: readonly string[] | undefined,
): string {
  const { views = '' } = eta.config
  return templateDigest(path, {
    read: (at) => (at === path ? source : readIn(eta, at)),
    linked: (from, text) => namesIn(text, links).flatMap((name) => resolve(eta, name, from) ?? []),
    computes: (_from, text) => computed.test(text),
    dynamic: (from) =>
      dynamic && namesFrom(dynamic, [views]).flatMap((name) => resolve(eta, name, from) ?? []),
  })
}

function readIn(eta: Eta, path: string): string | undefined {
  return existsSync(path) ? eta.readFile?.(path) : undefined
}

/** As Eta finds it; undefined for a name that is no file. */
function resolve(eta: Eta, name: string, from: string): string | undefined {
  if (name.startsWith('@')) return undefined
  try {
    return eta.resolvePath?.(name, { filepath: from })
  } catch {
    // Rendering will tell it, with Eta's own error.
    return undefined
  }
}
