import { createHash } from 'node:crypto'

/** Names up to this length stay as they are, characters. */
const MAX_LENGTH = 512
/** How much of a longer one is left for people, in front of its hash. */
const shown = 256

/**
 * A name of bounded length: a URL may have 16 KiB, and stands in Redis in many places. A space and what follows it cannot
 * be a part of a request target, so no client can write the short name of another's long one.
 */
export function shortName(name: string): string {
  return name.length <= MAX_LENGTH ? name : shortened(name.slice(0, shown), ' sha256 ', name)
}

/** A beginning for people, and a hash of the whole name. */
export function shortened(beginning: string, mark: string, name: string): string {
  // No half of a pair: it could not be written as UTF-8.
  const start = beginning.replace(/[\uD800-\uDBFF]$/, '')
  return start + mark + createHash('sha256').update(name).digest('base64url')
}
