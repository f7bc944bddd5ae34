import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { messageOf } from '../events/errors.ts'
import { type Source, MAX_BYTES, sourceAt, sourceIn, tooLong, unpacked } from './sitemap-source.ts'
import { type SitemapText, sitemapText } from './sitemap-text.ts'

/** How deep indexes may name further ones: sitemaps.org has none inside, and some sites do. */
const deepest = 3
/** How many sitemaps are read in all (sitemaps.org has 50,000 in an index). */
const MAX_SITEMAPS = 50_000

/**
 * The addresses of a sitemap, or of all sitemaps of an index, for `warm()`: XML, or a text with a URL in each line, packed by gzip
 * or not. A file is read as it comes, and what comes over the network is fetched first, within 30 s. An index, and what a
 * location sends to, is of one host and port. XML takes the package `saxes`.
 *
 *   cache.route({ warm: () => sitemap('https://shop.example/sitemap.xml') })
 *
 * @param location a URL, or the path of a file
 * @throws Error when it, or one that it names, cannot be read, or is none: behind all that could be read, and it is a failure in the report
 */
export async function* sitemap(location: string | URL): AsyncGenerator<string, void, undefined> {
  const text = String(location)
  const reading: Reading = { seen: new Set([text]), faults: [] }
  yield* addressesIn(await sourceAt(text), reading, 0)
  const { faults } = reading
  if (faults.length > 0) {
    const others =
      faults.length > 1 ? `, and ${faults.length - 1} more of what it names failed` : ''
    throw new Error(`${messageOf(faults[0])}${others}`, { cause: faults[0] })
  }
}

/** One call of `sitemap()`. */
interface Reading {
  /** The sitemaps that were named: none is read twice. */
  readonly seen: Set<string>
  /** What could not be read, of all that an index names. */
  readonly faults: unknown[]
}

async function* addressesIn(
  { stream, at }: Source,
  reading: Reading,
  depth: number,
): AsyncGenerator<string, void, undefined> {
  let text: SitemapText | undefined
  let bytes = 0
  for await (const chunk of (await unpacked(stream)).setEncoding('utf8')) {
    const part = String(chunk)
    bytes += Buffer.byteLength(part)
    if (bytes > MAX_BYTES) throw tooLong(at)
    text ??= sitemapText(part)
    yield* pagesOf(text, text.write(part), at, reading, depth)
  }
  if (text) yield* pagesOf(text, text.end(), at, reading, depth)
  if (text?.kind === undefined) throw new Error(`${String(at)} is no sitemap`)
  if (text.fault !== undefined) throw new Error(`${String(at)} is damaged: ${text.fault}`)
}

/** What addresses stand for: pages, or sitemaps with pages. One that cannot be read does not keep back the others. */
async function* pagesOf(
  { kind }: SitemapText,
  addresses: readonly string[],
  at: string | URL,
  reading: Reading,
  depth: number,
): AsyncGenerator<string, void, undefined> {
  if (kind !== 'sitemapindex') {
    yield* addresses
    return
  }
  for (const address of addresses) {
    const base = typeof at === 'string' ? undefined : at.href
    const name = URL.canParse(address, base) ? new URL(address, base).href : address
    if (reading.seen.has(name)) continue
    reading.seen.add(name)
    try {
      if (depth === deepest) throw new Error(`${String(at)} is an index too deep in others`)
      if (reading.seen.size > MAX_SITEMAPS) throw new Error(`${String(at)} names too many sitemaps`)
      yield* addressesIn(await sourceIn(at, address), reading, depth + 1)
    } catch (error) {
      reading.faults.push(error)
    }
  }
}

/**
 * The pages that a file names, one in a line; empty lines and those that begin with `#` say nothing.
 *
 *   cache.route({ warm: () => pathsIn('popular.txt') })
 *
 * @throws Error when it cannot be read: then it is a failure in the report
 */
export async function* pathsIn(file: string | URL): AsyncGenerator<string, void, undefined> {
  const stream = createReadStream(file)
  // An error of the stream would end the lines as if there were no more.
  let fault: Error | undefined
  stream.once('error', (error: Error) => (fault = error))
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
      const path = line.trim()
      if (path !== '' && !path.startsWith('#')) yield path
    }
  } finally {
    stream.destroy()
  }
  if (fault !== undefined) throw fault
}
