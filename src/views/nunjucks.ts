import { fail } from '../events/errors.ts'
import { engineFragments } from './engine.ts'
import { type DynamicIncludes, namesFrom } from './dynamic-includes.ts'
import { fragmentCalls, isCall } from './fragment-calls.ts'
import { namesIn, templateDigest, textDigest } from './template-digest.ts'

/** What is used of a Nunjucks 3 environment. */
export interface NunjucksEnvironment {
  addExtension(name: string, extension: object): unknown
  getTemplate(name: string, eagerCompile?: boolean): object
  readonly loaders?: readonly object[]
  render(
    name: string,
    context?: object,
    done?: (error: never, html: string | null) => void,
  ): unknown
}

interface Token {
  readonly value: string
  readonly lineno: number
  readonly colno: number
}

interface ArgumentList {
  readonly children: unknown[]
}

interface Parser {
  readonly tokens: { readonly str: string }
  nextToken(): Token
  parseSignature(tolerant: null, noParentheses: true): ArgumentList
  advanceAfterBlockEnd(name?: string): void
  parseUntilBlocks(name: string): object
}

interface Nodes {
  readonly CallExtension: new (
    extension: object,
    method: string,
    args: ArgumentList,
    contents: readonly object[],
  ) => object
  readonly Literal: new (line: number, column: number, value: string) => object
}

interface Context {
  getVariables(): object
}

type Contents = (done: (error: unknown, text?: string) => void) => void

/** A relative name counts: a tag does not know the file that it stands in. */
const computed =
  /\{%-?\s*(?:include|extends|import|from)\s+(?!(['"])(?!\.)[^'"]+\1\s*(?:-?%\}|(?:ignore|as|import|with|without|only)\b))/
const links = /\{%-?\s*(?:include|extends|import|from)\s+(['"])([^'"]+)\1/g

/**
 * Gives an environment a tag for fragments, and puts the digests of the templates into the keys:
 *
 *   nunjucksFragments(nunjucks.configure('views', { autoescape: true, express: app }))
 *
 *   {% for row in rows %}
 *     {% fragment 'posts/card', post(row), maxAge='1h' %}<h2>{{ row.title }}</h2>{% endfragment %}
 *   {% endfor %}
 *
 * @param options `dynamic`: what templates include by computed names
 */
export function nunjucksFragments(
  environment: NunjucksEnvironment,
  { dynamic }: DynamicIncludes = {},
): void {
  /** What a template includes may change while it is itself kept: it is looked at once in each of its renders. */
  const digests = new WeakMap<Context, Map<string, string>>()
  const digestIn = (context: Context, own: string, linked: string): string => {
    if (linked === '') return own
    const known = digests.get(context) ?? new Map<string, string>()
    digests.set(context, known)
    const digest = known.get(own) ?? digestOf(environment, own, linked.split('\n'), dynamic)
    known.set(own, digest)
    return digest
  }
  const extension = {
    tags: ['fragment'],
    // What it gives is HTML already.
    autoescape: false,
    parse: (parser: Parser, nodes: Nodes): object => {
      const { value, lineno, colno } = parser.nextToken()
      const args = parser.parseSignature(null, true)
      const source = parser.tokens.str
      args.children.unshift(
        new nodes.Literal(lineno, colno, textDigest([source])),
        new nodes.Literal(
          lineno,
          colno,
          [...linkedIn(source), ...(computed.test(source) ? [any] : [])].join('\n'),
        ),
      )
      parser.advanceAfterBlockEnd(value)
      const contents = parser.parseUntilBlocks('endfragment')
      parser.advanceAfterBlockEnd()
      return new nodes.CallExtension(extension, 'show', args, [contents])
    },
    show: (
      context: Context,
      own: string,
      linked: string,
      ...given: readonly unknown[]
    ): unknown => {
      const contents = given.at(-1)
      const last = given.at(-2)
      const options = isKeywords(last) ? optionsOf(last) : undefined
      const [name, ...subjects] = given.slice(0, options ? -2 : -1)
      const { cacheFragment } = fragmentCalls(
        context.getVariables(),
        digestIn(context, own, linked),
      )
      const madeOf =
        subjects.length === 1 ? subjects[0] : subjects.length === 0 ? undefined : subjects
      return cacheFragment(name, madeOf, options, () => textOf(name, contents))
    },
  }
  environment.addExtension('cacheflow fragment', extension)
  takeTogether(environment)
}

/** Where a view is told when it is ready, as Express asks for it, its fragments are read together before. */
function takeTogether(environment: NunjucksEnvironment): void {
  const render = environment.render.bind(environment)
  const engine = engineFragments((name, locals, done) =>
    render(name, locals, (error, html) => done(error, html ?? undefined)),
  )
  environment.render = (name, context, done) => {
    const isTold = isCall(done) && typeof name === 'string' && typeof context === 'object'
    if (!isTold) return render(name, context, done)
    return engine(name, context, (error, html) => done(error, html ?? null))
  }
}

interface Keywords {
  readonly __keywords: true
}

function isKeywords(given: unknown): given is Keywords {
  return typeof given === 'object' && given !== null && '__keywords' in given
}

function optionsOf({ __keywords, ...options }: Keywords): object {
  return options
}

/** A body runs at once, or not in this page: what comes later would see the loop at its end. */
function textOf(name: unknown, contents: unknown): string {
  const found: { error?: unknown; text?: string } = {}
  if (isContents(contents)) {
    contents((error, text) => {
      if (error !== null && error !== undefined) found.error = error
      else if (text !== undefined) found.text = text
    })
  }
  if (found.error instanceof Error) throw found.error
  if (found.error !== undefined)
    throw new Error('the body of a fragment failed', { cause: found.error })
  if (found.text !== undefined) return found.text
  throw fail('ERR_CACHEFLOW_FRAGMENT', contents, `{% fragment ${JSON.stringify(name)} %}`, {
    mend: 'Nothing in it may be asynchronous: no asyncEach, asyncAll, asynchronous filter or loader. Load what it shows before.',
  })
}

function isContents(given: unknown): given is Contents {
  return isCall(given)
}

/** The names in a template; a relative one is told from the file that it stands in, which a tag does not know. */
function linkedIn(source: string): string[] {
  return namesIn(source, links).filter((name) => !name.startsWith('.'))
}

/** Stands among names for one that is computed. */
const any = '*'

/** @param own the digest of the template itself */
function digestOf(
  environment: NunjucksEnvironment,
  own: string,
  names: readonly string[],
  dynamic: readonly string[] | undefined,
): string {
  return templateDigest('', {
    read: (name) => (name === '' ? own : sourceOf(environment, name)),
    linked: (name, text) => (name === '' ? names.filter((each) => each !== any) : linkedIn(text)),
    computes: (name, text) => (name === '' ? names.includes(any) : computed.test(text)),
    dynamic: () => dynamic && namesFrom(dynamic, foldersOf(environment)),
  })
}

function foldersOf({ loaders = [] }: NunjucksEnvironment): string[] {
  const folders = loaders.flatMap((loader): unknown =>
    'searchPaths' in loader ? loader.searchPaths : [],
  )
  return folders.filter((folder) => typeof folder === 'string')
}

function sourceOf(environment: NunjucksEnvironment, name: string): string | undefined {
  try {
    const template = environment.getTemplate(name)
    return 'tmplStr' in template && typeof template.tmplStr === 'string'
      ? template.tmplStr
      : undefined
  } catch {
    // Rendering will tell it, with the error of Nunjucks itself.
    return undefined
  }
}
