import type { RequestHeaders } from '../http/header-fields.ts'

/** Inputs that are in the key of every page, as fragments name them: no field has such a name. */
export type PageInput = ':host' | ':url' | ':method'

/** The words that stand for them in the `vary` of a fragment. */
export const pageInputs: ReadonlyMap<string, PageInput> = new Map([
  ['host', ':host'],
  ['url', ':url'],
  ['method', ':method'],
])

const pageFields: Readonly<Record<string, PageInput>> = {
  host: ':host',
  ':authority': ':host',
  ':scheme': ':host',
  ':path': ':url',
  ':method': ':method',
}

/** The page input that a field tells. */
export function pageInputOf(name: string): PageInput | undefined {
  return Object.hasOwn(pageFields, name) ? pageFields[name] : undefined
}

/** What of a request they are made from. */
interface Keyed {
  readonly origin: string
  readonly target: string
  readonly method: string
  readonly headers: RequestHeaders
}

/** The value of such an input; undefined for every other name. */
export function pageInputValue(
  { origin, headers, target, method }: Keyed,
  name: string,
): string | undefined {
  if (name === ':method') return method
  if (name !== ':host' && name !== ':url') return undefined
  // Behind a proxy the fields and the host that the application is told of are several things.
  const field = String(headers['host'] ?? headers[':authority'] ?? '')
  let host = origin.endsWith(`//${field}`) ? origin : `${origin} ${field}`
  for (const each of forwarded) {
    const value = headers[each]
    if (value !== undefined) host += ` ${each}=${String(value)}`
  }
  return name === ':host' ? host : `${host} ${target}`
}

/** Fields from which frameworks make host and scheme, where they trust the proxy; pages vary by them. */
const forwarded = ['x-forwarded-host', 'x-forwarded-proto']

export function isPageInput(name: string): boolean {
  return name === ':host' || name === ':url' || name === ':method'
}

/** How the `vary` of a fragment names an input. */
export function wordOf(name: string): string {
  if (forwarded.includes(name)) return 'host'
  return isPageInput(name) ? name.slice(1) : name
}

/** Does a key that has these inputs tell this one? The whole URL tells its host. */
export function tells(inputs: readonly string[], name: string): boolean {
  if (inputs.includes(name) || (name === ':host' && inputs.includes(':url'))) return true
  return forwarded.includes(name) && tells(inputs, ':host')
}
