import type { Directive } from './cache-directive.ts'
import { readDirectives } from './cache-directive.ts'
import { type CacheControl, cacheControlOf } from './cache-control.ts'
import { fieldLines, fieldValue, type HeaderFields } from './header-fields.ts'
import { restrictionsIn } from './restriction.ts'
import { type BareItem, parseDictionary } from './structured-field.ts'
import { isToken } from '../values/token.ts'

/**
 * The policy of the first field on the list that is present and says anything of storing (RFC 9213 §2.2), or undefined when there is
 * none and `Cache-Control` and `Expires` decide.
 *
 * With a lifetime above zero it replaces both wholly. A field without one grants nothing: it adds what restricts to what
 * `Cache-Control` says, so that `content="ESI/1.0"` or a word that nobody knows never lifts a `private`. What restricts counts even
 * where the field breaks its grammar.
 *
 * `Surrogate-Control` on the list is read by its own, older grammar: `max-age=3600+600` is ten minutes
 * of stale-while-revalidate after an hour, and directives addressed to another surrogate
 * (`max-age=60;squid`) are passed over.
 *
 * @param targets field names in any case, the most applicable first
 */
export function targetedCacheControl(
  fields: HeaderFields,
  targets: readonly string[],
): CacheControl | undefined {
  // Fields that break their grammar.
  const misspelled: Directive[] = []
  for (const target of targets) {
    const value = fieldValue(fields, target)
    if (value === undefined) continue
    const isSurrogate = target.toLowerCase() === SURROGATE_CONTROL
    const list = isSurrogate ? surrogateDirectives(value) : directives(value)
    if (list === undefined) {
      misspelled.push({ name: value, argument: undefined, wellFormed: false })
      continue
    }
    const spoken = [...misspelled, ...list]
    const control = cacheControlOf(spoken)
    if (isGrant(control)) return control
    if (list.length > 0 && saysSomething(control)) {
      return cacheControlOf([...spoken, ...untargeted(fields, control)])
    }
  }
  if (misspelled.length === 0) return undefined
  return cacheControlOf([...misspelled, ...readDirectives(fieldLines(fields, 'cache-control'))])
}

/** Only a lifetime above zero is a grant. */
function isGrant({ sMaxage, maxAge }: CacheControl): boolean {
  return (sMaxage ?? maxAge ?? 0) > 0
}

function saysSomething(control: CacheControl): boolean {
  return (
    control.maxAge !== undefined ||
    control.sMaxage !== undefined ||
    control.ceiling !== undefined ||
    control.noStore ||
    control.noCache ||
    control.private ||
    control.mustRevalidate ||
    control.proxyRevalidate ||
    control.staleWhileRevalidate !== undefined ||
    control.staleIfError !== undefined
  )
}

/** What Cache-Control says beside a field that grants nothing; a lifetime of that field is the only one. */
function untargeted(fields: HeaderFields, { maxAge, sMaxage }: CacheControl): Directive[] {
  const list = readDirectives(fieldLines(fields, 'cache-control'))
  if (maxAge === undefined && sMaxage === undefined) return list
  return list.filter(({ name }) => name !== 'max-age' && name !== 's-maxage')
}

/**
 * The field with which an origin speaks to a surrogate alone (Edge Architecture Specification). A cache
 * that obeys it removes it, unless there is another surrogate between it and the client.
 */
const SURROGATE_CONTROL = 'surrogate-control'

/** The name a directive of Surrogate-Control must be addressed to, if it is addressed at all. */
const OURSELVES = 'cacheflow'

/** Does the field speak to a surrogate in front, which must hear of it: an ESI processor, or one by name? */
export function speaksBeyond(surrogateControl: string): boolean {
  return readDirectives(surrogateControl).some(({ name, argument }) => {
    const address = addressed(argument)[1] ?? addressed(name)[1]
    return (
      name.startsWith('content') || (address !== undefined && address.toLowerCase() !== OURSELVES)
    )
  })
}

function directives(value: string): Directive[] | undefined {
  const dictionary = parseDictionary(value)
  if (dictionary === undefined) return undefined
  // `no-store=?0` is no directive of ours.
  const members = [...dictionary].filter(([, item]) => item.type !== 'boolean' || item.value)
  const list = members.map(([name, item]) => directive(name, item))
  // A parameter means nothing, and `max-age=60; private` is no wish to share.
  const parameters = value.split(';').slice(1)
  return [...list, ...restrictionsIn(parameters.map((text) => beforeMember(text)).join(';'))]
}

/** RFC 9213 §2.1 says which type stands for which form of argument. Another type is malformed. */
function directive(name: string, item: BareItem): Directive {
  if (item.type === 'boolean') return { name, argument: undefined, wellFormed: true }
  if (item.type === 'integer') return { name, argument: String(item.value), wellFormed: true }
  const scoped = name === 'no-cache' || name === 'private'
  if (item.type === 'string' || item.type === 'token') {
    return { name, argument: item.value, wellFormed: scoped }
  }
  return { name, argument: '', wellFormed: false }
}

function surrogateDirectives(value: string): Directive[] {
  const list: Directive[] = []
  for (const spelled of readDirectives(value)) {
    // Directives with an address do not fit the grammar of Cache-Control, so it rests in either part.
    const [name, nameAddress] = addressed(spelled.name)
    const [argument, argumentAddress] = addressed(spelled.argument)
    const address = argumentAddress ?? nameAddress
    if (name === undefined) continue
    if (address !== undefined && address.toLowerCase() !== OURSELVES) {
      // Another surrogate's name, unless it is another directive: `private; max-age=0`.
      if (!isToken(address) || directiveNames.has(address.toLowerCase()))
        list.push(unreadable(spelled))
      continue
    }
    const wellFormed = spelled.wellFormed || (address !== undefined && isToken(argument ?? name))
    const [fresh, stale] = name === 'max-age' ? (argument ?? '').split('+', 2) : [argument]
    list.push({ name, argument: fresh, wellFormed })
    if (stale !== undefined) {
      list.push({ name: 'stale-while-revalidate', argument: stale, wellFormed })
    }
  }
  return list
}

/** What stands behind a semicolon where a comma was meant. */
const directiveNames: ReadonlySet<string> = new Set([
  'content',
  'max-age',
  'must-revalidate',
  'no-cache',
  'no-store',
  'no-store-remote',
  'private',
  'proxy-revalidate',
  'public',
  's-maxage',
])

function unreadable({ name, argument = '' }: Directive): Directive {
  return { name: `${name}=${argument}`, argument: undefined, wellFormed: false }
}

function addressed(part: string | undefined): [string | undefined, string | undefined] {
  const semicolon = part?.indexOf(';') ?? -1
  if (part === undefined || semicolon < 0) return [part, undefined]
  return [part.slice(0, semicolon).trim(), part.slice(semicolon + 1).trim()]
}

/** The parameter that a text begins with; a comma or a quoted text ends it. */
function beforeMember(text: string): string {
  const comma = text.indexOf(',')
  const parameter = comma < 0 ? text : text.slice(0, comma)
  const quote = parameter.indexOf('"')
  return quote < 0 ? parameter : parameter.slice(0, quote)
}
