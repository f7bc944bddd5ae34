import { shortened } from './short-name.ts'

/** The longest tag, id or scope that any part of the system takes; CDNs allow less and their encoders see to it. */
const MAX_NAME_LENGTH = 256
/** Of SHA-256 in base64url. */
const hashLength = 43
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u001F\u007F]/g

export function isBounded(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && name.search(control) < 0
}

/**
 * A name that may come from a client, `post:${request.params.id}`, within the bound: control characters are escaped, and of what is longer
 * the rest is told by a hash. The same name gives the same one wherever it is used, so that it can be invalidated.
 *
 *   post:a\nb                 post:a%0Ab
 *   post:xxxxx... (300)       post:xxxxx...~0Qxq8ZQ...
 */
export function bounded(name: string): string {
  if (isBounded(name)) return name
  const plain = name.replaceAll(control, encodeURIComponent)
  if (plain.length <= MAX_NAME_LENGTH) return plain
  return shortened(plain.slice(0, MAX_NAME_LENGTH - hashLength - 1), '~', name)
}
