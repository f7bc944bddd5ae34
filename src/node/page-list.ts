import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'

/** Indexes of sitemaps name sitemaps, and no further indexes (sitemaps.org). */
const mostLevels = 2
/** No address is longer: what goes on without an end is no sitemap. */
const longestElement = 64 * 1024

/**
 * The addresses of a sitemap.xml, or of all sitemaps of an index, for `warm()`. It is read as it comes, however long it is.
 *
 *   cache.route({ warm: () => sitemap('https://shop.example/sitemap.xml') })
 *
 * @param location a URL, or the path of a file; what ends in `.gz` is unpacked
 * @throws Error when it cannot be read: then it is a failure in the report
 */
export async function* sitemap(location: string | URL): AsyncGenerator<string, void, undefined> {
  yield* sitemapAt(String(location), mostLevels)
}

async function* sitemapAt(
  location: string,
  levels: number,
): AsyncGenerator<string, void, undefined> {
  let rest = ''
  let isIndex = false
  for await (const chunk of await opened(location)) {
    rest += String(chunk)
    isIndex ||= /<(?:\w+:)?sitemapindex[\s>]/.test(rest)
    let end = 0
    for (const found of rest.matchAll(/<(?:\w+:)?loc\s*>\s*([^<]*?)\s*<\/(?:\w+:)?loc\s*>/g)) {
      end = found.index + found[0].length
      const address = unescaped(found[1] ?? '')
      if (!isIndex) yield address
      else if (levels > 1) yield* sitemapAt(address, levels - 1)
    }
    rest = rest.slice(Math.max(end, rest.length - longestElement))
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
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    const path = line.trim()
    if (path !== '' && !path.startsWith('#')) yield path
  }
  if (fault !== undefined) throw fault
}

async function opened(location: string): Promise<Readable> {
  const isRemote = /^https?:/i.test(location)
  const stream = isRemote
    ? await fetched(location)
    : createReadStream(location.replace(/^file:\/\//, ''))
  const isPacked = /\.gz(?:[?#]|$)/.test(location)
  if (!isPacked) return stream.setEncoding('utf8')
  const unpacked = createGunzip()
  stream.once('error', (error: Error) => unpacked.destroy(error))
  return stream.pipe(unpacked).setEncoding('utf8')
}

async function fetched(location: string): Promise<Readable> {
  const answer = await fetch(location)
  if (!answer.ok || answer.body === null) throw new Error(`${location} answered ${answer.status}`)
  return Readable.fromWeb(answer.body)
}

function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = {
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
  }
  return text
    .replace(/^<!\[CDATA\[(.*)\]\]>$/s, '$1')
    .replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
      if (typeof name === 'string') return named[name] ?? whole
      const code = typeof decimal === 'string' ? Number(decimal) : parseInt(String(hex), 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    })
}
