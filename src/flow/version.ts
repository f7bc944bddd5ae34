import { fieldValue, withoutFields } from '../http/header-fields.ts'
import { formatHttpDate } from '../http/http-date.ts'
import { isNotModified, weakMatch } from '../http/validation.ts'
import type { ExchangeFacts, HeadPlan, ResponseHead } from './exchange-facts.ts'
import { variedBy } from './head-fields.ts'
import { headerValue } from './incoming-request.ts'

/** The version of a response as freshWhen() was told it. */
export interface VersionTag {
  /** Milliseconds since 1970. */
  readonly lastModified: number | undefined
  /** Its entity tag for one kind of reader; a tag of the application's own is the same for all. */
  tagFor(reader: string): string
}

/**
 * One call of freshWhen(). The tag belongs to the build, the variant, the language and, where one visitor's credentials
 * shape the response, to that visitor, so that two responses of one record never share a tag. Which of these count is only
 * known when the response is made: then the tag is settled.
 */
export class VersionCheck<Native> {
  /** The tag, as far as is known before the handler goes on. */
  readonly etag: string
  /**
   * Milliseconds since 1970; undefined where the date of the record is not that of the response. A client that has nothing
   * but this date would be told "not modified" by it (RFC 9110 §13.1.3), though build, language or visitor are others.
   */
  readonly lastModified: number | undefined
  /** Who has what the application would make from this version: the store, the client, or nobody. */
  readonly holder: 'store' | 'client' | undefined
  readonly #facts: ExchangeFacts<Native>
  readonly #version: VersionTag

  constructor(facts: ExchangeFacts<Native>, version: VersionTag) {
    this.#facts = facts
    this.#version = version
    this.etag = version.tagFor(readerOf(facts, []))
    this.lastModified = this.#isKnownForAll() ? version.lastModified : undefined
    this.holder = this.#isStored() ? 'store' : this.#isWithClient() ? 'client' : undefined
  }

  /** The head with the tag for those it was really made for. */
  settled(head: ResponseHead): ResponseHead {
    if (head.status === 304 || fieldValue(head.fields, 'etag') !== this.etag) return head
    const vary = variedBy(this.#facts, head)
    const etag = this.#version.tagFor(readerOf(this.#facts, vary))
    const { lastModified } = this.#version
    const isDated = fieldValue(head.fields, 'last-modified') !== undefined
    const dated =
      isDated || lastModified === undefined || !this.#isForAll(vary)
        ? []
        : ['Last-Modified', formatHttpDate(lastModified)]
    if (etag === this.etag && dated.length === 0) return head
    const others = withoutFields(head.fields, new Set(['etag']))
    return { ...head, fields: [...others, 'ETag', etag, ...dated] }
  }

  #isStored(): boolean {
    const { lookup, policy } = this.#facts
    const etag = policy.off ? undefined : lookup.stored?.validators.etag
    return etag !== undefined && weakMatch(etag, this.etag)
  }

  #isWithClient(): boolean {
    const { method, headers } = this.#facts.request
    if (method !== 'GET' && method !== 'HEAD') return false
    return isNotModified(headers, this)
  }

  /** A date tells nothing of build, language or visitor: it counts only where none of them does. */
  #isForAll(vary: readonly string[]): boolean {
    const { cache, lookup, observation, policy } = this.#facts
    return (
      cache.settings.build === '' &&
      cache.settings.observe &&
      !policy.off &&
      lookup.bypass === undefined &&
      lookup.audience === undefined &&
      observation?.privateRead === undefined &&
      keyOf(this.#facts, vary) === lookup.primaryKey
    )
  }

  /** What the handler has yet to read is known by what is stored, or there is nothing to read. */
  #isKnownForAll(): boolean {
    const { lookup, request } = this.#facts
    const { headers } = request
    const isPlain = headers['accept-language'] === undefined && headers['cookie'] === undefined
    return (isPlain || lookup.stored !== undefined) && this.#isForAll([])
  }
}

/** The plan, with the validators of this head set on the response too. */
export function withValidators(plan: HeadPlan, { fields }: ResponseHead): HeadPlan {
  if (plan.act === 'serve') return plan
  const validators = (['ETag', 'Last-Modified'] as const).flatMap((name) => {
    const value = fieldValue(fields, name.toLowerCase())
    return value === undefined ? [] : [[name, value] as const]
  })
  const { set, remove } = plan.fields
  return { ...plan, fields: { set: [...set, ...validators], remove } }
}

function readerOf<Native>(facts: ExchangeFacts<Native>, vary: readonly string[]): string {
  const { cache, lookup, observation, policy, request } = facts
  const { headers } = request
  const isPrivate =
    policy.off || lookup.bypass !== undefined || observation?.privateRead !== undefined
  // What is never stored is never known by its Vary either, when it is asked for again.
  const key = keyOf(facts, isPrivate ? [] : vary)
  const visitor = isPrivate
    ? [headerValue(headers, 'cookie'), headerValue(headers, 'authorization')]
    : null
  const language = headerValue(headers, 'accept-language')
  return JSON.stringify([cache.settings.build, key, language, visitor])
}

/** The key of the variant that this request selects, by the inputs that are known of so far. */
function keyOf<Native>(facts: ExchangeFacts<Native>, vary: readonly string[]): string {
  const { cache, lookup, observation, policy, request } = facts
  const { store } = cache
  const named = [...vary, ...policy.vary, ...(observation?.inputs ?? [])]
  const inputs = store.inputsOf(lookup.primaryKey, named)
  return store.keyOf(lookup.primaryKey, inputs, (name) => cache.read(request, name))
}
