import { fail } from './errors.ts'
import { isToken } from './http/token.ts'

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
    throw fail('ERR_CACHEFLOW_UNKNOWN_OPTION', name, where, {
      mend: `Remove it, or correct its spelling; known here: ${[...known].join(', ')}.`,
    })
  }
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
