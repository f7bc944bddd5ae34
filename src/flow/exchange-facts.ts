import type { BypassReason, HitReason, MissReason } from '../events.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { Observation } from './observation.ts'
import type { Policy } from './policy.ts'
import type { Recording } from './recording.ts'
import type { ResponseCache } from './response-cache.ts'

/** Where and why the way of one request led to the application. */
export interface Lookup {
  readonly primaryKey: string
  /** The key of the variant that was looked for. */
  readonly key: string
  readonly audience: string | undefined
  /** A stale stored response that the application may confirm, or that may stand in for an error. */
  readonly stored: StoredResponse | undefined
  readonly reason: MissReason | undefined
  /** What felled what was stored, where the reason is 'invalidated'. */
  readonly felledBy?: string | undefined
  readonly bypass: BypassReason | undefined
  /** What decided to pass by: the name of a header. */
  readonly bypassDetail?: string | undefined
}

/** The head of a response as the application made it, before the fields of outer layers. */
export interface ResponseHead {
  readonly status: number
  readonly statusMessage: string | undefined
  readonly fields: readonly string[]
  /** The request's method now: method-override may have changed it. */
  readonly method: string
}

/** All that is known of one exchange when its response is judged. */
export interface ExchangeFacts<Native> {
  readonly cache: ResponseCache<Native>
  readonly request: IncomingRequest<Native>
  readonly policy: Policy<Native>
  readonly lookup: Lookup
  readonly recording: Recording
  readonly observation: Observation | undefined
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
  | { readonly act: 'not-modified'; readonly fields: HeadFields; readonly collect: boolean }
  /** Send this stored response instead of what the application makes. */
  | {
      readonly act: 'serve'
      readonly stored: StoredResponse
      readonly reason: HitReason
      readonly forwardedStatus: number
      /** Cookies that the application set while it confirmed: they are this visitor's alone. */
      readonly cookies: readonly string[]
    }
