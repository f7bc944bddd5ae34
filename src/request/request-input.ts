import { namesCredential } from '../http/credential-name.ts'
import type { RequestHeaders } from '../http/header-fields.ts'
import { cookieValue, normaliseField, variantKey } from '../http/normalisation.ts'
import { type IncomingRequest, headerValue } from './incoming-request.ts'

/** Names the class that stands for a User-Agent in variants. */
export type UserAgentClass = (userAgent: string) => string

/**
 * The value of one input in one request, normalised so that equal meanings share a variant. Storing and looking up use
 * this same function, so a stored response can only answer requests whose inputs are equal.
 */
export function inputValue(
  request: IncomingRequest,
  name: string,
  userAgentClass: UserAgentClass,
): string | undefined {
  const { headers } = request
  // A field can be called "constructor"; what every object has is no field (S-29).
  if (name in Object.prototype && !Object.hasOwn(headers, name)) return undefined
  if (name.startsWith('cookie:')) {
    const header = headerValue(headers, 'cookie')
    return header === undefined ? undefined : cookieValue(header, name.slice('cookie:'.length))
  }
  if (name === 'user-agent') return userAgentClass(headerValue(headers, name) ?? '')
  // Frameworks read X-Forwarded-For to tell the client's address: then the peer's address matters as well.
  if (name === 'x-forwarded-for') {
    const forwarded = headerValue(headers, name)
    return forwarded === undefined ? request.remoteAddress : `${request.remoteAddress} ${forwarded}`
  }
  // No client can send a field of this name: a colon begins the pseudo-fields of HTTP/2, which Node knows all.
  if (name === ':version') return request.httpVersion
  if (name === everyField || name === everyOtherField) {
    const fields = fieldsIn(headers, (each) => name === everyField || !isPersonal(each))
    return request.hasHostInput === true ? `${headerValue(headers, 'host')} ${fields}` : fields
  }
  if (name.startsWith(probe)) {
    const field = name.slice(probe.length)
    return Object.hasOwn(headers, field) ? headerValue(headers, field) : undefined
  }
  return normaliseField(name, headerValue(headers, name))
}

/** Before the name of a method that was looked for among the fields. */
const probe = ':probe:'

/** All fields of a request, for responses that were made from an enumeration of them; no client can send one of this name. */
export const everyField = ':headers'
/** The same without what is for the application's session() to tell: cookies and credentials. */
export const everyOtherField = ':headers-but-credentials'

/** The host is in every key, and the application does not see the conditions that the cache answers. */
const kept: ReadonlySet<string> = new Set([
  'host',
  ':authority',
  'if-modified-since',
  'if-none-match',
])

/** In the order in which they came, for an enumeration shows that too. */
function fieldsIn(headers: RequestHeaders, isPart: (name: string) => boolean): string {
  const names = Object.keys(headers).filter((name) => !kept.has(name) && isPart(name))
  return variantKey(
    names,
    names.map((name) => headerValue(headers, name)),
  )
}

function isPersonal(name: string): boolean {
  return name === 'cookie' || namesCredential(name)
}

/** The names of the fields that an enumeration has told of, and of those whose absence counts most. */
export function enumeratedFields(headers: RequestHeaders): string[] {
  const names = Object.keys(headers).filter((name) => !kept.has(name) && !name.startsWith(':'))
  return [...new Set([...names, 'cookie', 'authorization'])]
}

/** The Vary fields that tell downstream caches of these inputs (RFC 9110 §12.5.5). */
export function varyFields(inputs: Iterable<string>): string[] {
  const fields = new Set<string>()
  for (const name of inputs) {
    // The pseudo-fields of HTTP/2 (`:authority`) are no fields, and the host is in every key downstream.
    if (name.startsWith(':') || name === 'host') continue
    fields.add(name.startsWith('cookie:') ? 'Cookie' : titleCase(name))
  }
  return [...fields]
}

function titleCase(name: string): string {
  return name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
