import type { Directive } from './cache-directive.ts'
import { readDirectives } from './cache-directive.ts'
import { type CacheControl, cacheControlOf } from './cache-control.ts'
import { fieldValue, type HeaderFields } from './header-fields.ts'
import { type BareItem, parseDictionary } from './structured-field.ts'
import { isToken } from './token.ts'

/**
 * The policy of the first field on the list that is present, valid and not empty (RFC 9213 §2.2), or
 * undefined when there is none and `Cache-Control` and `Expires` decide. It replaces both wholly.
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
  for (const target of targets) {
    const value = fieldValue(fields, target)
    if (value === undefined) continue
    const list =
      target.toLowerCase() === SURROGATE_CONTROL ? surrogateDirectives(value) : directives(value)
    if (list.length > 0) return cacheControlOf(list)
  }
  return undefined
}

/**
 * The field with which an origin speaks to a surrogate alone (Edge Architecture Specification). A cache
 * that obeys it removes it, unless there is another surrogate between it and the client.
 */
const SURROGATE_CONTROL = 'surrogate-control'

/** The name a directive of Surrogate-Control must be addressed to, if it is addressed at all. */
const OURSELVES = 'cacheflow'

function directives(value: string): Directive[] {
  const list: Directive[] = []
  for (const [name, item] of parseDictionary(value) ?? []) list.push(directive(name, item))
  return list
}

/** RFC 9213 §2.1 says which type stands for which form of argument. Another type is malformed. */
function directive(name: string, item: BareItem): Directive {
  if (item.type === 'boolean') {
    // `no-store=?0` is no directive of ours, and the field is still not empty.
    return { name: item.value ? name : `${name}=?0`, argument: undefined, wellFormed: item.value }
  }
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
    if (name === undefined || (address !== undefined && address.toLowerCase() !== OURSELVES))
      continue
    const wellFormed = spelled.wellFormed || (address !== undefined && isToken(argument ?? name))
    const [fresh, stale] = name === 'max-age' ? (argument ?? '').split('+', 2) : [argument]
    list.push({ name, argument: fresh, wellFormed })
    if (stale !== undefined) {
      list.push({ name: 'stale-while-revalidate', argument: stale, wellFormed })
    }
  }
  return list
}

function addressed(part: string | undefined): [string | undefined, string | undefined] {
  const semicolon = part?.indexOf(';') ?? -1
  if (part === undefined || semicolon < 0) return [part, undefined]
  return [part.slice(0, semicolon).trim(), part.slice(semicolon + 1).trim()]
}
