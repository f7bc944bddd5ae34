import { softened, timelineOf } from '../http/freshness.ts'
import type { FragmentRender, Outcome } from './fragment-render.ts'
import { type Asked, type FragmentHost, type LookupOutcome, fallen } from './lookup.ts'
import { storedFragment } from './store-fragment.ts'
import type { FragmentTally } from './fragment-stats.ts'
import { outlined, written } from './output.ts'

/** Stores what a body made, unless something forbids it. */
export function finished(
  room: FragmentHost,
  tally: FragmentTally,
  asked: Asked,
  render: FragmentRender,
  { made, way }: { readonly made: unknown; readonly way: LookupOutcome },
): Outcome {
  const { call, key } = asked
  const { settings, store, sequence } = room
  const { policy } = call
  const plain = written(made, policy.form, call.where)
  const text =
    settings.annotate && policy.form !== 'json' ? outlined(plain, key, settings.clock()) : plain
  const now = settings.clock()
  const { maxAge = policy.maxAge } = render.tracker
  const outcome = render.outcome(text, now + Math.min(maxAge, policy.maxAge))
  if (way.reason === 'off') {
    tally.missed(asked, way, way.fault)
    return outcome
  }
  const fault =
    render.refusal(plain, settings.observe) ??
    fallen(sequence.invalidatedBy(render.startSequence, outcome.allDependencies))
  if (fault) {
    tally.missed(asked, way, fault)
    return outcome
  }
  const timeline = timelineOf(outcome.freshUntil - now, 0, now, policy)
  const softenedAt = sequence.softInvalidationAt(render.startSequence, outcome.allDependencies, key)
  const stored = storedFragment(
    asked,
    render,
    outcome,
    softened(timeline, Math.max(now, softenedAt)),
  )
  const isStored = store.putFragment(stored)
  const { isBound, root } = asked.scope
  // Only the context tells for whom it was made: taken back where that turns out to be another's.
  if (policy.vary.length > 0 && isBound !== true) root.visitorKeys.push(key)
  if (isStored) tally.missed(asked, way, undefined, stored)
  else tally.missed(asked, way, { reason: 'too-large', detail: '' })
  return { ...outcome, freshUntil: stored.timeline.staleAt, isShared: isStored }
}
