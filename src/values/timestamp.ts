/** When a record changed, to the last digit that was given. */
export interface Timestamp {
  /** Milliseconds since 1970, without what is finer. */
  readonly time: number
  /** The same with all its digits: equal for equal moments, in whichever form they are given. */
  readonly text: string
}

/** No Date is farther from 1970, in milliseconds: a greater number counts something else. */
const farthestDate = 8.64e15

/**
 * Reads an `updatedAt`: a Date, milliseconds since 1970, or an ISO 8601 string. Databases count microseconds and a Date does
 * not: two updates within one millisecond differ only in the digits of the string, so these are kept.
 *
 * @returns undefined when it is none of these, or no date
 */
export function timestampOf(updatedAt: unknown): Timestamp | undefined {
  const time =
    updatedAt instanceof Date
      ? updatedAt.getTime()
      : typeof updatedAt === 'number'
        ? updatedAt
        : typeof updatedAt === 'string'
          ? Date.parse(updatedAt)
          : Number.NaN
  if (!(Math.abs(time) <= farthestDate)) return undefined
  const finer = typeof updatedAt === 'string' ? finerDigits(updatedAt) : ''
  return { time, text: finer === '' ? String(time) : `${time}.${finer}` }
}

/** The digits behind the milliseconds, without zeros at the end: `456` of `10:00:00.123456Z`. */
function finerDigits(text: string): string {
  const digits = /:\d{2}[.,]\d{3}(\d{1,32})/.exec(text)?.[1] ?? ''
  return digits.replace(/0+$/, '')
}
