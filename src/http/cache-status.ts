import { parseList, serializeString } from './structured-field.ts'
import { isToken } from '../values/token.ts'

/** Why a request went forward to the application instead of being answered (RFC 9211 §2.2). */
export type Forward =
  /** The cache was told not to handle this request. */
  | 'bypass'
  /** The method's meaning requires it. */
  | 'method'
  /** Nothing was stored for this URI. */
  | 'uri-miss'
  /** Something was stored for this URI, but not for these request fields. */
  | 'vary-miss'
  /** Nothing was stored, and no more can be said. */
  | 'miss'
  /** The request's own directives did not allow what was stored. */
  | 'request'
  /** What was stored is stale. */
  | 'stale'
  /** What was stored does not cover the range asked for. */
  | 'partial'

/** What one cache reports about one answer (RFC 9211 §2). */
export interface CacheStatusMember {
  /** The cache's name, written as a token where it is one. */
  readonly name: string
  /** Answered without the application. Excludes {@link fwd}, which is then left out. */
  readonly hit?: boolean
  readonly fwd?: Forward
  /** The status the application answered with, where it is not the one sent. */
  readonly fwdStatus?: number
  /** Remaining freshness in seconds, rounded down; negative when stale. */
  readonly ttl?: number
  readonly stored?: boolean
  /** Shared with another request's answer. */
  readonly collapsed?: boolean
  /** The cache key. It may tell visitors about the inside of an application: for debugging only. */
  readonly key?: string
  /** What the other parameters cannot say. */
  readonly detail?: string
}

/**
 * The value of `Cache-Status` with this cache's report as its last member (RFC 9211 §2):
 * `cacheflow; hit; ttl=42`.
 *
 * @param upstream the value the response came with. It is kept as it is, unless it is no valid List:
 * recipients would ignore it then, and this cache's report with it.
 */
export function cacheStatus(member: CacheStatusMember, upstream?: string): string {
  const earlier = upstream === undefined ? [] : (parseList(upstream) ?? [])
  const own = report(member)
  return upstream === undefined || earlier.length === 0 ? own : `${upstream.trim()}, ${own}`
}

function report(member: CacheStatusMember): string {
  const { name, hit, fwd, fwdStatus, ttl, stored, collapsed, key, detail } = member
  let text = tokenOrString(name)
  if (hit === true) text += '; hit'
  else if (fwd !== undefined) text += `; fwd=${fwd}`
  if (isWritable(fwdStatus)) text += `; fwd-status=${integer(fwdStatus)}`
  if (isWritable(ttl)) text += `; ttl=${integer(ttl)}`
  if (stored === true) text += '; stored'
  if (collapsed === true) text += '; collapsed'
  if (key !== undefined) text += `; key=${serializeString(key)}`
  if (detail !== undefined) text += `; detail=${tokenOrString(detail)}`
  return text
}

function tokenOrString(text: string): string {
  // A token of RFC 9651 begins with a letter or an asterisk.
  return isToken(text) && /^[a-z*]/i.test(text) ? text : serializeString(text)
}

function isWritable(value: number | undefined): value is number {
  return value !== undefined && !Number.isNaN(value)
}

/** Fifteen digits are the most an Integer has (RFC 9651 §3.3.1). */
const GREATEST = 999_999_999_999_999

function integer(value: number): string {
  return String(Math.max(-GREATEST, Math.min(Math.floor(value), GREATEST)))
}
