import type { Events } from '../events/events.ts'
import type { FragmentReason } from '../events/reasons.ts'
import type { StoredFragment } from '../store/stored-fragment.ts'
import type { Asked, FragmentHost, LookupOutcome } from './lookup.ts'
import type { FragmentFault } from './fragment-render.ts'

/** Counts and tells what became of each look-up; of what a view shows, when the pass counts that has shown it. */
export class FragmentTally {
  readonly #room: Pick<FragmentHost, 'events' | 'replicate'>
  hits = 0
  misses = 0

  constructor(room: Pick<FragmentHost, 'events' | 'replicate'>) {
    this.#room = room
  }

  hit(asked: Asked, reason: FragmentReason): void {
    const { renderPass: pass } = asked.scope
    const tell = (): void => {
      this.hits++
      told(this.#room.events, asked, { reason }, undefined, false)
    }
    if (pass) pass.later(tell)
    else tell()
  }

  /** @param stored what was made, where it is stored now: others may have it, too */
  missed(asked: Asked, way: LookupOutcome, fault?: FragmentFault, stored?: StoredFragment): void {
    const { renderPass: pass } = asked.scope
    const tell = (): void => {
      this.misses++
      if (stored) this.#room.replicate(stored)
      told(this.#room.events, asked, way, fault, stored !== undefined)
    }
    if (pass === undefined) tell()
    else if (stored) pass.stored(stored.key, tell)
    else pass.later(tell)
  }

  /** A body failed, and what was stored stands in for it. */
  replaced(asked: Asked): void {
    const { renderPass: pass } = asked.scope
    const tell = (): void => {
      this.misses++
    }
    if (pass) pass.later(tell)
    else tell()
  }
}

function told(
  events: Events,
  { call, key }: Asked,
  { reason, by }: LookupOutcome,
  fault: FragmentFault | undefined,
  stored: boolean,
): void {
  if (!events.wants('fragment')) return
  const { reason: refusal, detail } = fault ?? { reason: undefined, detail: undefined }
  events.emit('fragment', {
    key,
    fragment: call.name,
    reason,
    invalidatedBy: by,
    stored,
    uncacheable: refusal,
    detail,
  })
}
