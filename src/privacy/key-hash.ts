import { createHash, createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** Fields whose values say nothing of a visitor that is worth hiding; keys that can be read are easier to look into. */
const readable: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'device-memory',
  'dnt',
  'prefer',
  'save-data',
  'sec-gpc',
  'upgrade-insecure-requests',
  'user-agent',
  // These are in the key by the origin.
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-requested-with',
  ':host',
  ':method',
  ':url',
  ':version',
])

/** A longer value is hidden all the same: keys stay short. */
const MAX_READABLE = 128
const MAX_REMEMBERED = 512
const remembered = 1_000
/** Characters of 6 bits each: nobody finds two values with the same ones. */
const length = 22

/** May the value of this input stand in keys, and be asked for again by a warmer? */
export function isReadable(name: string): boolean {
  return readable.has(name)
}

/**
 * Puts a keyed hash in the place of what cookies and unknown headers say, so that neither keys in Redis nor events nor the command line
 * tell it. Equal values stay equal, in every instance with the same secret.
 */
export class KeyHash {
  readonly #key: Buffer
  readonly #known = new LRUCache<string, string>({ max: remembered })

  /** @param secret undefined: one of this process alone */
  constructor(secret: string | undefined) {
    this.#key =
      secret === undefined
        ? randomBytes(32)
        : createHash('sha256').update(`cacheflow ${secret}`).digest()
  }

  over(name: string, value: string | undefined): string | undefined {
    if (value === undefined || (readable.has(name) && value.length <= MAX_READABLE)) return value
    const text = `${name}\n${value}`
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const hash = createHmac('sha256', this.#key).update(text).digest('base64url').slice(0, length)
    const hidden = `~${hash}`
    if (text.length <= MAX_REMEMBERED) this.#known.set(text, hidden)
    return hidden
  }
}
