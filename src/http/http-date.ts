const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

// The three forms of RFC 9110 §5.6.7. Upper and lower case are one to a cache (RFC 9111 §4.2).
const IMF_FIXDATE =
  /^(?:mon|tue|wed|thu|fri|sat|sun), (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i
const RFC_850 =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i
const ASCTIME =
  /^(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) (\d{2}| \d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i

/** The longest form is `Wednesday, 06-Nov-94 08:49:37 GMT`; anything longer is no date. */
const MAX_LENGTH = 33
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * An HTTP date in milliseconds since 1970, or undefined when the value is none of the three forms of
 * RFC 9110 §5.6.7. Other zones than GMT, dates that do not exist and several dates are refused;
 * whether the day's name is the right one is not looked at.
 *
 * @param now in milliseconds, decides the century of a two-digit year: never more than 50 years
 * ahead. Without it 70 to 99 are of the last century, which is never later.
 */
export function parseHttpDate(value: string | undefined, now?: number): number | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH + 2) return undefined
  const text = value.trim()
  if (text.length > MAX_LENGTH) return undefined

  const fixdate = IMF_FIXDATE.exec(text)
  if (fixdate !== null) {
    const [, day, month, year, hour, minute, second] = fixdate
    return instant(Number(year), month, day, hour, minute, second)
  }
  const asctime = ASCTIME.exec(text)
  if (asctime !== null) {
    const [, month, day, hour, minute, second, year] = asctime
    return instant(Number(year), month, day, hour, minute, second)
  }
  const rfc850 = RFC_850.exec(text)
  if (rfc850 !== null) {
    const [, day, month, year, hour, minute, second] = rfc850
    return inCentury(Number(year), now, (full) => instant(full, month, day, hour, minute, second))
  }
  return undefined
}

/**
 * A time as an HTTP date in its preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`. Fractions of a second
 * are cut off; times HTTP cannot write become the nearest it can.
 *
 * @param ms milliseconds since 1970
 */
export function formatHttpDate(ms: number): string {
  return new Date(Math.max(0, Math.min(Number.isNaN(ms) ? 0 : ms, LAST_MS))).toUTCString()
}

function instant(
  year: number,
  month: string | undefined,
  day: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
): number | undefined {
  const index = MONTHS.indexOf(month?.toLowerCase() ?? '')
  // 60 is the leap second.
  if (index < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, index, Number(day))
  // 31 February would silently be 3 March.
  if (date.getUTCDate() !== Number(day)) return undefined
  return date.setUTCHours(Number(hour), Number(minute), Number(second))
}

function inCentury(
  year: number,
  now: number | undefined,
  at: (year: number) => number | undefined,
): number | undefined {
  if (now === undefined) return at(year + (year < 70 ? 2000 : 1900))
  const today = new Date(now)
  const century = Math.floor(today.getUTCFullYear() / 100) * 100
  const limit = new Date(now).setUTCFullYear(today.getUTCFullYear() + 50)
  for (const full of [century + 100 + year, century + year]) {
    const time = at(full)
    if (time !== undefined && time <= limit) return time
  }
  return at(century - 100 + year)
}
