import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { Readable, pipeline } from 'node:stream'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'

/** What a sitemap may come to, unpacked (sitemaps.org); what goes on behind it may go on for ever. */
const mostBytes = 50 * 2 ** 20
/** No address is longer (sitemaps.org has 2,048 characters), nor what stands around it. */
const longestElement = 8 * 1024
/** How long one may take to come over the network, milliseconds. */
const patience = 30_000
/** How often one location may send to another. */
const mostRedirects = 5

/**
 * The addresses of a sitemap.xml, or of all sitemaps of an index, for `warm()`. A file is read as it comes, and what comes over the
 * network is fetched first, within 30 s. An index names sitemaps of its own site.
 *
 *   cache.route({ warm: () => sitemap('https://shop.example/sitemap.xml') })
 *
 * @param location a URL, or the path of a file; packed by gzip or not
 * @throws Error when it cannot be read, or is none: then it is a failure in the report
 */
export async function* sitemap(location: string | URL): AsyncGenerator<string, void, undefined> {
  const text = String(location)
  const from = await (/^https?:/i.test(text) ? fetched(new URL(text)) : read(text))
  yield* addressesIn(from, true)
}

/** A sitemap that is being read. */
interface Source {
  readonly stream: Readable
  /** The file or, behind all redirects, the URL. */
  readonly at: string | URL
}

/** @param mayBeIndex indexes name sitemaps, and no further indexes (sitemaps.org) */
async function* addressesIn(
  { stream, at }: Source,
  mayBeIndex: boolean,
): AsyncGenerator<string, void, undefined> {
  let rest = ''
  let bytes = 0
  let kind: string | undefined
  for await (const chunk of (await unpacked(stream)).setEncoding('utf8')) {
    rest += String(chunk)
    bytes += String(chunk).length
    if (bytes > mostBytes) throw tooLong(at)
    kind ??= /<(?:\w+:)?(urlset|sitemapindex)[\s>]/.exec(rest)?.[1]
    let end = 0
    // Each step takes a part of the text that no other one takes: a hostile text costs no more than its length.
    const locations =
      /<(?:\w+:)?loc\s*>(?:\s*<!\[CDATA\[([^\]<]*)\]\]>\s*|([^<]*))<\/(?:\w+:)?loc\s*>/g
    for (const found of rest.matchAll(locations)) {
      end = found.index + found[0].length
      const address = found[1]?.trim() ?? unescaped(found[2]?.trim() ?? '')
      if (kind !== 'sitemapindex') yield address
      else if (mayBeIndex) yield* addressesIn(await sourceOf(address, at), false)
    }
    rest = rest.slice(Math.max(end, rest.length - longestElement))
  }
  if (kind === undefined) throw new Error(`${String(at)} is no sitemap`)
}

/** A sitemap that an index names. What came over the network says nothing about our files, nor about other machines. */
async function sourceOf(location: string, index: string | URL): Promise<Source> {
  if (typeof index === 'string') {
    return /^https?:/i.test(location) ? fetched(new URL(location)) : read(location)
  }
  const url = new URL(location, index)
  if (url.hostname === index.hostname) return fetched(url, index.hostname)
  throw new Error(`${String(index)} names a sitemap that is not of its own site`)
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

function read(location: string): Source {
  const path = location.startsWith('file:') ? fileURLToPath(location) : location
  return { stream: createReadStream(path), at: path }
}

/**
 * It comes as a whole before its pages are made: that may take hours, and no server waits for so long until it has sent the rest.
 *
 * @param site the only host that may be asked
 */
async function fetched(location: URL, site?: string): Promise<Source> {
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort(new Error(`${String(location)} took longer than ${patience} ms`))
  }, patience)
  try {
    return await download(location, site, late.signal)
  } finally {
    clearTimeout(timer)
  }
}

async function download(
  location: URL,
  site: string | undefined,
  signal: AbortSignal,
): Promise<Source> {
  let at = location
  for (let i = 0; i <= mostRedirects; i++) {
    const { hostname, protocol, username, password } = at
    if (username + password !== '')
      throw new Error(`the sitemap at ${hostname} has a password in its URL`)
    if (!/^https?:$/.test(protocol) || (site !== undefined && hostname !== site)) break
    const answer = await fetch(at, { redirect: 'manual', signal })
    const next = answer.status >= 300 && answer.status < 400 && answer.headers.get('location')
    if (answer.ok && answer.body) {
      return {
        stream: Readable.from(await wholeOf(Readable.fromWeb(answer.body), at), {
          objectMode: false,
        }),
        at,
      }
    }
    await answer.body?.cancel()
    if (typeof next !== 'string') throw new Error(`${String(at)} answered ${answer.status}`)
    at = new URL(next, at)
  }
  throw new Error(`${String(location)} sends elsewhere`)
}

async function wholeOf(body: Readable, at: URL): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    const part: unknown = chunk
    if (!(part instanceof Uint8Array)) continue
    chunks.push(part)
    bytes += part.byteLength
    if (bytes > mostBytes) throw tooLong(at)
  }
  return chunks
}

function tooLong(at: string | URL): Error {
  return new Error(`${String(at)} is longer than a sitemap may be`)
}

/** What is packed begins so, whatever it is called and however it came (RFC 1952 §2.3.1). */
async function unpacked(stream: Readable): Promise<Readable> {
  await once(stream, 'readable')
  const start: unknown = stream.read()
  if (!Buffer.isBuffer(start)) return stream
  stream.unshift(start)
  if (start[0] !== 0x1f || start[1] !== 0x8b) return stream
  const plain = createGunzip()
  // Whoever stops to read ends both; a fault of either is met by whoever reads.
  pipeline(stream, plain, () => undefined)
  return plain
}

const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
])

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return entities.get(name) ?? whole
    const code = typeof decimal === 'string' ? Number(decimal) : parseInt(String(hex), 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
