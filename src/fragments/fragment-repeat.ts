import type { DependencyTracker, Shown } from './dependency-tracker.ts'
import type { Scope } from './scope.ts'

/** A job without an end is not a page: of more keys the first ones are known. */
const mostShown = 10_000

/** Notes that the page of this tracker shows a key, unless it has asked for it before. */
export function noteShown(page: DependencyTracker, key: string, asks: Shown): void {
  page.shown ??= new Map()
  if (page.shown.size < mostShown && !page.shown.has(key)) page.shown.set(key, asks)
}

/**
 * Might a call show something else than the one before it? The iterations of a loop stand in one encloser, and another body
 * has another source; what several enclosers have of one body is one fragment that they share.
 */
export function mayDiffer(earlier: Shown, { tracker, body }: Shown): boolean {
  return earlier.tracker === tracker || String(earlier.body) !== String(body)
}

/** A pass over a view begins with what its page has shown. */
export function takeShown(pass: DependencyTracker, page: DependencyTracker): void {
  if (page.shown) pass.shown = new Map(page.shown)
}

/** What a pass has shown, its page has. */
export function keepShown(page: DependencyTracker, pass: DependencyTracker): void {
  for (const [key, asks] of pass.shown ?? []) noteShown(page, key, asks)
}

/** Each pass over a view notes for itself what its page shows. */
export function pageOf({ renderPass: pass, root }: Scope): DependencyTracker {
  return pass?.tracker ?? root
}
