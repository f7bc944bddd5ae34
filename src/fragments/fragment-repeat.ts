import type { Recording } from './dependency-tracker.ts'
import type { Scope } from './scope.ts'

/** The keys that each page has shown, where that is looked after. */
const shown = new WeakMap<Recording, Set<string>>()

/** @returns true when the page of this recording shows a fragment of this key for the first time */
export function noteShown(page: Recording, key: string): boolean {
  const keys = shown.get(page) ?? new Set<string>()
  shown.set(page, keys)
  const { size } = keys
  return keys.add(key).size > size
}

/** A pass over a view begins with what its page has shown. */
export function takeShown(pass: Recording, page: Recording): void {
  const keys = shown.get(page)
  if (keys) shown.set(pass, new Set(keys))
}

/** What a pass has shown, its page has. */
export function keepShown(page: Recording, pass: Recording): void {
  for (const key of shown.get(pass) ?? []) noteShown(page, key)
}

/** Each pass over a view notes for itself what its page shows. */
export function pageOf({ pass, root }: Scope): Recording {
  return pass?.recording ?? root
}
