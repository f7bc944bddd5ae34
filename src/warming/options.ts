import { type CronSchedule, cronSchedule } from './cron-schedule.ts'
import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import type { WarmProgress } from '../events/warm-progress.ts'
import type { Pace, WarmSettings } from './run.ts'
import { type WarmSource, isEntries } from './queue.ts'
import { originOf } from '../http/origin.ts'
import { isRequestField } from '../http/request-field.ts'
import { flag, fn, refuseUnknown, text, wholeNumber } from '../values/option-check.ts'

/** What can be said for all runs of warmers, and again for one. */
export interface WarmLimits {
  /**
   * Scheme and host under which visitors see the application: part of every key. With several each page is made for each. Default
   * `'http://localhost'`, with the port where a server is given.
   */
  readonly origin?: string | readonly string[]
  /** Header fields of every request, over those of a browser; an empty text leaves one out. Default none. */
  readonly headers?: Readonly<Record<string, string>>
  /** Requests at one time. Default 4. */
  readonly parallelism?: number
  /** Requests in a second at most. Default: as many as come. */
  readonly rate?: number
  /** What a run may take; what is left then is left out. Default: as long as it takes. */
  readonly maxDuration?: Duration
  /** What one request may take. Default `'30s'`. */
  readonly timeout?: Duration
  /** How often what has failed is tried again: no answer, a status from 500, or 429. Default 2. */
  readonly retries?: number
}

/** How `warm()` fills the cache, and how it is kept warm. */
export interface WarmingOptions extends WarmLimits {
  /** Whether `warm()` does anything: off for tests and development. Default `true`. */
  readonly enabled?: boolean
  /**
   * How much of this process' time making pages may take while visitors are there, from 0 to 1; while there are none it takes all that it can use.
   * Default 0.1.
   */
  readonly maxUtilization?: number
  /** How many of the pages that visitors ask for most are warmed beside those that are declared. Default 0. */
  readonly hottest?: number
  /** What fell by an invalidation is made anew, the hottest first, once `warm()` was called. Default `false`. */
  readonly afterInvalidation?: boolean
  /** Repeats the first `warm()`. Minimum 100 ms, default: it runs when it is called. */
  readonly every?: Duration
  /**
   * Repeats the first `warm()` at times of the day: `'0 4 * * *'`, or `{ pattern, timezone }`. It takes the package croner. Default: it
   * runs when it is called.
   */
  readonly cron?: string | CronSchedule
  /** Pages that visitors ask for are made anew so long before they are stale. Minimum 100 ms, default: not before. */
  readonly refreshAhead?: Duration
}

/** One run of warmers. What is left out is as `cacheflow({ warming })` has it. */
export interface WarmOptions extends WarmLimits {
  /**
   * What is warmed, where it is not all that is declared: runs of one name never run side by side, in no instance. Default `'all'`, and
   * for `pages` none: then each instance warms its own.
   */
  readonly name?: string
  /** These pages, and not those that are declared; with a `name` once for all instances. */
  readonly pages?: WarmSource
  /** Makes anew what is fresh, too; not over the network, where a warmer is a visitor like others. Default `false`. */
  readonly force?: boolean
  /** Ends the run within one request's time. */
  readonly signal?: AbortSignal
  /** Hears of every page that is done, and of the end, as the event `progress` does, but of this run alone: `progressBar()`. */
  readonly onProgress?: (progress: WarmProgress) => void
}

const paceNames = ['origin', 'headers', 'parallelism', 'rate', 'maxDuration', 'timeout', 'retries']
const settingNames: ReadonlySet<string> = new Set([
  'enabled',
  'maxUtilization',
  'hottest',
  'afterInvalidation',
  'every',
  'cron',
  'refreshAhead',
  ...paceNames,
])
const runNames: ReadonlySet<string> = new Set([
  'name',
  'pages',
  'force',
  'signal',
  'onProgress',
  ...paceNames,
])

/** @param given the option `warming` */
export function warmSettings(given: WarmingOptions | undefined = {}): WarmSettings {
  refuseUnknown(
    given,
    settingNames,
    'warming',
    "Give { parallelism: 8, origin: 'https://shop.example' }.",
  )
  return {
    enabled: flag(given.enabled, 'warming.enabled', true),
    maxUtilization: shareOf(given.maxUtilization),
    hottest: given.hottest === 0 ? 0 : wholeNumber(given.hottest, 'warming.hottest', 0),
    afterInvalidation: flag(given.afterInvalidation, 'warming.afterInvalidation', false),
    every: intervalOf(given.every, 'warming.every'),
    cron: given.cron === undefined ? undefined : cronSchedule(given.cron),
    refreshAhead: intervalOf(given.refreshAhead, 'warming.refreshAhead') ?? 0,
    ...placeOf(given, 'warming', { origins: [], headers: {} }),
    ...paceOf(given, 'warming', {
      parallelism: 4,
      rate: Infinity,
      maxDuration: Infinity,
      timeout: 30_000,
      retries: 2,
    }),
  }
}

