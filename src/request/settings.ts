import type { Surrogate } from '../http/surrogate.ts'
import type { UserAgentClass } from './request-input.ts'
import type { BodyCoding } from '../store/compression.ts'
import type { RedisSettings } from '../redis/member.ts'
import type { Policy } from './policy.ts'

/** The options of one cache, resolved: every field present, every value checked, times in milliseconds. */
export interface Settings {
  /** False: a cache that does nothing. */
  readonly enabled: boolean
  readonly policy: Policy
  readonly maxSize: number
  readonly maxEntrySize: number
  readonly maxVariants: number
  /** How long a request waits for another's answer; false: nobody waits. */
  readonly collapseTimeout: number | false
  /** How long a key that could not be stored is remembered, so that its requests do not wait for each other. */
  readonly hitForMiss: number
  readonly observe: boolean
  readonly ignoredInputs: ReadonlySet<string>
  /** Header names, lower case, whose presence makes a request one with credentials. */
  readonly credentials: ReadonlySet<string>
  /** Inputs whose names look like a credential's, and which the application knows to be none. */
  readonly harmless: ReadonlySet<string>
  /** Of the hashes that stand for values in keys; undefined: this process has its own. */
  readonly keySecret: string | undefined
  /** Targeted Cache-Control fields in order of precedence (RFC 9213). */
  readonly targetedFields: readonly string[]
  readonly surrogates: readonly Surrogate[]
  readonly requestDirectives: boolean
  readonly cacheStatus: boolean | 'debug'
  readonly debug: boolean
  /** Part of the entity tags that freshWhen() makes: another build, another tag. */
  readonly build: string
  /** The build, where pages of an older one may still be stored: in Redis. */
  readonly keyedBuild: string
  /** Cache-Control for responses stored by our own lifetime when the application set none. */
  readonly cacheControl: string | false
  /** A fragment that reads what its key does not have is an error. */
  readonly strict: boolean
  /** Fragments stand between comments with their key and when they were made. */
  readonly annotate: boolean
  readonly userAgentClass: UserAgentClass
  readonly clock: () => number
  /** The share of hits that are made anew beside and compared. */
  readonly auditSample: number
  /** Nothing is served from the store: it is compared with what the application makes. */
  readonly verify: boolean
  /** How bodies are compressed, once, for Redis and for those who accept it. */
  readonly compress: BodyCoding
  /** What is shared with other instances, and how; undefined: this process is alone. */
  readonly redis: RedisSettings | undefined
}
