import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Header values as they stood at one moment, to tell later who set what. */
export type HeaderSnapshot = ReadonlyMap<string, string>

/** The arguments of writeHead after its status. */
export type WriteHeadArguments = readonly unknown[]

export function snapshot(response: ServerResponse): HeaderSnapshot {
  const values = new Map<string, string>()
  for (const name of response.getHeaderNames()) {
    values.set(name, String(response.getHeader(name)))
  }
  return values
}

/** The fields set since the snapshot, as one flat list with the names as they were written. */
export function fieldsSince(response: ServerResponse, before: HeaderSnapshot): string[] {
  const fields: string[] = []
  for (const name of rawNames(response)) {
    const value = response.getHeader(name)
    if (value === undefined || before.get(name.toLowerCase()) === String(value)) continue
    for (const line of Array.isArray(value) ? value : [value]) fields.push(name, String(line))
  }
  return fields
}

// The HTTP/2 response has no names as written: there all names are lower case (RFC 9113 §8.2.1).
function rawNames(response: ServerResponse): string[] {
  return 'getRawHeaderNames' in response && typeof response.getRawHeaderNames === 'function'
    ? response.getRawHeaderNames()
    : response.getHeaderNames()
}

/** Sets a field over what stands there; Vary only ever grows, for outer layers have their own reasons to vary. */
export function setField(response: ServerResponse, name: string, values: readonly string[]): void {
  if (name.toLowerCase() !== 'vary') {
    response.setHeader(name, values.length === 1 ? (values[0] ?? '') : [...values])
    return
  }
  const standing = String(response.getHeader('vary') ?? '')
  const names = new Map<string, string>()
  for (const field of [standing, ...values].join(',').split(',')) {
    const trimmed = field.trim()
    if (trimmed !== '' && !names.has(trimmed.toLowerCase()))
      names.set(trimmed.toLowerCase(), trimmed)
  }
  response.setHeader(name, [...names.values()].join(', '))
}

/** What `writeHead(status, reason?, headers?)` was called with, in all its forms. */
export function parseWriteHead(rest: WriteHeadArguments): {
  readonly reason: string | undefined
  readonly fields: readonly (readonly [name: string, value: string | string[]])[]
} {
  const reason = typeof rest[0] === 'string' ? rest[0] : undefined
  const headers = rest[reason === undefined && rest[0] !== undefined ? 0 : 1] ?? rest[0]
  return { reason, fields: typeof headers === 'object' && headers !== null ? grouped(headers) : [] }
}

// Array forms may repeat a name: its lines stay together, none is lost (C-6).
function grouped(headers: object): [string, string | string[]][] {
  if (!Array.isArray(headers)) {
    return Object.entries(headers as OutgoingHttpHeaders).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [
            [name, Array.isArray(value) ? value.map(String) : String(value)] as [
              string,
              string | string[],
            ],
          ],
    )
  }
  const pairs: unknown[][] = Array.isArray(headers[0])
    ? headers
    : headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : []))
  const lines = new Map<string, [string, string[]]>()
  for (const [name, value] of pairs) {
    const text = String(name)
    const entry = lines.get(text.toLowerCase()) ?? [text, []]
    lines.set(text.toLowerCase(), entry)
    for (const line of Array.isArray(value) ? value : [value]) entry[1].push(String(line))
  }
  return [...lines.values()].map(([name, values]) => [
    name,
    values.length === 1 ? (values[0] ?? '') : values,
  ])
}
