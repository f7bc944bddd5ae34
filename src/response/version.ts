import { fieldValue, withoutFields } from '../http/header-fields.ts'
import { formatHttpDate } from '../http/http-date.ts'
import { isNotModified, weakMatch } from '../http/validation.ts'
import type { Dependency } from '../invalidation/dependency.ts'
import { knownDependencies } from './dependencies.ts'
import type { ExchangeFacts, HeadPlan, ResponseHead } from './exchange-facts.ts'
import { variedBy } from './response-fields.ts'
import { headerValue } from '../request/incoming-request.ts'

/** The version of a response as freshWhen() was told it. */
export interface VersionTag {
  /** Milliseconds since 1970. */
  readonly lastModified: number | undefined
  /** The entity tag is the application's own: it knows what the response is made from. */
  readonly isOwn: boolean
  /** Its entity tag for one kind of reader; a tag of the application's own is the same for all. */
  tagFor(reader: string): string
}

/**
 * One call of freshWhen(). The tag belongs to the build, the variant, the language and, where one visitor's credentials
 * shape the response, to that visitor, so that two responses of one record never share a tag. Which of these count is only
 * known when the response is made: then the tag is settled.
 */
export class VersionCheck {
  /** The tag, as far as is known before the handler goes on; undefined where no version can stand for the response. */
  readonly etag: string | undefined
  /**
   * Milliseconds since 1970; undefined where the date of the record is not that of the response. A client that has nothing
   * but this date would be told "not modified" by it (RFC 9110 §13.1.3), though build, language or visitor are others.
   */
  readonly lastModified: number | undefined
  /** Who has what the application would make from this version: the store, the client, or nobody. */
  readonly holder: 'store' | 'client' | undefined
  readonly #facts: ExchangeFacts
  readonly #version: VersionTag
  readonly #reader: string

