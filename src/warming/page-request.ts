import type { RouteParams } from '../invalidation/dependency.ts'
import { originOf } from '../http/origin.ts'
import { isRequestField } from '../http/request-field.ts'

/** One page of a route, or one URL, as a warmer is told of it. */
export interface WarmPage {
  /** A path with its query, or a whole URL: instead of `params`. */
  readonly url?: string
  /** The parameters of the route's pattern; what is left out has to be optional there. */
  readonly params?: RouteParams
  /** Parameters behind the question mark, in this order. */
  readonly query?: Readonly<
    Record<string, string | number | boolean | readonly (string | number | boolean)[]>
  >
  /** Header fields that select a variant: `{ 'accept-language': 'de' }`. */
  readonly headers?: Readonly<Record<string, string>>
}

/** A page; a path or URL alone; or the one parameter that the route has. */
export type WarmEntry = WarmPage | string | number

/** A request that a warmer makes. */
export interface WarmRequest {
  /** `https://shop.example`, where the entry says so. */
  readonly origin: string | undefined
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
}

/** Why an entry stands for no request. */
class WarmEntryError extends Error {
  override readonly name = 'WarmEntryError'
}

/**
 * The request of an entry.
 *
 * @param pattern the pattern of the route that it was given to, where there is one
 * @throws WarmEntryError
 */
export function warmRequest(entry: WarmEntry, pattern: string | undefined): WarmRequest {
  const page = typeof entry === 'object' && entry !== null ? entry : pageOf(entry, pattern)
  const { url, params, query = {}, headers = {} } = page
  const path: unknown = url ?? filled(pattern, params ?? {})
  if (typeof path !== 'string') throw new WarmEntryError('the url of a page is a text')
  const [whole, site = '', rest] = /^(https?:\/\/[^/?#\\]*)([^#]*)/i.exec(path) ?? []
  const target = asSent((whole === undefined ? path : (rest ?? '')).split('#', 1)[0] ?? '')
  if (whole === undefined && !target.startsWith('/')) {
    throw new WarmEntryError(`${path} is neither a path nor an http URL`)
  }
  const origin = originOf(site)
  // It may have a password, which is told to nobody.
  if (whole !== undefined && origin === undefined) {
    throw new WarmEntryError(`the URL of a page has no plain host: …${target}`)
  }
  return {
    origin,
    target: withQuery(target.startsWith('/') ? target : `/${target}`, query),
    headers: fieldsOf(headers),
  }
}

const unknown =
  'the pattern of its route is unknown: give paths, or the application itself to warm()'

function pageOf(entry: unknown, pattern: string | undefined): WarmPage {
  if (typeof entry === 'string' && /^(?:\/|https?:\/\/)/i.test(entry)) return { url: entry }
  if (typeof entry !== 'string' && typeof entry !== 'number') {
    throw new WarmEntryError(`${String(entry)} is no page`)
  }
  if (pattern === undefined) throw new WarmEntryError(`${entry} is no path, and ${unknown}`)
  const [name, ...others] = namesIn(pattern)
  if (name === undefined || others.length > 0) {
    throw new WarmEntryError(`${entry} is no path, and ${pattern} has not exactly one parameter`)
  }
  return { params: { [name]: entry } }
}

const piece =
  /\\(?<escaped>.)|:(?<name>[A-Za-z_$][\w$]*)(?:\((?<rule>(?:\\.|[^()\\]|\([^()]*\))*)\))?(?<modifier>[?*+])?|\*(?<rest>[A-Za-z_$][\w$]*)?|(?<open>\{)|(?<close>\}\??)|(?<text>[^\\:*{}]+|:)/gsu

function namesIn(pattern: string): string[] {
  return [...pattern.matchAll(piece)].flatMap(
    ({ groups = {} }) => groups['name'] ?? groups['rest'] ?? [],
  )
}

/**
 * The path of a pattern with its parameters: those of Express 4 and 5 and of @koa/router, with optional parts and wildcards.
 *
 *   /posts/:id{/:page}   { id: 7 }   ->   /posts/7
 */
function filled(pattern: string | undefined, params: RouteParams): string {
  if (pattern === undefined) {
    throw new WarmEntryError(unknown)
  }
  if (!pattern.startsWith('/')) {
    throw new WarmEntryError(`the route ${pattern} is no pattern with parameters: give paths`)
  }
  /** From the outermost group inwards: what it has come to, and whether a parameter was missing in it. */
  const groups: { text: string; missing: string | undefined }[] = [{ text: '', missing: undefined }]
  let bare = 0
  for (const { groups: found = {} } of pattern.matchAll(piece)) {
    const group = groups.at(-1)
    if (group === undefined) break
    const { escaped, name, modifier, open, close, text } = found
    if (escaped !== undefined || text !== undefined) group.text += escaped ?? text
    else if (open !== undefined) groups.push({ text: '', missing: undefined })
    else if (close !== undefined) {
      groups.pop()
      const outer = groups.at(-1)
      if (outer && group.missing === undefined) outer.text += group.text
    } else {
      const key = name ?? found['rest'] ?? String(bare++)
      const value = segments(params[key])
      if (value !== undefined) group.text += value
      else if (modifier === '?' || modifier === '*') group.text = group.text.replace(/\/$/, '')
      else group.missing = key
    }
  }
  const [whole] = groups
  if (whole?.missing !== undefined) {
    throw new WarmEntryError(`the parameter ${whole.missing} of ${pattern} is missing`)
  }
  return whole?.text === '' || whole === undefined ? '/' : whole.text
}

function segments(value: RouteParams[string] | null | undefined): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  return typeof value === 'object' ? value.map(encode).join('/') : encode(value)
}

function encode(value: string | number): string {
  return encodeURIComponent(value)
}

function withQuery(target: string, query: NonNullable<WarmPage['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (typeof value === 'object' ? value : [value]).map(
      (each) => `${encodeURIComponent(name)}=${encodeURIComponent(each)}`,
    ),
  )
  if (pairs.length === 0) return target
  return `${target}${target.includes('?') ? '&' : '?'}${pairs.join('&')}`
}

/** What people write with spaces and umlauts, clients send encoded. */
function asSent(target: string): string {
  return target.replaceAll(/[^!-~]+/g, (part) =>
    encodeURIComponent(part.replaceAll(/\p{Surrogate}/gu, '\uFFFD')),
  )
}

function fieldsOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      if (isRequestField(name, value)) return [name.toLowerCase(), value]
      throw new WarmEntryError(`the header field ${JSON.stringify(name)} cannot be sent`)
    }),
  )
}
