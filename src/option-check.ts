import { fail } from './errors.ts'

/** Checks of single options: each gives the value back, typed, or tells what was given and what to give. */

export function refuseUnknown(options: unknown, known: ReadonlySet<string>, where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw fail('ERR_CACHEFLOW_OPTION', options, where, { mend: 'Give an object of options.' })
  }
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    throw fail('ERR_CACHEFLOW_UNKNOWN_OPTION', name, where, {
      mend: `Remove it, or correct its spelling; known here: ${[...known].join(', ')}.`,
    })
  }
}

export function strings(given: unknown, option: string): readonly string[] {
  if (Array.isArray(given) && given.every((item) => typeof item === 'string' && item !== '')) {
    return given
  }
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a list of non-empty strings.' })
}

export function flag(given: unknown, option: string, byDefault: boolean): boolean {
  if (given === undefined) return byDefault
  if (typeof given === 'boolean') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give true or false.' })
}

export function text(given: unknown, option: string): string {
  if (typeof given === 'string') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a string.' })
}

export function fn<Given>(given: Given | undefined, option: string): Given | undefined {
  if (given === undefined || typeof given === 'function') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a function.' })
}

export function wholeNumber(given: unknown, option: string): number {
  if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 1) return given
  throw fail('ERR_CACHEFLOW_OPTION', given, option, { mend: 'Give a whole number from 1.' })
}
