import type { Recording } from './recording.ts'

/** The keys that each page has shown, where that is looked after. */
const shown = new WeakMap<Recording, Set<string>>()

/** @returns true when the page of this recording shows a fragment of this key for the first time */
export function noteShown(page: Recording, key: string): boolean {
  const keys = shown.get(page) ?? new Set<string>()
  shown.set(page, keys)
  const { size } = keys
  return keys.add(key).size > size
}
