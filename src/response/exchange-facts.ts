import type { HitReason } from '../events/reasons.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import type { IncomingRequest } from '../request/incoming-request.ts'
import type { MissContext } from './miss-context.ts'
import type { Asked } from '../privacy/groups.ts'
import type { ReadTracker } from '../request/read-tracker.ts'
import type { Policy } from '../request/policy.ts'
import type { DependencyTracker } from '../fragments/dependency-tracker.ts'
import type { ResponseCache } from './response-cache.ts'

/** The head of a response as the application made it. */
export interface ResponseHead {
  readonly status: number
  readonly statusMessage: string | undefined
  /** What the application set: this is stored. */
  readonly fields: readonly string[]
  /** All that stands on the response, with the fields of outer layers: what goes out, and what may forbid. */
  readonly all: readonly string[]
  /** Names of fields whose lines stand behind those of outer layers, in lower case. */
  readonly added: readonly string[]
  /** Names of fields that outer layers had set and the application has taken away, in lower case. */
  readonly removed: readonly string[]
  /** The request's method now: method-override may have changed it. */
  readonly method: string
}

/** A body that the application may have made as a whole before its head goes out. */
export interface BodySource {
  /** Its length in bytes; undefined where it comes later, as a stream does. */
  size(): number | undefined
  /** Its bytes, where they have a length. */
  bytes(): Buffer
}

/** All that is known of one exchange when its response is judged. */
export interface ExchangeFacts {
  readonly cache: ResponseCache
  readonly request: IncomingRequest
  readonly policy: Policy
  readonly miss: MissContext
  readonly tracker: DependencyTracker
  readonly observation: ReadTracker | undefined
  /** What session() found and did not find; undefined where it was not asked. */
  readonly asked: Asked | undefined
  readonly requestedAt: number
  /** When the head of the response was known. */
  readonly receivedAt: number
}

/** Changes to the head of a response on its way to the client. */
export interface HeadFields {
  readonly set: readonly (readonly [name: string, value: string])[]
  /** In lower case. */
  readonly remove: readonly string[]
}

/** What is to be done with a response whose head is known. */
export type HeadPlan =
  /** Let it pass, with these changes; `collect` its bytes for `complete()`. */
  | { readonly act: 'send'; readonly fields: HeadFields; readonly collect: boolean }
  /** Send 304 to the client, who has this response already; collect the bytes all the same. */
  | {
      readonly act: 'not-modified'
      readonly fields: HeadFields
      readonly collect: boolean
      /** It is too large to be made to its end for nobody. */
      readonly isCut: boolean
    }
  /** Send this stored response instead of what the application makes. */
  | {
      readonly act: 'serve'
      readonly stored: StoredResponse
      readonly reason: HitReason
      readonly forwardedStatus: number
      /** Cookies that the application set while it confirmed: they are this visitor's alone. */
      readonly cookies: readonly string[]
    }