/** Which of the instances does it: one for all, each behind the other (who finds fresh what the others made), or each at once. */
export type Sharing = 'one' | 'each' | 'own'

/** One run, resolved. */
export interface WarmRunSettings extends WarmSettings {
  readonly name: string
  readonly sharing: Sharing
  readonly pages: WarmSource | undefined
  readonly isForced: boolean
  /** What is fresh for so long and no longer is made anew, milliseconds. */
  readonly leastFresh: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: WarmProgress) => void) | undefined
}

export function warmRunSettings(given: WarmOptions, settings: WarmSettings): WarmRunSettings {
  refuseUnknown(given, runNames, 'warm()')
  const { signal } = given
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw fail('ERR_CACHEFLOW_OPTION', signal, 'signal of warm()', { mend: 'Give an AbortSignal.' })
  }
  const isForced = flag(given.force, 'force of warm()', false)
  return {
    ...settings,
    ...placeOf(given, 'warm()', settings),
    ...paceOf(given, 'warm()', settings),
    name: text(given.name, 'name of warm()', given.pages === undefined ? 'all' : 'pages'),
    // Pages without a name are other ones in each instance, for all that is known.
    sharing: given.pages === undefined || given.name !== undefined ? 'one' : 'own',
    pages: given.pages === undefined ? undefined : warmSource(given.pages, 'pages of warm()'),
    isForced,
    leastFresh: isForced ? Infinity : 0,
    signal,
    onProgress: fn(given.onProgress, 'onProgress of warm()'),
  }
}

function placeOf(
  given: WarmLimits,
  where: string,
  byDefault: Pick<WarmSettings, 'origins' | 'headers'>,
): Pick<WarmSettings, 'origins' | 'headers'> {
  const { origin } = given
  const list: readonly unknown[] =
    origin === undefined ? byDefault.origins : Array.isArray(origin) ? origin : [origin]
  const origins = list.map((each) => {
    const plain = typeof each === 'string' ? originOf(each) : undefined
    if (plain !== undefined) return plain
    throw fail('ERR_CACHEFLOW_OPTION', each, labelOf('origin', where), {
      mend: "Give scheme and host, without a path: 'https://shop.example'.",
    })
  })
  return {
    origins,
    headers: { ...byDefault.headers, ...fieldsOf(given.headers, labelOf('headers', where)) },
  }
}

export function fieldsOf(given: unknown = {}, where: string): Record<string, string> {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const pairs: [string, unknown][] = isObject ? Object.entries(given) : [['', given]]
  return Object.fromEntries(
    pairs.map(([name, value]) => {
      if (isRequestField(name, value)) return [name.toLowerCase(), value]
      throw fail('ERR_CACHEFLOW_OPTION', value, where, {
        mend: "Give header fields that a request may carry: { 'accept-language': 'de' }.",
      })
    }),
  )
}

function paceOf(given: WarmLimits, where: string, byDefault: Pace): Pace {
  const { rate, retries } = given
  return {
    parallelism: wholeNumber(
      given.parallelism,
      labelOf('parallelism', where),
      byDefault.parallelism,
    ),
    rate: rate === undefined ? byDefault.rate : positive(rate, labelOf('rate', where)),
    maxDuration: duration(given.maxDuration, labelOf('maxDuration', where), byDefault.maxDuration),
    timeout: duration(given.timeout, labelOf('timeout', where), byDefault.timeout),
    retries: retries === 0 ? 0 : wholeNumber(retries, labelOf('retries', where), byDefault.retries),
  }
}

/** What is repeated more often than this warms the machine. */
const shortestInterval = 100

function intervalOf(given: Duration | undefined, where: string): number | undefined {
  if (given === undefined) return undefined
  const interval = milliseconds(given, where)
  if (interval >= shortestInterval) return Math.min(interval, MAX_TIMER)
  throw fail('ERR_CACHEFLOW_DURATION', given, where, {
    mend: `Give at least ${shortestInterval} ms.`,
  })
}

/** As the message of an error names an option. */
function labelOf(name: string, where: string): string {
  return where.endsWith('()') ? `${name} of ${where}` : `${where}.${name}`
}

/** What timers can wait for, milliseconds: beyond it they would not wait at all. */
const MAX_TIMER = 2 ** 31 - 1

function duration(given: Duration | undefined, where: string, byDefault: number): number {
  return given === undefined ? byDefault : Math.min(milliseconds(given, where), MAX_TIMER)
}

function shareOf(given: unknown = 0.1): number {
  if (typeof given === 'number' && given > 0 && given <= 1) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, 'warming.maxUtilization', {
    mend: 'Give a number above 0, and 1 at most: 0.1 for a tenth.',
  })
}

function positive(given: unknown, where: string): number {
  if (typeof given === 'number' && given > 0) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, where, { mend: 'Give a number above 0.' })
}

export function warmSource(given: unknown, where: string): WarmSource {
  if (isSource(given)) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, where, {
    mend: "Give a list of pages, or a function that gives one: ['/', '/about'].",
  })
}

export function isSource(given: unknown): given is WarmSource {
  return typeof given === 'function' || isEntries(given)
}
