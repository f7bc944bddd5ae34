import type { StoredValue, RedisView } from './redis-view.ts'

/** A stored key as it was meant: by its path, or without its variant. */
export interface Found {
  readonly key: string
  readonly value: StoredValue | undefined
  /** Where several are meant. */
  readonly others: readonly string[]
}

/** How many are named where several are meant. */
const most = 20

/** Finds what is stored under a key, or under the one key of this path, on any host and in any variant. */
export async function search(view: RedisView, asked: string): Promise<Found> {
  const value = await view.value(asked)
  if (value !== undefined) return { key: asked, value, others: [] }
  const found: string[] = []
  for await (const key of view.keys()) {
    if (isMeant(key, asked) && (await holds(view, key))) found.push(key)
    if (found.length === most) break
  }
  const [key, ...others] = found
  if (key === undefined || others.length > 0) return { key: asked, value: undefined, others: found }
  return { key, value: await view.value(key), others: [] }
}

/** Is it stored, and valid? What was purged keeps its place in the list until it would have expired. */
export async function holds(view: RedisView, key: string): Promise<boolean> {
  const value = await view.value(key)
  return value !== undefined && (await view.validity(value)).valid
}

function isMeant(key: string, asked: string): boolean {
  const from = asked.startsWith('/') ? /^https?:\/\/[^/ ]+/.exec(key)?.[0] : ''
  if (from === undefined) return false
  const rest = key.slice(from.length)
  return rest === asked || rest.startsWith(`${asked} `)
}
