import type { BypassReason, MissReason, UncacheableReason } from '../events/reasons.ts'
import type { StoredResponse } from '../http/stored-response.ts'

/** Where and why the way of one request led to the application. */
export interface MissContext {
  readonly primaryKey: string
  /** The key of the variant that was looked for. */
  readonly key: string
  readonly group: string | undefined
  /** A stale stored response that the application may confirm, or that may stand in for an error. */
  readonly stored: StoredResponse | undefined
  readonly reason: MissReason | undefined
  /** What the application makes is compared with this, which would have been served. */
  readonly audited?: StoredResponse | undefined
  /** Why a response of this key was lately not stored, where the reason is 'hit-for-miss'. */
  readonly passed?: UncacheableReason | undefined
  /** What felled what was stored, where the reason is 'invalidated'. */
  readonly invalidatedBy?: string | undefined
  readonly bypass: BypassReason | undefined
  /** What decided to pass by: the name of a header. */
  readonly bypassDetail?: string | undefined
}
