import { fieldValue, withoutFields } from '../http/header-fields.ts'
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
    this.lastModified = this.#isForAll() ? version.lastModified : undefined
    this.holder = this.#isStored() ? 'store' : this.#isWithClient() ? 'client' : undefined
  }

  /** The head with the tag for those it was really made for. */
  settled(head: ResponseHead): ResponseHead {
    if (head.status === 304 || fieldValue(head.fields, 'etag') !== this.etag) return head
    const etag = this.#version.tagFor(readerOf(this.#facts, variedBy(this.#facts, head)))
    if (etag === this.etag) return head
    return { ...head, fields: [...withoutFields(head.fields, new Set(['etag'])), 'ETag', etag] }
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
  #isForAll(): boolean {
    const { cache, lookup, request } = this.#facts
    return (
      cache.settings.build === '' &&
      lookup.bypass === undefined &&
      lookup.audience === undefined &&
      keyOf(this.#facts, []) === lookup.primaryKey &&
      request.headers['accept-language'] === undefined &&
      request.headers['cookie'] === undefined
    )
  }
}

/** The plan, with the entity tag of this head set on the response too. */
export function withEtag(plan: HeadPlan, { fields }: ResponseHead): HeadPlan {
  const etag = fieldValue(fields, 'etag')
  if (plan.act === 'serve' || etag === undefined) return plan
  const { set, remove } = plan.fields
  return { ...plan, fields: { set: [...set, ['ETag', etag]], remove } }
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
