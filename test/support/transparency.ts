import type { WireResponse } from './wire.ts'

/** A response reduced to what a cache may not change. */
export interface Essence {
  readonly statusLine: string
  /** In the order of their names' first lines. */
  readonly lines: readonly string[]
  readonly vary: readonly string[]
  readonly cacheStatus: string
  /** What speaks of the connection; Node writes it in an order of its own. Empty for a stored response. */
  readonly framing: readonly string[]
  readonly body: string
  readonly trailers: readonly (readonly [string, string])[]
  readonly interim: readonly number[]
  readonly isComplete: boolean
}

/** Also what the tests list in Connection, which ends there as well. */
const framing = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'transfer-encoding',
  'x-hop',
])

/** How the application itself answered. */
export function essenceOf(plain: WireResponse, isStored: boolean): Essence {
  return essence(plain, isStored, new Set(isStored ? ['age'] : []))
}

/** How the cache answered, without what it is documented to add to this application's answer. */
export function essenceBehindCache(
  cached: WireResponse,
  plain: WireResponse,
  isStored: boolean,
): Essence {
  const added = new Set<string>()
  if (isStored) added.add('age')
  if (isStored && plain.get('etag') === undefined) added.add('etag')
  const isUnstated = plain.get('cache-control') === undefined && plain.get('expires') === undefined
  if (isUnstated && cached.all('cache-control').join() === 'no-cache') added.add('cache-control')
  // Vary may only grow, at its end.
  const vary = tokens(cached).slice(0, tokens(plain).length)
  // Our member of Cache-Status is the last one.
  const cacheStatus = joined(cached).replace(/(, )?cacheflow; [^,]*$/, '')
  return { ...essence(cached, isStored, added), vary, cacheStatus }
}

function essence(response: WireResponse, isStored: boolean, dropped: ReadonlySet<string>): Essence {
  const written = response.lines.map(([name, value]) => ({
    name: name.toLowerCase(),
    text: `${name}: ${value}`,
  }))
  const names = [...new Set(written.map(({ name }) => name))]
  return {
    statusLine: `HTTP/${response.version} ${response.status} ${response.reason}`,
    lines: names
      .filter((name) => !dropped.has(name) && !apart.has(name) && !framing.has(name))
      .flatMap((wanted) => written.filter(({ name }) => name === wanted).map(({ text }) => text)),
    vary: tokens(response),
    cacheStatus: joined(response),
    // A stored response goes out with a length where it came in chunks.
    framing: isStored
      ? []
      : written
          .filter(({ name }) => framing.has(name))
          .map(({ text }) => text)
          .toSorted(),
    body: response.body.toString('latin1'),
    trailers: response.trailers,
    interim: response.interim.map((head) => head.status),
    isComplete: response.isComplete,
  }
}

/** Looked at in another way, or not at all: Date differs anyway, and the last two are not for clients. */
const apart = new Set([
  'cache-status',
  'date',
  'vary',
  'cacheflow-cache-control',
  'surrogate-control',
])

function joined(response: WireResponse): string {
  return response.all('cache-status').join(', ')
}

function tokens(response: WireResponse): string[] {
  return response
    .all('vary')
    .flatMap((line) => line.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
