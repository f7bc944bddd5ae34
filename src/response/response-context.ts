import { createHash } from 'node:crypto'
import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import { onOrigin } from '../invalidation/dependency.ts'
import { type Dependable, dependenciesFrom } from '../invalidation/target.ts'
import { type Timestamp, timestampOf } from '../values/timestamp.ts'
import { formatHttpDate } from '../http/http-date.ts'
import { several } from '../values/to-list.ts'
import {
  type CacheFragment,
  type CacheFragments,
  fragmentIn,
  fragmentsIn,
  promisedIn,
} from '../fragments/cache-fragment.ts'
import { noteTags } from '../fragments/given-tags.ts'
import type { DependencyTracker } from '../fragments/dependency-tracker.ts'
import { type Scope, innermost, trackersOf } from '../fragments/scope.ts'
import type { VersionCheck, VersionTag } from './version.ts'

/** A record that tells when it changed. */
export interface Versioned {
  /** A Date, milliseconds since 1970, or an ISO 8601 string; a string's precision is kept. */
  readonly updatedAt: Date | number | string
  readonly id?: string | number | bigint
}

/** The argument of freshWhen(): a record, several, or an entity tag of the application's own. */
export type Version =
  | Versioned
  | readonly Versioned[]
  | { readonly etag: string; readonly updatedAt?: Versioned['updatedAt'] }

/** How an adapter carries out what a handler decides before it renders. */
export interface ContextSink {
  /** Sets a header field of the response before its rendering. */
  setHeader(name: string, value: string): void
  /** Ends the response with 304; the cache turns it into the stored response where the client has none. */
  endNotModified(): void
}

/** The exchange behind a response context. */
export interface ContextSubject {
  readonly tracker: DependencyTracker
  readonly request: { readonly origin: string }
  readonly cache: { readonly settings: { readonly strict: boolean } }
  checkVersion(version: VersionTag): Pick<VersionCheck, 'etag' | 'lastModified' | 'holder'>
}

/**
 * The response of one request for its handler: `res.locals.cacheflow` in Express,
 * `ctx.state.cacheflow` in Koa. On requests that bypass the cache every call is allowed and has no
 * effect.
 */
export class ResponseContext {
  readonly #exchange: ContextSubject
  readonly #sink: ContextSink
  readonly #scope: () => Scope

  /** @param scope the scope of its fragments */
  constructor(exchange: ContextSubject, sink: ContextSink, scope: () => Scope) {
    this.#exchange = exchange
    this.#sink = sink
    this.#scope = scope
  }

