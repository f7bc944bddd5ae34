import { type CronSchedule, cronSchedule } from './cron-schedule.ts'
import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import type { WarmProgress } from '../events/warm-progress.ts'
import type { Pace, WarmSettings } from './run.ts'
import { type WarmSource, isEntries } from './queue.ts'
import { originOf } from '../http/origin.ts'
import { isRequestField } from '../http/request-field.ts'
import { flag, fn, refuseUnknown, text, wholeNumber } from '../values/option-check.ts'

/** Options for all warm runs, and again for one. */
export interface WarmLimits {
  /**
   * Scheme and host under which visitors see the application; they are part of every key. With
   * several origins each page is rendered for each. Default `'http://localhost'`, with the port
   * where a server is given.
   */
  readonly origin?: string | readonly string[]
  /**
   * Header fields of every request, which override those of a browser; an empty string removes one.
   * Default none.
   */
  readonly headers?: Readonly<Record<string, string>>
  /** The number of concurrent requests. Default 4. */
  readonly parallelism?: number
  /** The maximum of requests started in a second. Default: unlimited. */
  readonly rate?: number
  /** The maximum time of a run; remaining pages are skipped. Default: unlimited. */
  readonly maxDuration?: Duration
  /** The maximum time of one request. Default `'30s'`. */
  readonly timeout?: Duration
  /** How often a failed request is repeated: no response, a status from 500, or 429. Default 2. */
  readonly retries?: number
}

/** How `warm()` fills the cache, and how the cache is kept warm. */
export interface WarmingOptions extends WarmLimits {
  /** Whether `warm()` does anything: off for tests and development. Default `true`. */
  readonly enabled?: boolean
  /**
   * The maximum share of this process' time for warming while there are visitors, from 0 to 1;
   * without visitors it takes all the time it can use. Default 0.1.
   */
  readonly maxUtilization?: number
  /** How many of the most requested pages are warmed beside those of routes. Default 0. */
  readonly hottest?: number
  /**
   * Renders invalidated pages again, the hottest first, once `warm()` was called. Default `false`.
   */
  readonly afterInvalidation?: boolean
  /**
   * The interval in which the first `warm()` is repeated. Minimum 100 ms, default: no repetition.
   */
  readonly every?: Duration
  /**
   * The times at which the first `warm()` is repeated: `'0 4 * * *'`, or `{ pattern, timezone }`.
   * It needs the package croner. Default: no repetition.
   */
  readonly cron?: string | CronSchedule
  /**
   * How long before they become stale requested pages are refreshed. Minimum 100 ms, default: no
   * refresh ahead.
   */
  readonly refreshAhead?: Duration
}

/** Options of one warm run. Those left out are taken from `cacheflow({ warming })`. */
export interface WarmOptions extends WarmLimits {
  /**
   * The name of the run: runs of one name never run concurrently, in no instance. Default `'all'`,
   * and for `pages` none: then each instance warms its own.
   */
  readonly name?: string
  /** The pages to warm in place of those of routes; with a `name` once for all instances. */
  readonly pages?: WarmSource
  /**
   * Renders fresh pages again too; not over the network, where a warmer is a visitor like others.
   * Default `false`.
   */
  readonly force?: boolean
  /** Aborts the run within one request's time. */
  readonly signal?: AbortSignal
  /**
   * Called after each page and at the end of this run, with the event `progress`: `progressBar()`.
   */
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
