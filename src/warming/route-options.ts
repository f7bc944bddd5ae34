import { fail } from '../events/errors.ts'
import type { WarmSource } from './queue.ts'
import { refuseUnknown } from '../values/option-check.ts'
import { fieldsOf, isSource, warmSource } from './options.ts'

/** How the pages of a route are warmed. */
export interface RouteWarming {
  /** The pages, as `warm` takes them alone. */
  readonly pages: WarmSource
  /** Each page is warmed with each of these sets of header fields. Default one without any. */
  readonly variants?: readonly Readonly<Record<string, string>>[]
  /** What is higher comes first. Default 0. */
  readonly priority?: number
}

/** A warmer of its own. */
export interface WarmerOptions {
  /** What is higher comes first. Default 0. */
  readonly priority?: number
}

/** What the option `warm` of a route declares. */
export interface DeclaredPages {
  readonly pages: WarmSource
  readonly variants: readonly Readonly<Record<string, string>>[]
  readonly priority: number
}

export function declaredPages(given: WarmSource | RouteWarming): DeclaredPages {
  if (isSource(given)) return { pages: given, variants: [{}], priority: 0 }
  refuseUnknown(
    given,
    new Set(['pages', 'variants', 'priority']),
    'warm',
    "Give a list of pages, a function that gives one, or { pages: ['/'], variants: [{ 'accept-language': 'de' }] }.",
  )
  const { variants = [{}] } = given
  if (!Array.isArray(variants) || variants.length === 0) {
    throw fail('ERR_CACHEFLOW_OPTION', variants, 'warm.variants', {
      mend: "Give a list of header fields: [{ 'accept-language': 'de' }].",
    })
  }
  return {
    pages: warmSource(given.pages, 'warm.pages'),
    variants: variants.map((each) => fieldsOf(each, 'warm.variants')),
    priority: priorityOf(given.priority, 'warm.priority'),
  }
}

export function warmerPriority(given: WarmerOptions): number {
  refuseUnknown(given, new Set(['priority']), 'warmer()')
  return priorityOf(given.priority, 'priority of warmer()')
}

function priorityOf(given: unknown, where: string): number {
  if (given === undefined) return 0
  if (typeof given === 'number' && Number.isFinite(given)) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, where, { mend: 'Give a number.' })
}
