import { fail } from '../events/errors.ts'
import type { WarmSchedule } from './run.ts'
import { refuseUnknown } from '../values/option-check.ts'
import { optionalPackage } from '../values/optional-package.ts'

/** Times of the day, by a pattern of cron and a time zone. */
export interface CronSchedule {
  /** As the package croner reads it: `'0 4 * * *'`; with seconds, which then come first, `'30 0 4 * * *'`; `'@daily'`. */
  readonly pattern: string
  /** Where it is that time: a name of the IANA time zones, `'Europe/Berlin'`. Default: where the process runs. */
  readonly timezone?: string
}

/** What is asked of a job of croner 9, 10 or 11. */
interface Job {
  nextRun(): Date | null
  schedule(run: () => void): unknown
  stop(): void
}
type Cron = new (
  pattern: string,
  options: { readonly timezone: string | undefined; readonly unref: boolean },
) => Job

const names: ReadonlySet<string> = new Set(['pattern', 'timezone'])

/**
 * Croner checks what it is given, and reads it: neither the pattern nor the zone is looked into here.
 *
 * @param given the option `warming.cron`
 */
export function cronSchedule(given: string | CronSchedule): WarmSchedule {
  const { pattern, timezone } = partsOf(given)
  const Cron = installedCron(pattern)
  const job = (zone: string | undefined): Job => new Cron(pattern, { timezone: zone, unref: true })
  // First without the zone, so that the message names which of the two is wrong.
  check(() => job(undefined), pattern, 'warming.cron', "Give a pattern of cron: '0 4 * * *'.")
  if (timezone !== undefined) {
    const mend = "Give a name of the IANA time zones: 'Europe/Berlin'."
    check(() => job(timezone), timezone, 'warming.cron.timezone', mend)
  }
  return {
    start: (run) => {
      const started = job(timezone)
      started.schedule(run)
      return () => started.stop()
    },
  }
}

function partsOf(given: string | CronSchedule): { pattern: string; timezone: string | undefined } {
  if (typeof given === 'string') return { pattern: given, timezone: undefined }
  const example = "{ pattern: '0 4 * * *', timezone: 'UTC' }"
  refuseUnknown(given, names, 'warming.cron', `Give a pattern of cron: '0 4 * * *', or ${example}.`)
  const { pattern, timezone }: { readonly pattern: unknown; readonly timezone?: unknown } = given
  // Croner takes a date for a pattern, too, and an empty zone for none.
  const wrong = (value: unknown, name: string): Error =>
    fail('ERR_CACHEFLOW_OPTION', value, `warming.cron.${name}`, { mend: `Give ${example}.` })
  if (typeof pattern !== 'string') throw wrong(pattern, 'pattern')
  if (timezone === undefined) return { pattern, timezone }
  if (typeof timezone === 'string' && timezone !== '') return { pattern, timezone }
  throw wrong(timezone, 'timezone')
}

/** @throws CacheflowError where croner cannot tell when it would run next */
function check(job: () => Job, given: unknown, where: string, mend: string): void {
  let next: Date | null
  try {
    next = job().nextRun()
  } catch (cause) {
    const reason = cause instanceof Error ? ` ${cause.message}` : ''
    throw fail('ERR_CACHEFLOW_OPTION', given, where, { mend: `${mend}${reason}`, cause })
  }
  if (next === null) {
    throw fail('ERR_CACHEFLOW_OPTION', given, where, { mend: `${mend} This time never comes.` })
  }
}

/**
 * The user's own croner. An option is checked where it is written, which cannot wait for an `import()`.
 *
 * @param given what it is to read, for the message
 */
function installedCron(given: unknown): Cron {
  let cause: unknown
  try {
    const found = optionalPackage('croner')
    if (isCroner(found)) return found.Cron
  } catch (error) {
    cause = error
  }
  throw fail('ERR_CACHEFLOW_PACKAGE', given, 'warming.cron', {
    mend: 'It takes the package croner, version 9, 10 or 11: npm install croner',
    cause,
  })
}

function isCroner(found: unknown): found is { readonly Cron: Cron } {
  return (
    typeof found === 'object' &&
    found !== null &&
    'Cron' in found &&
    typeof found.Cron === 'function'
  )
}
