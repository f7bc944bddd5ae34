import type { HeaderFields } from './header-fields.ts'

/** The name of the cookie that a Set-Cookie line sets (RFC 6265 §4.1.1). */
export function cookieNameOf(line: string): string {
  return (line.split(';', 1)[0] ?? '').split('=', 1)[0]?.trim() ?? ''
}

/** The value of the cookie that a Set-Cookie line sets. */
export function cookieValueOf(line: string): string {
  const pair = line.split(';', 1)[0] ?? ''
  return pair.slice(pair.indexOf('=') + 1).trim()
}

/** The fields without the Set-Cookie lines of these cookies; the same list where there is none. */
export function withoutCookies(fields: HeaderFields, names: readonly string[]): HeaderFields {
  if (names.length === 0) return fields
  const isIgnored = (i: number): boolean =>
    fields[i]?.toLowerCase() === 'set-cookie' && names.includes(cookieNameOf(fields[i + 1] ?? ''))
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    if (!isIgnored(i)) kept.push(fields[i] ?? '', fields[i + 1] ?? '')
  }
  return kept.length === fields.length ? fields : kept
}