  /**
   * cacheFragment() of this response, also without its async context, as in a callback out of the
   * queue of a pool.
   *
   * @throws CacheflowError as `cacheFragment()`
   */
  readonly fragment: CacheFragment = (name: string, ...given: readonly unknown[]) =>
    promisedIn(this.#scope(), 'fragment()', (scope) => fragmentIn(scope, name, given))

  /** cacheFragments() of this response. @throws CacheflowError as `cacheFragments()` */
  readonly fragments: CacheFragments = (name: string, ...given: readonly unknown[]) =>
    promisedIn(this.#scope(), 'fragments()', (scope) => fragmentsIn(scope, name, given))

  /** track() of this response. @throws CacheflowError `ERR_CACHEFLOW_TARGET` */
  track<Data>(target: Dependable | readonly Dependable[], read: () => Data): Data {
    this.dependsOn(...several<Dependable>(target))
    return read()
  }

  /**
   * Tags the response: `invalidate({ tag })` invalidates it, and tag headers pass the tag on to
   * CDNs.
   *
   * A wrong tag may come from a client: outside of development the response is then not stored, and
   * the uncacheable event tells why.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_TAG` in development (`fragments.strict`), for a tag that
   *   is no string or is empty
   */
  tag(...tags: readonly string[]): this {
    noteTags(this.#tracker, tags, this.#exchange.cache.settings.strict)
    return this
  }

  // Called in the body of a fragment it speaks of the fragment, and so reaches the response whenever that is shown.
  get #tracker(): DependencyTracker {
    return innermost(this.#exchange.tracker)
  }

  /** Invalidates the response with these targets too, without adding them to its tag headers. */
  dependsOn(...targets: readonly Dependable[]): this {
    const { origin } = this.#exchange.request
    this.#tracker.dependOn(onOrigin(dependenciesFrom(targets, 'dependsOn()'), origin))
    return this
  }

  /**
   * How long the response is fresh; it wins over the response's own headers and the route's option.
   * The shortest of several calls holds.
   *
   * @throws CacheflowError `ERR_CACHEFLOW_DURATION`
   */
  maxAge(duration: Duration): this {
    this.#tracker.limitMaxAge(milliseconds(duration, 'maxAge()'))
    return this
  }

  /**
   * Keeps this response from being stored; `reason` appears in the uncacheable event. Works until
   * the last byte is sent.
   */
  noStore(reason: string): this {
    this.#tracker.refuse(reason)
    return this
  }

  /** The assets that fragments have added under a name, each once, in the order of the page. */
  assets(name: string): readonly string[] {
    const trackers = trackersOf(this.#exchange.tracker)
    return [...new Set(trackers.flatMap(({ assets }) => [...(assets.get(name) ?? [])]))]
  }

  /**
   * Answers at once when the client, or the cache, already has the response of this version of the
   * records:
   *
   *   const post = await db.posts.find(req.params.id)
   *   if (res.locals.cacheflow.freshWhen(post)) return       // 304, or the stored page: nothing is rendered
   *   res.render('post', { post })
   *
   * Sets ETag on the response: weak, from `updatedAt`, `id`, the cache key, `build`, the language,
   * the last invalidation of the page's dependencies and, where they shape the page, the visitor's
   * credentials. Sets Last-Modified where the page depends on the record alone. A page made from a
   * session or a user has no version: it gets neither field, and is rendered each time, unless
   * `session` names the group that shares it or the version is an `etag` of the application's own.
   *
   * @returns true when the response was ended: the handler returns without rendering
   * @throws CacheflowError `ERR_CACHEFLOW_VERSION` when `updatedAt` is missing or no date
   */
  freshWhen(version: Version): boolean {
    const tag = tagOf(version)
    const { etag, lastModified, holder } = this.#exchange.checkVersion(tag)
    if (etag !== undefined) this.#sink.setHeader('ETag', etag)
    if (lastModified !== undefined) {
      this.#sink.setHeader('Last-Modified', formatHttpDate(lastModified))
    }
    if (holder === undefined) return false
    this.#sink.endNotModified()
    return true
  }
}

function tagOf(version: Version): VersionTag {
  const given: unknown = version
  if (typeof given !== 'object' || given === null) {
    throw fail('ERR_CACHEFLOW_VERSION', given, 'freshWhen()')
  }
  if ('etag' in version) {
    if (!/^(W\/)?"[!\u0023-\u007E\u0080-\u00FF]*"$/.test(version.etag)) {
      throw fail('ERR_CACHEFLOW_VERSION', version.etag, 'freshWhen()', {
        mend: 'An entity tag is quoted: \'"v1"\' or \'W/"v1"\'.',
      })
    }
    const lastModified =
      version.updatedAt === undefined ? undefined : moment(version.updatedAt).time
    const { etag } = version
    return { lastModified, isOwn: true, tagFor: () => etag }
  }
  const records: readonly unknown[] = Array.isArray(version) ? version : [version]
  const versions = records.map(versionOf)
  const texts = versions.map(({ text }) => text)
  const youngest = versions.reduce((latest, { time }) => Math.max(latest, time), -Infinity)
  return {
    lastModified: versions.length === 0 ? undefined : youngest,
    isOwn: false,
    tagFor: (reader) => {
      const hash = createHash('sha1').update(JSON.stringify([reader, texts]))
      return `W/"${hash.digest('base64url')}"`
    },
  }
}

function versionOf(record: unknown): { readonly text: string; readonly time: number } {
  if (!isVersioned(record)) throw fail('ERR_CACHEFLOW_VERSION', record, 'freshWhen()')
  const { id = '', updatedAt } = record
  const { text, time } = moment(updatedAt)
  return { text: `${id}@${text}`, time }
}

function isVersioned(record: unknown): record is Versioned {
  return typeof record === 'object' && record !== null && 'updatedAt' in record
}

function moment(updatedAt: unknown): Timestamp {
  const read = timestampOf(updatedAt)
  if (read !== undefined) return read
  throw fail('ERR_CACHEFLOW_VERSION', updatedAt, 'freshWhen()')
}
