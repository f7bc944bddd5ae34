import { fail } from '../events/errors.ts'

/**
 * A size in memory: a number of bytes, or a number with its unit, such as `'64MiB'` or `'10MB'`.
 * `kB`, `MB` and `GB` count in thousands, `KiB`, `MiB` and `GiB` in 1024s.
 */
export type ByteSize =
  | number
  | `${number}${'B' | 'kB' | 'KB' | 'KiB' | 'MB' | 'MiB' | 'GB' | 'GiB'}`

const UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1_000],
  ['KB', 1_000],
  ['KiB', 1_024],
  ['MB', 1_000_000],
  ['MiB', 1_048_576],
  ['GB', 1_000_000_000],
  ['GiB', 1_073_741_824],
])

// Both runs of digits are bounded, so a hostile string costs no more than a short one.
const SPELLING = /^(\d{1,16}(?:\.\d{1,16})?)([kKMG]i?B|B)$/

/**
 * A size in whole bytes, rounded down.
 *
 * @param option the option it was given for, as the message of the error names it
 * @throws CacheflowError `ERR_CACHEFLOW_BYTE_SIZE` when it is negative, not a safe integer's size,
 * or spelled in any other way
 */
export function byteSize(size: number | string, option: string): number {
  const bytes = typeof size === 'number' ? size : spelled(size)
  if (bytes === undefined || !(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER)) {
    throw fail('ERR_CACHEFLOW_BYTE_SIZE', size, option)
  }
  return Math.floor(bytes)
}

// Options also come from plain JavaScript, so the value need not be the string its type promises.
function spelled(size: unknown): number | undefined {
  if (typeof size !== 'string') return undefined
  const [, amount, unit] = SPELLING.exec(size) ?? []
  const factor = UNITS.get(unit ?? '')
  return factor === undefined ? undefined : Number(amount) * factor
}
