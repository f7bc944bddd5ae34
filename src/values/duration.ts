import { errorTable, fail } from '../events/errors.ts'

/**
 * A length of time: a number of milliseconds, or a number with its unit,
 * such as `'250ms'`, `'5s'`, `'5m'`, `'2h'`, `'1d'`, `'1w'`.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd' | 'w'}`

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
  ['w', 604_800_000],
])

/** 2^31 seconds, about 68 years: the longest lifetime HTTP can state (RFC 9111 §1.2.2). */
const MAX_DURATION = 2 ** 31 * 1_000

// Both runs of digits are bounded, so a hostile string costs no more than a short one.
// One space may stand before the unit: the type cannot tell `'5 m'` from `'5m'`.
const SPELLING = /^(\d{1,16}(?:\.\d{1,16})?) ?(ms|s|m|h|d|w)$/

/**
 * A duration in milliseconds.
 *
 * @param option the option it was given for, as the message of the error names it
 * @param also what else that option takes, for the message
 * @throws CacheflowError `ERR_CACHEFLOW_DURATION` when it is negative, not finite, longer than
 * 2^31 seconds, or spelled in any other way
 */
export function milliseconds(duration: Duration, option: string, also: string = ''): number {
  const length = typeof duration === 'number' ? duration : spelled(duration)
  if (length === undefined || !(length >= 0 && length <= MAX_DURATION)) {
    const mend = `${errorTable.ERR_CACHEFLOW_DURATION}${also}`
    throw fail('ERR_CACHEFLOW_DURATION', duration, option, { mend })
  }
  return length
}

// Options also come from plain JavaScript, so the value need not be the string its type promises.
function spelled(duration: unknown): number | undefined {
  if (typeof duration !== 'string') return undefined
  const [, amount, unit] = SPELLING.exec(duration) ?? []
  if (amount === undefined || unit === undefined) return undefined
  const length = Number(amount) * (UNITS.get(unit) ?? Number.NaN)
  return length
}
