import { LRUCache } from 'lru-cache'
import { namesCredential } from '../http/credential-name.ts'
import { cookieValue } from '../http/normalisation.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import { type IncomingRequest, headerValue } from '../request/incoming-request.ts'
import { isReadable } from '../privacy/key-hash.ts'
import type { PageListener } from '../response/response-cache.ts'
import type { WarmRequest } from './page-request.ts'

/** A page that visitors have asked for, as it can be asked for again. */
export interface PopularPage {
  readonly request: WarmRequest
  /** How often it was asked for, each time as dear as its making was: hits x milliseconds. */
  readonly heat: number
}

interface PageHits {
  readonly request: WarmRequest
  hits: number
  /** Of these, how many have been told to the others. */
  told: number
  /** What its last making took, milliseconds. */
  time: number
}

/** How many pages are remembered. */
const MAX_PAGES = 10_000
/** What a request may come to that is remembered, characters: anybody can ask for pages with long names. */
const MAX_REQUEST_LENGTH = 2_048
/** What the making of a page counts as that another instance has made, milliseconds. */
const unknownTime = 10

/**
 * What visitors ask for, and what it costs: the pages that are worth being made before they come again. Of a request only what selects its
 * variant is kept; what belongs to one audience is not.
 */
export class Popularity implements PageListener {
  readonly #pages = new LRUCache<string, PageHits>({ max: MAX_PAGES })

  /** @param isAsked a visitor asked for it, and no warmer */
  stored(request: IncomingRequest, stored: StoredResponse, time: number, isAsked: boolean): void {
    const page = this.#page(request, stored)
    if (page === undefined) return
    page.time = time
    if (isAsked) page.hits++
  }

  hit(request: IncomingRequest, stored: StoredResponse): void {
    const page = this.#page(request, stored)
    if (page) page.hits++
  }

  /** The hottest pages. */
  hottest(count: number): PopularPage[] {
    return popular([...this.#pages.values()]).slice(0, count)
  }

  /** Those of these keys that visitors have asked for, the hottest first. */
  among(keys: Iterable<string>): PopularPage[] {
    const found: PageHits[] = []
    for (const key of keys) {
      const page = this.#pages.peek(key)
      if (page) found.push(page)
    }
    return popular(found)
  }

  /** What has come since it was asked last, the hottest first. */
  unreported(count: number): PopularPage[] {
    const unreported = [...this.#pages.values()].flatMap((page) => {
      const hits = page.hits - page.told
      return hits > 0 ? [{ page, request: page.request, heat: hits * Math.max(1, page.time) }] : []
    })
    return unreported
      .toSorted((a, b) => b.heat - a.heat)
      .slice(0, count)
      .map(({ page, request, heat }) => {
        page.told = page.hits
        return { request, heat }
      })
  }

  /** The keys of the hottest pages. */
  keys(count: number): string[] {
    return [...this.#pages.entries()]
      .toSorted(([, a], [, b]) => b.hits * b.time - a.hits * a.time)
      .slice(0, count)
      .map(([key]) => key)
  }

  #page(request: IncomingRequest, stored: StoredResponse): PageHits | undefined {
    const known = this.#pages.get(stored.key)
    if (known) return known
    if (stored.group !== undefined) return undefined
    const again = requestOf(request, stored.inputs)
    if (again === undefined || lengthOf(again) > MAX_REQUEST_LENGTH) return undefined
    const page = { request: again, hits: 0, told: 0, time: unknownTime }
    this.#pages.set(stored.key, page)
    return page
  }
}

function popular(pages: readonly PageHits[]): PopularPage[] {
  return pages
    .map(({ request, hits, time }) => ({ request, heat: hits * Math.max(1, time) }))
    .toSorted((a, b) => b.heat - a.heat)
}

/**
 * The request again, with what selects its variant; undefined where that is a cookie, the visitor's address or any value that no key
 * shows, and where its URL carries a credential: it would rest where others read, and be sent again for nobody.
 */
function requestOf(
  { origin, target, headers }: IncomingRequest,
  inputs: readonly string[],
): WarmRequest | undefined {
  const kept: Record<string, string> = hostOf(origin, headers['host'])
  const all = headerValue(headers, 'cookie')
  if (carriesCredential(target)) return undefined
  for (const name of inputs) {
    if (name === 'x-forwarded-for' || name.startsWith(':headers')) return undefined
    if (name.startsWith('cookie:')) {
      if (cookieValue(all, name.slice('cookie:'.length)) !== undefined) return undefined
    } else if (!name.startsWith(':')) {
      const value = headerValue(headers, name)
      if (value !== undefined && !isReadable(name)) return undefined
      // A variant without the field is asked for without it, too: a browser's would be another one.
      kept[name] = value ?? ''
    }
  }
  return { origin, target, headers: kept }
}

function carriesCredential(target: string): boolean {
  const [, query = ''] = /\?(.*)/s.exec(target) ?? []
  return query.split('&').some((pair) => namesCredential(pair.split('=', 1)[0] ?? ''))
}

/** Where a proxy names the host, it does so again: the key has both. */
function hostOf(origin: string, host: unknown): Record<string, string> {
  const [, protocol = '', forwarded = ''] = /^(\w+):\/\/(.*)$/s.exec(origin) ?? []
  if (typeof host !== 'string' || host === forwarded) return {}
  return { host, 'x-forwarded-host': forwarded, 'x-forwarded-proto': protocol }
}

function lengthOf({ origin = '', target, headers }: WarmRequest): number {
  return Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    origin.length + target.length,
  )
}
