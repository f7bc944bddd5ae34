import { createHash } from 'node:crypto'

/** The longest tag, id or scope that any part of the system takes; CDNs allow less and their encoders see to it. */
export const longestName = 256
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const control = /[\u0000-\u001F\u007F]/g

export function isBounded(name: string): boolean {
  return name.length <= longestName && name.search(control) < 0
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
  if (plain.length <= longestName) return plain
  const hash = createHash('sha256').update(name).digest('base64url')
  // No half of a pair: it could not be written as UTF-8.
  const start = plain.slice(0, longestName - hash.length - 1).replace(/[\uD800-\uDBFF]$/, '')
  return `${start}~${hash}`
}
