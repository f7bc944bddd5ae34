import { fail } from '../events/errors.ts'
import { isToken } from './token.ts'

/**
 * Checks of single options: each gives the value back, typed, or tells what was given and what to give. Undefined is like
 * nothing given; null is not.
 */

export function refuseUnknown(
  options: unknown,
  known: ReadonlySet<string>,
  where: string,
  mend: string = 'Give an object of options.',
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw fail('ERR_CACHEFLOW_OPTION', options, where, { mend })
  }
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    const meant = nearest(name, known)
    const question = meant === undefined ? '' : `Did you mean ${meant}? `
    throw fail('ERR_CACHEFLOW_UNKNOWN_OPTION', name, where, {
      mend: `${question}Remove it, or correct its spelling; known here: ${[...known].join(', ')}.`,
    })
  }
}

/** What other caches call it. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['ttl', 'maxAge'],
  ['age', 'maxAge'],
  ['expires', 'maxAge'],
  ['expiresin', 'maxAge'],
  ['expiry', 'maxAge'],
  ['expiration', 'maxAge'],
  ['duration', 'maxAge'],
  ['lifetime', 'maxAge'],
  ['stdttl', 'maxAge'],
  ['swr', 'staleWhileRevalidate'],
  ['stale', 'staleWhileRevalidate'],
  ['disabled', 'enabled'],
  ['store', 'redis'],
  ['client', 'redis'],
  ['cachekey', 'key'],
  ['getkey', 'key'],
  ['generatekey', 'key'],
  ['debug', 'why'],
  ['prefix', 'namespace'],
  ['max', 'memory'],
  ['maxsize', 'memory'],
])

/** The known name that an unknown one was meant for: another cache's word for it, or one that differs in a letter or two. */
function nearest(name: string, known: ReadonlySet<string>): string | undefined {
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  const other = otherNames.get(plain)
  if (other !== undefined && known.has(other)) return other
  if (plain.length > 40) return undefined
  const most = plain.length < 6 ? 1 : 2
  return [...known].find((each) => distance(plain, each.toLowerCase()) <= most)
}

/** How many letters are to be changed, left out or added (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, i) => i)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}

export function strings(
  given: unknown,
  option: string,
  byDefault?: readonly string[],
): readonly string[] {
  if (given === undefined && byDefault) return byDefault
  const items: readonly unknown[] = Array.isArray(given) ? given : ['']
  // A copy: what the caller does with its list later changes nothing.
  const texts = items.filter((item): item is string => typeof item === 'string' && item !== '')
  if (texts.length === items.length) return texts
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a list of non-empty strings.' })
}

export function fieldNames(
  given: unknown,
  option: string,
  byDefault?: readonly string[],
): readonly string[] {
  const names = strings(given, option, byDefault)
  const wrong = names.find((name) => !isToken(name))
  if (wrong === undefined) return names
  throw fail('ERR_CACHEFLOW_OPTION', wrong, option, {
    mend: "Give names of header fields: ['X-Name'].",
  })
}

/** Names of request inputs. Header names compare without case; cookie names do not. */
export function inputNames(
  given: unknown,
  option: string,
  byDefault?: readonly string[],
): readonly string[] {
  return strings(given, option, byDefault).map((name) => {
    if (/^cookie:[^\s=;,][^=;,]*$/.test(name)) return name
    if (isToken(name) && name !== '*') return name.toLowerCase()
    throw fail('ERR_CACHEFLOW_OPTION', name, option, {
      mend: "Give names of header fields, or cookie: and a name: ['accept-language', 'cookie:theme'].",
    })
  })
}

export function flag(given: unknown, option: string, byDefault: boolean): boolean {
  if (given === undefined) return byDefault
  if (typeof given === 'boolean') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give true or false.' })
}

export function text(given: unknown, option: string, byDefault: string): string {
  if (given === undefined) return byDefault
  if (typeof given === 'string') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a string.' })
}

/** The value of a header field: visible ASCII, so that it can be sent. */
export function fieldText(given: unknown, option: string): string {
  if (typeof given === 'string' && /^[!-~][ -~]*$/.test(given)) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, {
    mend: "Give the value of a header field, such as 'no-cache', or false for none.",
  })
}

export function fn<Given>(given: Given | undefined, option: string): Given | undefined {
  if (given === undefined || typeof given === 'function') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a function.' })
}

export function wholeNumber(given: unknown, option: string, byDefault: number): number {
  if (given === undefined) return byDefault
  if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 1) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a whole number from 1.' })
}
