import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { Readable, pipeline } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'

/** What a sitemap may come to, unpacked (sitemaps.org); what goes on behind it may go on for ever. */
export const MAX_BYTES: number = 50 * 2 ** 20
/** How long one may take to come over the network, milliseconds. */
const TIMEOUT = 30_000
/** How often one location may send to another. */
const MAX_REDIRECTS = 5

/** A sitemap that is being read. */
export interface Source {
  readonly stream: Readable
  /** The file or, behind all redirects, the URL. */
  readonly at: string | URL
}

/** A sitemap that somebody names. */
export function sourceAt(location: string): Source | Promise<Source> {
  return /^https?:/i.test(location) ? fetched(new URL(location)) : read(location)
}

/** A sitemap that an index names. What came over the network says nothing about our files, nor about other machines. */
export function sourceIn(index: string | URL, location: string): Source | Promise<Source> {
  if (typeof index === 'string') return sourceAt(location)
  const url = new URL(location, index)
  if (isOfSite(url, index)) return fetched(url)
  throw new Error(`${String(index)} names a sitemap that is not of its own site`)
}

/** One host and port; and TLS where it was without, as servers send to it. */
function isOfSite(url: URL, site: URL): boolean {
  const isAsSafe = url.protocol === site.protocol || url.protocol === 'https:'
  return url.host === site.host && isAsSafe && /^https?:$/.test(url.protocol)
}

function read(location: string): Source {
  const path = location.startsWith('file:') ? fileURLToPath(location) : location
  return { stream: createReadStream(path), at: path }
}

/** It comes as a whole before its pages are made: that may take hours, and no server waits for so long until it has sent the rest. */
async function fetched(location: URL): Promise<Source> {
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort(new Error(`${String(location)} took longer than ${TIMEOUT} ms`))
  }, TIMEOUT)
  try {
    return await download(location, late.signal)
  } finally {
    clearTimeout(timer)
  }
}

async function download(location: URL, signal: AbortSignal): Promise<Source> {
  let at = location
  for (let i = 0; i <= MAX_REDIRECTS; i++) {
    const { hostname, username, password } = at
    if (username + password !== '')
      throw new Error(`the sitemap at ${hostname} has a password in its URL`)
    if (!isOfSite(at, location)) {
      throw new Error(`${String(location)} sends elsewhere, to ${at.protocol}//${at.host}`)
    }
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
    if (bytes > MAX_BYTES) throw tooLong(at)
  }
  return chunks
}

export function tooLong(at: string | URL): Error {
  return new Error(`${String(at)} is longer than a sitemap may be`)
}

/** What is packed begins so, whatever it is called and however it came (RFC 1952 §2.3.1). */
export async function unpacked(stream: Readable): Promise<Readable> {
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
