import type { AuditDifference, UncacheableReason } from '../events/reasons.ts'
import { fieldValue } from '../http/header-fields.ts'
import type { StoredResponse } from '../http/stored-response.ts'
import type { Stored } from '../store/entry-store.ts'
import type { CacheState } from './cache-state.ts'
import type { ExchangeFacts } from './exchange-facts.ts'

/** Fields that tell what a representation is; others tell when it was made, or by whom. */
const compared = ['content-type', 'content-encoding', 'content-language', 'location', 'link']

/**
 * Compares what an exchange has made, or why it is not stored, with what would have been served.
 *
 * @returns true when it was made for this alone, or is equal: what is stored has stood the test, and goes on standing it
 */
export function isAudited(
  { cache, miss: lookup, isRefresh }: ExchangeFacts & { readonly isRefresh: boolean },
  made:
    | StoredResponse
    | { readonly reason: UncacheableReason; readonly detail: string | undefined },
): boolean {
  const { audited } = lookup
  if (audited === undefined) return false
  const found =
    'reason' in made
      ? ({
          difference: 'uncacheable',
          detail: `${made.reason} ${made.detail ?? ''}`.trim(),
        } as const)
      : differenceOf(audited, made)
  tellAudit(cache, audited, found)
  return isRefresh || found === undefined
}

/** In what something that was made anew differs from what is stored; undefined when in nothing that clients would see. */
function differenceOf(
  stored: StoredResponse,
  made: StoredResponse,
): { readonly difference: AuditDifference; readonly detail: string } | undefined {
  if (stored.status !== made.status) {
    return { difference: 'status', detail: `${stored.status}, now ${made.status}` }
  }
  const name = compared.find(
    (each) => fieldValue(stored.fields, each) !== fieldValue(made.fields, each),
  )
  if (name !== undefined) {
    const now = fieldValue(made.fields, name) ?? 'none'
    return {
      difference: 'fields',
      detail: `${name}: ${fieldValue(stored.fields, name) ?? 'none'}, now ${now}`,
    }
  }
  if (stored.body.equals(made.body)) return undefined
  return { difference: 'body', detail: firstDifference(stored.body, made.body) }
}

/** Where two texts part, with a little of both. */
export function firstDifference(stored: Buffer, made: Buffer): string {
  let at = 0
  while (at < stored.length && stored[at] === made[at]) at++
  const from = Math.max(0, at - 10)
  const part = (bytes: Buffer): string => JSON.stringify(bytes.toString('utf8', from, at + 30))
  return `at byte ${at}: ${part(stored)}, now ${part(made)}`
}

/** Tells what an audit has found, unless what was compared has fallen meanwhile: then it may well differ. */
export function tellAudit(
  { events, sequence, membership, settings }: CacheState,
  stored: Stored,
  found: { readonly difference: AuditDifference; readonly detail: string } | undefined,
): void {
  const { startSequence, dependencies, timeline } = stored
  if (!events.wants('audit')) return
  if (
    sequence.invalidatedBy(startSequence, dependencies) !== undefined ||
    settings.clock() >= timeline.staleAt
  )
    return
  events.emit('audit', {
    key: stored.kind === 'response' ? stored.primaryKey : stored.key,
    kind: stored.kind,
    difference: found?.difference,
    detail: found?.detail,
    sequence: membership?.sequence.numberOf(startSequence) ?? startSequence,
    epoch: membership?.sequence.epoch,
    dependencies,
  })
}
