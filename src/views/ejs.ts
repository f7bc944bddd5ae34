import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fail } from '../events/errors.ts'
import { type BlockCalls, type Exchange, blockCalls } from './block-capture.ts'
import { type DynamicIncludes, namesFrom } from './dynamic-includes.ts'
import { isCall } from './fragment-calls.ts'
import { type EjsSigns, EjsSyntax } from './ejs-syntax.ts'
import { namesIn, templateDigest } from './template-digest.ts'
import { type ViewEngine, viewEngine } from './view-engine.ts'

/** What is used of EJS 7. */
export interface Ejs extends EjsSigns {
  compile(template: string, options: object): (locals: Record<string, unknown>) => unknown
  resolveInclude(name: string, from: string, isFolder?: boolean): string
  fileLoader(path: string): string | { toString(): string }
}

/** Options of EJS that this engine reads itself; all others go to EJS as they are. */
export interface EjsOptions extends EjsSigns, DynamicIncludes {
  readonly [option: string]: unknown
  /** Where includes are looked for beside the including file. Default: the `views` of the Express application. */
  readonly views?: readonly string[]
  /** Where includes with a leading slash are looked for. Default `/`. */
  readonly root?: string | readonly string[]
  /** Compiled templates are kept. Default: the `view cache` of the Express application. */
  readonly cache?: boolean
}

interface Included {
  readonly filename?: string
  readonly template?: string
}

const computed = /\binclude\s*\(\s*(?!(['"`])(?:(?!\1)[^\\\n$])+\1\s*[,)])/
const includes = /\binclude\s*\(\s*(['"`])((?:(?!\1)[^\\\n$])+)\1/g

/**
 * EJS with fragments as blocks, in included templates too, and with digests of the templates in their keys:
 *
 *   app.engine('ejs', ejsFragments(ejs))
 *
 *   <%- cacheFragment('posts/card', post(row), () => { %>
 *     <h2><%= row.title %></h2>
 *   <% }) %>
 *
 * @param options of EJS, for all templates. Default none
 */
export function ejsFragments(ejs: Ejs, options: EjsOptions = {}): ViewEngine {
  const kept = new Map<string, (locals: Record<string, unknown>) => unknown>()
  return viewEngine((path, locals) => {
    const own = { ...settingsIn(locals), ...options }
    const found = own.cache === true ? kept.get(path) : undefined
    const view = found ?? new EjsTemplates(ejs, own).compile(path)
    if (own.cache === true) kept.set(path, view)
    const cleaned = (error: unknown): never => {
      if (error instanceof Error) error.message = new EjsSyntax(ejs, own).original(error.message)
      throw error
    }
    try {
      const text = view({ ...locals, cacheflowView: bound })
      return typeof text === 'string' ? text : Promise.resolve(text).then(String, cleaned)
    } catch (error) {
      return cleaned(error)
    }
  })
}

/** Gives a template its own calls: every template, included or not, starts with a call of this. */
function bound(locals: object, digest: string, exchange: Exchange): void {
  const calls: BlockCalls = blockCalls(locals, digest, exchange)
  Object.assign(locals, calls)
}

/** What EJS, too, takes from the application's settings. */
function settingsIn(locals: object): EjsOptions {
  if (!('settings' in locals)) return {}
  const { settings } = locals
  if (typeof settings !== 'object' || settings === null) return {}
  const views: unknown = 'views' in settings ? settings.views : undefined
  const isCached = 'view cache' in settings && settings['view cache'] === true
  return { views: textsIn(views), ...(isCached && { cache: true }) }
}

function textsIn(given: unknown): string[] {
  const items: readonly unknown[] = Array.isArray(given) ? given : [given]
  return items.filter((item) => typeof item === 'string')
}

/** The templates of one way to render: their sources with what captures blocks, and their digests. */
class EjsTemplates {
  readonly #ejs: Ejs
  readonly #options: EjsOptions
  readonly #syntax: EjsSyntax
  readonly #prepared = new Map<string, string>()

  constructor(ejs: Ejs, options: EjsOptions) {
    this.#ejs = ejs
    this.#options = options
    this.#syntax = new EjsSyntax(ejs, options)
  }

  compile(path: string): (locals: Record<string, unknown>) => unknown {
    const { includer } = this.#options
    return this.#ejs.compile(this.#prepare(path), {
      ...this.#options,
      filename: path,
      includer: (name: string, resolved: string | undefined): Included => {
        const given: unknown = isCall(includer) ? includer(name, resolved) : undefined
        return this.#included(name, resolved, isIncluded(given) ? given : {})
      },
    })
  }

  #included(name: string, resolved: string | undefined, given: Included): Included {
    const filename = given.filename ?? resolved
    if (given.template !== undefined) {
      const template = this.#syntax.prepared(given.template, this.#digest(filename, given.template))
      return filename === undefined ? { template } : { filename, template }
    }
    if (filename === undefined) {
      // With an includer EJS leaves it to that to complain.
      throw new Error(`Could not find the include file "${name}"`)
    }
    return { filename, template: this.#prepare(filename) }
  }

  #prepare(path: string): string {
    const found = this.#prepared.get(path)
    if (found !== undefined) return found
    const source = this.#read(path)
    const prepared = this.#syntax.prepared(source, this.#digest(path, source))
    this.#prepared.set(path, prepared)
    return prepared
  }

  #digest(path: string | undefined, source: string): string {
    const at = path ?? ''
    return templateDigest(at, {
      read: (other) => (other === at ? source : this.#read(other)),
      linked: (from, text) =>
        namesIn(text, includes).flatMap((name) => this.#resolve(name, from) ?? []),
      computes: (_from, text) => computed.test(text),
      dynamic: (from) => this.#dynamic(from),
    })
  }

  #dynamic(from: string): string[] | undefined {
    const { dynamic, views } = this.#options
    if (dynamic === undefined) return undefined
    const names = namesFrom(dynamic, [dirname(from), ...textsIn(views)])
    return names.flatMap((name) => this.#resolve(name, from) ?? [])
  }

  #read(path: string): string {
    return this.#ejs
      .fileLoader(path)
      .toString()
      .replace(/^\uFEFF/, '')
  }

  /** As EJS finds it; undefined when there is no such file. */
  #resolve(name: string, from: string): string | undefined {
    const { root, views } = this.#options
    const isRooted = /^[A-Za-z]+:\\|^\//.test(name)
    const inner = isRooted ? name.replace(/^\/*/, '') : name
    const folders = isRooted ? (root === undefined ? ['/'] : textsIn(root)) : textsIn(views)
    const beside = isRooted || from === '' ? [] : [this.#ejs.resolveInclude(name, from)]
    const places = [
      ...beside,
      ...folders.map((folder) => this.#ejs.resolveInclude(inner, folder, true)),
    ]
    return places.find((place) => existsSync(place))
  }
}

function isIncluded(given: unknown): given is Included {
  if (given === undefined || given === null || given === false) return false
  if (typeof given === 'object') return true
  throw fail('ERR_CACHEFLOW_OPTION', given, 'the result of includer of ejsFragments()', {
    mend: 'An includer gives { filename } or { template }, or nothing.',
  })
}
