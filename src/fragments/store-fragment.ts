import { fragmentDependency, onOrigin, tagDependency } from '../invalidation/dependency.ts'
import type { Timeline } from '../http/freshness.ts'
import type { StoredFragment } from '../store/stored-fragment.ts'
import type { FragmentCall } from './fragment-call.ts'
import type { Asked } from './lookup.ts'
import type { FragmentRender, Outcome } from './fragment-render.ts'
import type { Contained } from './dependency-tracker.ts'

/** What was made, as it is stored. */
export function storedFragment(
  { call, key, version }: Asked,
  { startSequence }: FragmentRender,
  outcome: Outcome,
  timeline: Timeline,
): StoredFragment {
  const { text, verifiedAt, allDependencies: dependencies, tags } = outcome
  return {
    kind: 'fragment',
    key,
    name: call.name,
    version,
    text,
    timeline,
    startSequence,
    verifiedAt,
    dependencies,
    tags: [...tags],
    assets: assetsOf(outcome),
    inputs: [...outcome.inputs],
    group: call.policy.session ?? undefined,
  }
}

const noAssets: StoredFragment['assets'] = new Map()

/** A copy: what is stored does not change when more is attached to the page. */
function assetsOf({ assets }: Outcome): StoredFragment['assets'] {
  if (assets.size === 0) return noAssets
  return new Map(Array.from(assets, ([name, values]) => [name, [...values]]))
}

/** What is stored, as what encloses it has to know of it. @param verifiedAt as of when it is known to be valid */
export function containedIn(stored: StoredFragment, verifiedAt: number): Contained {
  return {
    allDependencies: stored.dependencies,
    tags: stored.tags,
    freshUntil: stored.timeline.staleAt,
    verifiedAt,
    assets: stored.assets,
    inputs: stored.inputs,
    groups: stored.group === undefined ? [] : [stored.group],
    refusal: undefined,
  }
}

/** What a list without rows has of its call. */
export function noneOf(
  { name, policy }: FragmentCall,
  origin: string | undefined,
  now: number,
): Contained {
  const { tags, dependencies, vary, session, maxAge } = policy
  return {
    allDependencies: [
      fragmentDependency(name),
      ...tags.map(tagDependency),
      ...onOrigin(dependencies, origin),
    ],
    tags,
    freshUntil: now + maxAge,
    verifiedAt: Infinity,
    assets: noAssets,
    inputs: vary,
    groups: typeof session === 'string' ? [session] : [],
    refusal: session === null ? { reason: 'draft', detail: `${name}: session is null` } : undefined,
  }
}
