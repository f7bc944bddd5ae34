import { fragmentDependency, onOrigin, tagDependency } from '../invalidation/dependency.ts'
import type { Timeline } from '../http/freshness.ts'
import type { StoredFragment } from '../store/stored-fragment.ts'
import type { FragmentCall } from './fragment-call.ts'
import type { Asked } from './lookup.ts'
import type { FragmentMaking, Outcome } from './fragment-render.ts'
import type { Enclosed } from './dependency-tracker.ts'

/** What was made, as it is stored. */
export function storedFragment(
  { call, key, version }: Asked,
  { stamp }: FragmentMaking,
  outcome: Outcome,
  timeline: Timeline,
): StoredFragment {
  const { text, asOf, closure, tags } = outcome
  return {
    kind: 'fragment',
    key,
    name: call.name,
    version,
    text,
    timeline,
    stamp,
    asOf,
    closure,
    tags: [...tags],
    attachments: attachmentsOf(outcome),
    inputs: [...outcome.inputs],
    audience: call.policy.session ?? undefined,
  }
}

const noAttachments: StoredFragment['attachments'] = new Map()

/** A copy: what is stored does not change when more is attached to the page. */
function attachmentsOf({ attachments }: Outcome): StoredFragment['attachments'] {
  if (attachments.size === 0) return noAttachments
  return new Map(Array.from(attachments, ([name, values]) => [name, [...values]]))
}

/** What is stored, as what encloses it has to know of it. @param asOf as of when it is known to be valid */
export function enclosedIn(stored: StoredFragment, asOf: number): Enclosed {
  return {
    closure: stored.closure,
    tags: stored.tags,
    freshUntil: stored.timeline.staleAt,
    asOf,
    attachments: stored.attachments,
    inputs: stored.inputs,
    audiences: stored.audience === undefined ? [] : [stored.audience],
    refusal: undefined,
  }
}

/** What a list without rows has of its call. */
export function noneOf(
  { name, policy }: FragmentCall,
  origin: string | undefined,
  now: number,
): Enclosed {
  const { tags, dependencies, vary, session, maxAge } = policy
  return {
    closure: [
      fragmentDependency(name),
      ...tags.map(tagDependency),
      ...onOrigin(dependencies, origin),
    ],
    tags,
    freshUntil: now + maxAge,
    asOf: Infinity,
    attachments: noAttachments,
    inputs: vary,
    audiences: typeof session === 'string' ? [session] : [],
    refusal: session === null ? { reason: 'draft', detail: `${name}: session is null` } : undefined,
  }
}