  constructor(facts: ExchangeFacts, version: VersionTag) {
    this.#facts = facts
    this.#version = version
    this.#reader = readerOf(facts, [])
    const generation = this.#generation(this.#expected())
    const isDated = version.isOwn || (generation === undefined && this.#isKnownForAll())
    if (this.#isSecret()) return
    this.etag = version.tagFor(tagged(this.#reader, generation))
    this.lastModified = isDated ? version.lastModified : undefined
    this.holder = this.#isStored() ? 'store' : this.#isWithClient() ? 'client' : undefined
  }

  /** The head with the tag for those it was really made for. */
  settled(head: ResponseHead): ResponseHead {
    const isOurs = this.etag !== undefined && fieldValue(head.fields, 'etag') === this.etag
    if (head.status === 304 || !isOurs) return head
    // Read behind the call: no tag may stand for what a session holds.
    if (this.#isSecret()) return { ...head, fields: withoutFields(head.fields, validatorFields) }
    const vary = variedBy(this.#facts, head)
    const dependencies = this.#version.isOwn ? [] : knownDependencies(this.#facts)
    const generation = this.#generation(dependencies)
    if (!this.#version.isOwn) this.#facts.cache.versions.remember(this.#reader, dependencies)
    const etag = this.#version.tagFor(tagged(readerOf(this.#facts, vary), generation))
    const { lastModified } = this.#version
    const isDated = fieldValue(head.fields, 'last-modified') !== undefined
    const dated =
      isDated || lastModified === undefined || generation !== undefined || !this.#isForAll(vary)
        ? []
        : ['Last-Modified', formatHttpDate(lastModified)]
    if (etag === this.etag && dated.length === 0) return head
    const others = withoutFields(head.fields, new Set(['etag']))
    return { ...head, fields: [...others, 'ETag', etag, ...dated] }
  }

  /** What it will depend on, as far as the last one of its kind tells; undefined where there was none. */
  #expected(): Dependency[] | undefined {
    const { cache, miss: lookup } = this.#facts
    const stored = lookup.stored?.dependencies
    const known = cache.versions.recall(this.#reader)
    if (stored === undefined && known === undefined) return undefined
    return [...knownDependencies(this.#facts), ...(stored ?? []), ...(known ?? [])]
  }

  /** Something that it depends on was invalidated, and the record need not tell of it: then the tag is another. */
  #generation(dependencies: readonly Dependency[] | undefined): string | undefined {
    const { cache } = this.#facts
    return this.#version.isOwn ? undefined : cache.versions.generation(cache, dependencies)
  }

  /**
   * Is it made from what a session or a user holds, which changes behind one and the same cookie? Where nothing is known of the
   * reads, a cookie may lead to one.
   */
  #isSecret(): boolean {
    const { miss: lookup, observation, policy, request } = this.#facts
    if (this.#version.isOwn || lookup.group !== undefined) return false
    if (observation === undefined || policy.off) return request.headers['cookie'] !== undefined
    for (const { reason } of observation.privateReads) {
      if (reason === 'session-read' || reason === 'user-read') return true
    }
    return false
  }

  #isStored(): boolean {
    const { miss: lookup, policy } = this.#facts
    const etag = policy.off ? undefined : lookup.stored?.validators.etag
    return etag !== undefined && this.etag !== undefined && weakMatch(etag, this.etag)
  }

  #isWithClient(): boolean {
    const { method, headers } = this.#facts.request
    if (method !== 'GET' && method !== 'HEAD') return false
    return isNotModified(headers, { etag: this.etag, lastModified: this.lastModified })
  }

  /** A date tells nothing of build, language or visitor: it counts only where none of them does. */
  #isForAll(vary: readonly string[]): boolean {
    const { cache, miss: lookup, observation, policy } = this.#facts
    return (
      cache.settings.build === '' &&
      cache.settings.observe &&
      !policy.off &&
      lookup.bypass === undefined &&
      lookup.group === undefined &&
      observation?.privateRead === undefined &&
      keyOf(this.#facts, vary) === lookup.primaryKey
    )
  }

  /** What the handler has yet to read is known by what is stored, or there is nothing to read. */
  #isKnownForAll(): boolean {
    const { miss: lookup, request } = this.#facts
    const { headers } = request
    const isPlain = headers['accept-language'] === undefined && headers['cookie'] === undefined
    return (isPlain || lookup.stored !== undefined) && this.#isForAll([])
  }
}

const validatorFields: ReadonlySet<string> = new Set(['etag', 'last-modified'])

/** The version of a response for a reader, after the last invalidation of what it depends on. */
function tagged(reader: string, generation: string | undefined): string {
  return generation === undefined ? reader : `${reader} ${generation}`
}

/** The plan, with the validators of this head set on the response too, or taken from it. */
export function withValidators(plan: HeadPlan, { fields }: ResponseHead): HeadPlan {
  if (plan.act === 'serve') return plan
  const validators = (['ETag', 'Last-Modified'] as const).flatMap((name) => {
    const value = fieldValue(fields, name.toLowerCase())
    return value === undefined ? [] : [[name, value] as const]
  })
  const { set, remove } = plan.fields
  const isBare = fieldValue(fields, 'etag') === undefined
  const removed = isBare ? [...remove, ...validatorFields] : remove
  return { ...plan, fields: { set: [...set, ...validators], remove: removed } }
}

function readerOf(facts: ExchangeFacts, vary: readonly string[]): string {
  const { cache, miss: lookup, observation, policy, request } = facts
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
function keyOf(facts: ExchangeFacts, vary: readonly string[]): string {
  const { cache, miss: lookup, observation, policy, request } = facts
  const { store } = cache
  const named = [...vary, ...policy.vary, ...(observation?.inputs ?? [])]
  const inputs = store.inputsOf(lookup.primaryKey, named)
  return store.keyOf(lookup.primaryKey, inputs, (name) => cache.read(request, name))
}
