import { type DynamicIncludes, namesFrom } from './dynamic-includes.ts'
import { fragmentCalls } from './fragment-calls.ts'
import { namesIn, templateDigest } from './template-digest.ts'
import { type ViewEngine, viewEngine } from './view-engine.ts'

/** What is used of a LiquidJS 10. */
export interface Liquid {
  readonly options: {
    readonly root: readonly string[]
    readonly partials: readonly string[]
    readonly layouts: readonly string[]
    readonly extname: string
    readonly fs: LiquidFiles
  }
  registerTag(name: string, tag: object): void
  renderFile(path: string, scope?: object, options?: object): Promise<unknown>
}

/** Where a LiquidJS reads its templates. */
export interface LiquidFiles {
  resolve(folder: string, file: string, extension: string): string
  existsSync?(path: string): boolean
  readFileSync?(path: string): string
}

interface TagToken {
  readonly args: string
  readonly input: string
  getText(): string
}

interface Context {
  readonly sync: boolean
  readonly environments: object
  readonly globals: object
}

/** A tag being parsed or rendered, as LiquidJS calls it. */
interface Tag {
  liquid: LiquidRenderer
  digest: string
  given: Arguments
  templates: unknown[]
}

interface LiquidRenderer {
  readonly parser: {
    parseStream(tokens: unknown[]): ParseStream
  }
  evalValue(expression: string, context: Context): Promise<unknown>
  evalValueSync(expression: string, context: Context): unknown
  render(templates: unknown[], context: Context): Promise<unknown>
  renderSync(templates: unknown[], context: Context): unknown
}

interface ParseStream {
  on(event: string, heard: (given: unknown) => void): ParseStream
  start(): void
  stop(): void
}

/** Expressions, as they stand in the tag. */
interface Arguments {
  readonly plain: readonly string[]
  readonly named: readonly (readonly [string, string])[]
}

const computed = /\{%-?\s*(?:render|include|layout)\s+(?!(['"])[^'"]+\1|none\b)/
const links = /\{%-?\s*(?:render|include|layout)\s+(['"])([^'"]+)\1/g

/**
 * Gives a LiquidJS a tag for fragments, puts the digests of the templates into the keys, and renders files so that the tag works
 * in `{% render %}`, too, which sees nothing of what is around it:
 *
 *   app.engine('liquid', liquidFragments(new Liquid({ root: 'views', extname: '.liquid' })))
 *
 *   {% for row in rows %}
 *     {% fragment "posts/card", row | post, maxAge: "1h" %}<h2>{{ row.title }}</h2>{% endfragment %}
 *   {% endfor %}
 *
 * @param options `dynamic`: what templates include by computed names
 */
export function liquidFragments(liquid: Liquid, { dynamic }: DynamicIncludes = {}): ViewEngine {
  liquid.registerTag('fragment', {
    parse(this: Tag, token: TagToken, rest: unknown[]) {
      this.given = argumentsIn(token.args)
      this.digest = digestOf(liquid, token.input, dynamic)
      this.templates = []
      const stream = this.liquid.parser
        .parseStream(rest)
        .on('tag:endfragment', () => {
          stream.stop()
        })
        .on('template', (template) => {
          this.templates.push(template)
        })
        .on('end', () => {
          throw new Error(`tag ${token.getText()} not closed`)
        })
      stream.start()
    },
    *render(this: Tag, context: Context): Generator<unknown, unknown, unknown> {
      const { digest, given, templates } = this
      const value = (expression: string): unknown =>
        context.sync
          ? this.liquid.evalValueSync(expression, context)
          : this.liquid.evalValue(expression, context)
      const plain: unknown[] = []
      for (const expression of given.plain) plain.push(yield value(expression))
      const options: Record<string, unknown> = {}
      for (const [name, expression] of given.named) options[name] = yield value(expression)
      const [name, ...subjects] = plain
      const madeOf =
        subjects.length === 1 ? subjects[0] : subjects.length === 0 ? undefined : subjects
      const locals =
        'cacheFragment' in context.environments ? context.environments : context.globals
      const { cacheFragment } = fragmentCalls(locals, digest)
      return yield cacheFragment(name, madeOf, options, () =>
        context.sync
          ? this.liquid.renderSync(templates, context)
          : this.liquid.render(templates, context),
      )
    },
  })
  return viewEngine(async (path, locals) => {
    const { cacheFragment, cacheFragments } = fragmentCalls(locals, undefined)
    const text = await liquid.renderFile(path, locals, {
      globals: { cacheFragment, cacheFragments },
    })
    return String(text)
  })
}

/** Parts between commas; a comma in quotes parts nothing. */
const part = /(?:"[^"]*"|'[^']*'|[^,"'])+/g
const named = /^\s*([\w-]+)\s*:\s*([^]*)$/

function argumentsIn(text: string): Arguments {
  const parts = Array.from(text.matchAll(part), ([each]) => each.trim()).filter(Boolean)
  const options = parts.flatMap((each) => {
    const [, name, expression] = named.exec(each) ?? []
    return name === undefined || expression === undefined ? [] : [[name, expression] as const]
  })
  return { plain: parts.filter((each) => !named.test(each)), named: options }
}

function digestOf(liquid: Liquid, source: string, dynamic: readonly string[] | undefined): string {
  const { fs, root, partials, layouts, extname } = liquid.options
  const folders = new Set([...partials, ...layouts, ...root])
  const resolved = (name: string): string | readonly string[] => {
    const places = [...folders].map((folder) => fs.resolve(folder, name, extname))
    return places.find((place) => fs.existsSync?.(place)) ?? []
  }
  return templateDigest('', {
    read: (path) => (path === '' ? source : fs.readFileSync?.(path)),
    linked: (_path, text) => namesIn(text, links).flatMap(resolved),
    computes: (_path, text) => computed.test(text),
    dynamic: () => dynamic && namesFrom(dynamic, [...folders]).flatMap(resolved),
  })
}
