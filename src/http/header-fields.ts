/**
 * Header fields as one flat list: name, value, name, value, with the names as they were sent.
 * A field with several lines stands in it several times. This is the shape `writeHead` takes.
 */
export type HeaderFields = readonly string[]

/** The header object of `node:http`: names in lower case, a few fields as arrays. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * Fields that speak about one connection or one proxy, and so are neither stored nor replayed
 * (RFC 9110 §7.6.1, RFC 9111 §3.1). `Trailer` is among them because trailers are not stored.
 * `Proxy-Status` (RFC 9209) is not: it describes the response to everybody behind it.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Does the field, its name in lower case, speak about one connection or one proxy? */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name)
}

/**
 * The value of a field, its lines joined by `', '` (RFC 9110 §5.3), or undefined when it is absent.
 * Not for `Set-Cookie`, whose lines cannot be joined: see {@link fieldLines}.
 *
 * @param name in any case
 */
export function fieldValue(fields: HeaderFields, name: string): string | undefined {
  const wanted = name.toLowerCase()
  let value: string | undefined
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!isNamed(fields[i], wanted)) continue
    const line = fields[i + 1] ?? ''
    value = value === undefined ? line : `${value}, ${line}`
  }
  return value
}

/**
 * Every line of a field, in the order sent; empty when the field is absent.
 *
 * @param name in any case
 */
export function fieldLines(fields: HeaderFields, name: string): string[] {
  const wanted = name.toLowerCase()
  const lines: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (isNamed(fields[i], wanted)) lines.push(fields[i + 1] ?? '')
  }
  return lines
}

/**
 * The fields without those named.
 *
 * @param names in lower case
 */
export function withoutFields(fields: HeaderFields, names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (!names.has(name.toLowerCase())) kept.push(name, fields[i + 1] ?? '')
  }
  return kept
}

/** The upper fields over the lower: where both have a name the upper lines stand, but of Vary both, for it only grows. */
export function overlaid(lower: HeaderFields, upper: HeaderFields): string[] {
  const names = new Set<string>()
  for (let i = 0; i < upper.length; i += 2) names.add((upper[i] ?? '').toLowerCase())
  names.delete('vary')
  return [...withoutFields(lower, names), ...upper]
}

/**
 * The fields that may rest in a store: those meant for the final recipient, not for this connection.
 * `Connection`, what it lists, and the fields of one hop are left out (RFC 9111 §3.1).
 */
export function endToEnd(fields: HeaderFields): string[] {
  const listed = fieldLines(fields, 'connection')
  if (listed.length === 0) return withoutFields(fields, HOP_BY_HOP)
  const names = new Set(HOP_BY_HOP)
  for (const line of listed) {
    for (const option of line.split(',')) names.add(option.trim().toLowerCase())
  }
  return withoutFields(fields, names)
}

// Lengths differ for nearly every pair, so that most names are never lower-cased.
function isNamed(name: string | undefined, wanted: string): boolean {
  return (
    name !== undefined &&
    name.length === wanted.length &&
    (name === wanted || name.toLowerCase() === wanted)
  )
}
