import type { Timeline } from '../http/freshness.ts'

/** A part of a page as it was rendered: immutable but for its timeline, which a soft invalidation shortens. */
export interface StoredFragment {
  readonly kind: 'fragment'
  readonly key: string
  readonly name: string
  /** The version of what it was made of: under one key only the newest rests. */
  readonly version: string
  readonly text: string
  /** Infinite moments where nothing limits its life but its version. */
  timeline: Timeline
  /** The sequence number at which its making started. */
  readonly startSequence: number
  /** As of when this process knows it to be valid, milliseconds of a clock that only goes forward. */
  readonly verifiedAt: number
  /** Every dependency it was made from, flattened. */
  readonly dependencies: readonly string[]
  readonly tags: readonly string[]
  readonly assets: ReadonlyMap<string, readonly string[]>
  /** Request inputs that its key has the values of: whatever encloses it varies by them. */
  readonly inputs: readonly string[]
  /** It was made for those that `session` names: whatever encloses it is private, too. */
  readonly group: string | undefined
}
