import type { Events } from '../events.ts'
import type { FragmentReason } from '../reasons.ts'
import type { Sequence } from '../graph/sequence.ts'
import type { ResponseStore } from '../store/response-store.ts'
import type { Body, FragmentCall } from './fragment-call.ts'
import type { Stored } from '../store/entry-store.ts'
import type { FragmentFault } from './fragment-making.ts'
import type { Membership } from './membership.ts'
import type { Scope } from './scope.ts'
import type { Settings } from './settings.ts'

/** What fragments need of the cache that they live in. */
export interface FragmentRoom {
  readonly settings: Pick<Settings<never>, 'build' | 'clock' | 'observe' | 'strict' | 'outline'>
  readonly events: Events
  readonly store: ResponseStore
  readonly sequence: Sequence
  readonly isClosed: boolean
  readonly membership: Membership | undefined
  trusts(stored: Stored): boolean
  /** Keeps what was stored for other instances too. */
  share(stored: Stored): void
}

/** Why a body ran, or did not. */
export interface Way {
  readonly reason: FragmentReason
  /** What felled the fragment that was stored. */
  readonly by?: string | undefined
}

/** One look-up. */
export interface Asked {
  readonly call: FragmentCall
  readonly body: Body<unknown>
  readonly scope: Scope
  readonly key: string
  readonly version: string
  /** False in a template that cannot await. */
  readonly mayWait: boolean
}

/** What all have in common that may share one making. */
export function makingId({ key, version }: Asked): string {
  return `${version} ${key}`
}

export function fallen(by: string | undefined): FragmentFault | undefined {
  return by === undefined ? undefined : { reason: 'invalidated', detail: by }
}

export function isThenable(made: unknown): made is PromiseLike<unknown> {
  return (
    typeof made === 'object' && made !== null && 'then' in made && typeof made.then === 'function'
  )
}
