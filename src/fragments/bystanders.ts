import type { Visitor } from './scope.ts'

/** A request whose application may be running at this moment, in whatever async context. */
export type Bystander = Pick<Visitor, 'owner' | 'isObserved' | 'watch'>

/** By the framework's own request, which is one for all caches of the process that it meets. */
const underWay = new Map<unknown, Bystander>()
/** Those of whom it is not known what was read. */
const unknown = new Set<unknown>()

export function enter(bystander: Bystander): void {
  const { owner, isObserved } = bystander
  underWay.set(owner, bystander)
  if (isObserved) unknown.delete(owner)
  else unknown.add(owner)
}

/** How many ended requests are held until the first fragment of the process is rendered. */
const MAX_ENDED = 100
/** The last requests that ended before any fragment was rendered; undefined from then on. */
let ended: Bystander[] | undefined = []
let oldest = 0

/**
 * Its response is over. Code of it may wait in a queue still: what that reads of the target is noted.
 * Watching a request costs as much as a look-up, so an application without fragments is spared it.
 */
export function leave({ owner }: Bystander): void {
  const bystander = underWay.get(owner)
  if (bystander) {
    if (ended === undefined) bystander.watch()
    else {
      ended[oldest] = bystander
      oldest = (oldest + 1) % MAX_ENDED
    }
  }
  underWay.delete(owner)
  unknown.delete(owner)
}

/** Could code run in the context of this visitor whose reads nobody sees, for it belongs to a request that is not observed? */
export function hasUnknownOthers({ owner }: Pick<Visitor, 'owner'>): boolean {
  return unknown.size > (unknown.has(owner) ? 1 : 0)
}

/** Notes what is read of the target of every other request: the body that is about to run may be of one of these. */
export function watchOthers(visitor: Pick<Visitor, 'owner'> | undefined): void {
  for (const other of ended ?? []) other.watch()
  ended = undefined
  for (const other of underWay.values()) if (other.owner !== visitor?.owner) other.watch()
}
