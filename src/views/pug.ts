import { fail } from '../events/errors.ts'
import { type Exchange, append, captured } from './block-capture.ts'
import { fragmentCalls, isCall } from './fragment-calls.ts'
import { textDigest } from './template-digest.ts'
import { type ViewEngine, viewEngine } from './view-engine.ts'

/** What is used of Pug 3. */
export interface Pug {
  renderFile(path: string, options?: object): string
}

/** Options of Pug, such as `basedir` or `filters`. */
export interface PugOptions {
  readonly [option: string]: unknown
  readonly plugins?: readonly object[]
}

interface Tree {
  nodes: unknown[]
}

/**
 * Pug with a mixin whose block is a fragment, in templates that extend and include others too, and with a digest of the view
 * and all that it extends and includes in the keys:
 *
 *   app.engine('pug', pugFragments(pug))
 *
 *   each row in rows
 *     +fragment('posts/card', post(row), { maxAge: '1h' })
 *       h2= row.title
 *
 * @param options of Pug, for all templates. Default none
 */
export function pugFragments(pug: Pug, options: PugOptions = {}): ViewEngine {
  return viewEngine((path, locals) =>
    pug.renderFile(path, {
      ...locals,
      ...options,
      ...cacheIn(locals),
      plugins: [...(options.plugins ?? []), fragmentMixin()],
      cacheflowView: (
        given: readonly unknown[],
        digest: string,
        exchange: Exchange,
        block: unknown,
      ) => {
        if (!isCall(block)) {
          throw fail('ERR_CACHEFLOW_FRAGMENT', block, `+fragment(${JSON.stringify(given[0])})`, {
            mend: 'Write what it shows as a block below it.',
          })
        }
        const { cacheFragment } = fragmentCalls(locals, digest)
        append(
          cacheFragment(
            ...given,
            captured(() => block(), exchange),
          ),
          exchange,
        )
      },
    }),
  )
}

/** Express asks for it in the locals of each view. */
function cacheIn(locals: object): { cache?: unknown } {
  return 'cache' in locals ? { cache: locals.cache } : {}
}

/** Defines the mixin in one view, in no line of it. */
function fragmentMixin(): object {
  const sources: string[] = []
  return {
    preLex: (source: string): string => {
      sources.push(source)
      return source
    },
    postLoad: (tree: object): object => {
      collectRaw(tree, sources)
      return tree
    },
    preCodeGen: (tree: Tree): Tree => {
      const code = `locals.cacheflowView(given, "${textDigest(sources)}", function (text) { var kept = pug_html; pug_html = text; return kept }, block);`
      tree.nodes.unshift({
        type: 'Mixin',
        name: 'fragment',
        call: false,
        args: '...given',
        attrs: [],
        attributeBlocks: [],
        block: {
          type: 'Block',
          nodes: [{ type: 'Code', val: code, buffer: false, mustEscape: false, isInline: false }],
        },
      })
      return tree
    },
  }
}

/** What is included as it is, a style or a script, is in the text as well. */
function collectRaw(node: unknown, sources: string[]): void {
  if (typeof node !== 'object' || node === null) return
  if ('type' in node && node.type === 'RawInclude' && 'file' in node) {
    const { file } = node
    if (typeof file === 'object' && file !== null && 'str' in file) sources.push(String(file.str))
  }
  const inner: readonly unknown[] = Object.values(node)
  for (const each of inner) collectRaw(each, sources)
}
