import type { ServerResponse } from 'node:http'
import type { ResponseHead } from '../../response/exchange-facts.ts'
import { type HeaderFields, withoutFields } from '../../http/header-fields.ts'
import { notModifiedFields } from '../../http/validation.ts'

/** Fields as they stood at one moment, by their names in lower case, to tell later who set what. */
export type HeaderSnapshot = ReadonlyMap<string, ExistingFields>

interface ExistingFields {
  readonly name: string
  readonly lines: readonly string[]
  /** As it was set: Node takes whatever has a text, and sends that. */
  readonly value: FieldValue
}

type FieldValue = number | string | string[]

const nothing: HeaderSnapshot = new Map()

export function snapshot(response: ServerResponse): HeaderSnapshot {
  const names = rawNames(response)
  if (names.length === 0) return nothing
  const fields = new Map<string, ExistingFields>()
  for (const name of names) {
    const given = response.getHeader(name)
    if (given === undefined) continue
    const value = Array.isArray(given) ? [...given] : given
    fields.set(name.toLowerCase(), { name, value, lines: linesOf(value) })
  }
  return fields
}

/** What stands on the response now, and what of it was set since the snapshot. */
export function changesSince(
  response: ServerResponse,
  before: HeaderSnapshot,
): Pick<ResponseHead, 'fields' | 'all' | 'added' | 'removed'> {
  const all: string[] = []
  const fields: string[] = before.size === 0 ? all : []
  const added: string[] = []
  for (const name of rawNames(response)) {
    const value = response.getHeader(name)
    if (value === undefined) continue
    for (const line of linesOf(value)) all.push(name, line)
    if (before.size === 0) continue
    const lowerCase = name.toLowerCase()
    const existing = before.get(lowerCase)
    const { lines, isAdded } = linesSince(lowerCase, value, existing)
    for (const line of lines) fields.push(name, line)
    if (isAdded) added.push(lowerCase)
  }
  const removed = [...before.keys()].filter((name) => !response.hasHeader(name))
  return { fields, all, added, removed }
}

/** Lists that applications lengthen within one line: Express's `links()` does. */
const joined: ReadonlySet<string> = new Set(['link', 'server-timing', 'cache-status'])

/** The lines of a field that were set since: beside those of outer layers, or instead of them. */
function linesSince(
  name: string,
  value: FieldValue,
  existing: ExistingFields | undefined,
): { readonly lines: readonly string[]; readonly isAdded: boolean } {
  const lines = linesOf(value)
  if (existing === undefined) return { lines, isAdded: false }
  if (String(value) === String(existing.value)) return { lines: [], isAdded: false }
  const outer = [...existing.lines]
  const [only] = lines
  if (only !== undefined && lines.length === 1 && joined.has(name)) {
    const start = `${outer.join(', ')}, `
    return only.startsWith(start)
      ? { lines: [only.slice(start.length)], isAdded: true }
      : { lines, isAdded: false }
  }
  const own = lines.filter((line) => {
    const at = outer.indexOf(line)
    if (at >= 0) outer.splice(at, 1)
    return at < 0
  })
  return { lines: own, isAdded: own.length < lines.length }
}

function linesOf(value: FieldValue): string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)]
}

// The HTTP/2 response has no names as written: there all names are lower case (RFC 9113 §8.2.1).
function rawNames(response: ServerResponse): string[] {
  // Stand-ins of test tools keep the headers themselves, and Node's own list knows none of them.
  if (Object.hasOwn(response, 'getHeaderNames')) return response.getHeaderNames()
  const asWritten = response as { getRawHeaderNames?: () => string[] }
  return asWritten.getRawHeaderNames?.() ?? response.getHeaderNames()
}

/** Takes back what was set since the snapshot; what stood then stands again. */
export function restore(response: ServerResponse, before: HeaderSnapshot): void {
  for (const name of response.getHeaderNames()) {
    if (!before.has(name)) response.removeHeader(name)
  }
  for (const { name, value } of before.values()) {
    if (String(response.getHeader(name)) !== String(value)) response.setHeader(name, value)
  }
}

/** Takes away what a 304 does not carry (RFC 9110 §15.4.5). */
export function removeRepresentationFields(response: ServerResponse): void {
  const { all } = changesSince(response, nothing)
  const kept = notModifiedFields(all)
  const names = new Set(kept.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()))
  const dropped = withoutFields(all, names)
  for (let i = 0; i < dropped.length; i += 2) response.removeHeader(dropped[i] ?? '')
}

/** Sets a field over what stands there; Vary only ever grows, for outer layers have their own reasons to vary. */
export function setField(response: ServerResponse, name: string, value: string): void {
  const isVary = name.length === 4 && name.toLowerCase() === 'vary'
  const existing = isVary ? response.getHeader(name) : undefined
  response.setHeader(name, existing === undefined ? value : union(String(existing), value))
}

/**
 * Beside fields that outer layers have set; a name with several lines keeps them all.
 *
 * @param added names in lower case of those that come behind what stands there, instead of in its place
 */
export function setFields(
  response: ServerResponse,
  fields: HeaderFields,
  added: readonly string[],
): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    const value = fields[i + 1] ?? ''
    if (isRepeated(fields, name, i) || isAmong(added, name)) response.appendHeader(name, value)
    else setField(response, name, value)
  }
}

function isAmong(names: readonly string[], name: string): boolean {
  return names.some((each) => each.length === name.length && each === name.toLowerCase())
}

/** Did the same name come earlier in the list? Heads are short, and lengths tell most names apart. */
function isRepeated(fields: HeaderFields, name: string, before: number): boolean {
  for (let i = 0; i < before; i += 2) {
    const earlier = fields[i] ?? ''
    if (earlier.length !== name.length) continue
    if (earlier === name || earlier.toLowerCase() === name.toLowerCase()) return true
  }
  return false
}

function union(...lists: readonly string[]): string {
  const names = new Map<string, string>()
  for (const item of lists.join(',').split(',')) {
    const name = item.trim()
    if (name !== '' && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return [...names.values()].join(', ')
}
