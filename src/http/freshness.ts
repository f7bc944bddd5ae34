import type { CacheControl } from './cache-control.ts'
import { type HeaderFields, fieldLines, fieldValue } from './header-fields.ts'
import { parseHttpDate } from './http-date.ts'

/** What the options say about lifetimes; all times in milliseconds. */
export interface LifetimePolicy {
  /** 'own': responses without freshness of their own get `maxAge`. 'http': the response's headers alone decide. */
  readonly mode: 'own' | 'http'
  readonly maxAge: number | false
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** Allow a heuristic lifetime of 10 % of the time since Last-Modified (RFC 9111 §4.2.2). */
  readonly heuristic: boolean
}

export type LifetimeSource =
  | 'draft'
  | 'targeted'
  | 's-maxage'
  | 'max-age'
  | 'expires'
  | 'heuristic'
  | 'option'

export interface Lifetime {
  readonly milliseconds: number
  readonly source: LifetimeSource
}

/** Final statuses that a cache may keep without explicit freshness (RFC 9110 §15.1). */
const heuristicStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

/** The lifetime the response itself states (RFC 9111 §4.2.1), or undefined when it states none. */
export function statedLifetime(
  control: CacheControl,
  targeted: boolean,
  fields: HeaderFields,
  now: number,
): Lifetime | undefined {
  if (control.sMaxage !== undefined) {
    return { milliseconds: control.sMaxage * 1000, source: targeted ? 'targeted' : 's-maxage' }
  }
  if (control.maxAge !== undefined) {
    return { milliseconds: control.maxAge * 1000, source: targeted ? 'targeted' : 'max-age' }
  }
  // A valid targeted field replaces Expires too (RFC 9213 §2.2).
  if (targeted) return undefined
  const lines = fieldLines(fields, 'expires')
  if (lines.length === 0) return undefined
  // An unparsable Expires means "already expired" (RFC 9111 §5.3); several lines cannot be one date.
  const expires = lines.length === 1 ? parseHttpDate(lines[0]) : undefined
  if (expires === undefined) return { milliseconds: 0, source: 'expires' }
  const date = parseHttpDate(fieldValue(fields, 'date')) ?? now
  return { milliseconds: Math.max(0, expires - date), source: 'expires' }
}

/** A tenth of the time since Last-Modified, for the statuses that allow it (RFC 9111 §4.2.2). */
export function heuristicLifetime(
  status: number,
  control: CacheControl,
  fields: HeaderFields,
  now: number,
): Lifetime | undefined {
  if (!heuristicStatuses.has(status) && !control.public) return undefined
  const modified = parseHttpDate(fieldValue(fields, 'last-modified'))
  if (modified === undefined) return undefined
  const date = parseHttpDate(fieldValue(fields, 'date')) ?? now
  return { milliseconds: Math.max(0, Math.floor((date - modified) / 10)), source: 'heuristic' }
}

/** Milliseconds the response had lived when it reached us (RFC 9111 §4.2.3, corrected_initial_age). */
export function initialAge(fields: HeaderFields, requestedAt: number, receivedAt: number): number {
  const date = parseHttpDate(fieldValue(fields, 'date'))
  const apparent = date === undefined ? 0 : Math.max(0, receivedAt - date)
  // Of a list the first member counts, and what is no number is ignored (RFC 9111 §5.1).
  const text = fieldLines(fields, 'age')[0]?.split(',', 1)[0]?.trim() ?? ''
  // What is too great to count is as old as can be (RFC 9111 §1.2.2).
  const stated = /^\d+$/.test(text) ? Math.min(Number(text), 2 ** 31) * 1000 : 0
  // The response's own Age was right when it was made; the time until it came is added to it.
  const corrected = stated === 0 ? 0 : stated + Math.max(0, receivedAt - requestedAt)
  return Math.max(apparent, corrected)
}

/** The moments of a stored response's life, absolute milliseconds of one clock. */
export interface Timeline {
  /** When it was received. */
  readonly cachedAt: number
  /** Its age at that moment, milliseconds. */
  readonly initialAge: number
  /** Fresh before this moment. */
  readonly staleAt: number
  /** May be served stale before this moment while it is refreshed (RFC 5861 §3). */
  readonly revalidateUntil: number
  /** May be served before this moment when the application fails (RFC 5861 §4). */
  readonly errorUntil: number
  /** Of no use after this moment, not even for validation. */
  readonly deleteAt: number
}

/** A stale response is kept this long for validation alone: 10 minutes. */
const keptForValidation = 600_000

export function timelineOf(
  lifetime: number,
  age: number,
  now: number,
  windows: { readonly staleWhileRevalidate: number; readonly staleIfError: number },
): Timeline {
  const staleAt = now + lifetime - age
  const revalidateUntil = staleAt + windows.staleWhileRevalidate
  const errorUntil = staleAt + windows.staleIfError
  return {
    cachedAt: now,
    initialAge: age,
    staleAt,
    revalidateUntil,
    errorUntil,
    deleteAt: Math.max(now, staleAt, revalidateUntil, errorUntil) + keptForValidation,
  }
}

/** Soft invalidation: stale from now on, servable while it is renewed for as long as it would have been. */
export function softened(timeline: Timeline, now: number): Timeline {
  if (timeline.staleAt <= now) return timeline
  return {
    ...timeline,
    staleAt: now,
    revalidateUntil: Math.max(timeline.staleAt, timeline.revalidateUntil),
    errorUntil: Math.max(timeline.staleAt, timeline.errorUntil),
  }
}

/** Nothing can renew it in the background: whoever comes now has it made anew. */
export function unrefreshable(timeline: Timeline, now: number): Timeline {
  return { ...timeline, revalidateUntil: Math.min(timeline.revalidateUntil, now) }
}

/** Whole seconds since the response was made (RFC 9111 §4.2.3, current_age). */
export function currentAge(timeline: Timeline, now: number): number {
  return Math.max(0, Math.floor((timeline.initialAge + now - timeline.cachedAt) / 1000))
}

/** Whole seconds of freshness left; negative when stale (RFC 9211 §2.4). */
export function timeToLive(timeline: Timeline, now: number): number {
  return Math.floor((timeline.staleAt - now) / 1000)
}
