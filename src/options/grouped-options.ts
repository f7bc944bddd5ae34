import { type ByteSize, byteSize } from '../values/byte-size.ts'
import { type Duration, milliseconds } from '../values/duration.ts'
import { fail } from '../events/errors.ts'
import { flag, refuseUnknown } from '../values/option-check.ts'
import { type BodyCoding, supportsCoding } from '../store/compression.ts'
import type { Surrogate } from '../http/surrogate.ts'
import { isToken } from '../values/token.ts'
import type { CacheSettings } from './cache-settings.ts'

/** Checks `cacheStatus`. */
export function statusOf(given: unknown): boolean | 'debug' {
  if (given === 'debug' || typeof given === 'boolean') return given
  throw fail('ERR_CACHEFLOW_OPTION', given, 'cacheStatus', { mend: "Give true, false or 'debug'." })
}

const sizeNames: ReadonlySet<string> = new Set(['maxSize', 'maxEntrySize'])

/** Checks the bounds of `memory`, and completes them. */
export function sizesOf(
  memory: { readonly maxSize?: ByteSize; readonly maxEntrySize?: ByteSize } = {},
): Pick<CacheSettings, 'maxSize' | 'maxEntrySize'> {
  refuseUnknown(memory, sizeNames, 'memory', "Give { maxSize: '64MiB', maxEntrySize: '8MiB' }.")
  const { maxSize: given = '64MiB' } = memory
  const maxSize = byteSize(given, 'memory.maxSize')
  if (maxSize === 0) {
    throw fail('ERR_CACHEFLOW_BYTE_SIZE', given, 'memory.maxSize', {
      mend: 'Give at least one byte; maxAge: false or route(false) keep responses out of the cache.',
    })
  }
  const { maxEntrySize: givenEntry = Math.max(1, Math.floor(maxSize / 8)) } = memory
  const maxEntrySize = byteSize(givenEntry, 'memory.maxEntrySize')
  if (maxEntrySize === 0 || maxEntrySize > maxSize) {
    throw fail('ERR_CACHEFLOW_BYTE_SIZE', givenEntry, 'memory.maxEntrySize', {
      mend: `Give at least one byte, and no more than memory.maxSize, which is ${maxSize} bytes.`,
    })
  }
  return { maxSize, maxEntrySize }
}

const fragmentNames: ReadonlySet<string> = new Set(['strict', 'annotate'])

/** Checks and completes `fragments`. */
export function fragmentSettings(
  fragments: { readonly strict?: boolean; readonly annotate?: boolean } = {},
): Pick<CacheSettings, 'strict' | 'annotate'> {
  refuseUnknown(fragments, fragmentNames, 'fragments', 'Give { strict: true, annotate: true }.')
  const isDevelopment = process.env['NODE_ENV'] === 'development'
  return {
    strict: flag(fragments.strict, 'fragments.strict', isDevelopment),
    annotate: flag(fragments.annotate, 'fragments.annotate', false),
  }
}

/** Checks `audit`; 0 without it. */
export function auditSample(audit: { readonly sample: number } | undefined): number {
  if (audit === undefined) return 0
  refuseUnknown(audit, new Set(['sample']), 'audit', 'Give { sample: 0.001 }.')
  const { sample } = audit
  if (typeof sample === 'number' && sample >= 0 && sample <= 1) return sample
  throw fail('ERR_CACHEFLOW_OPTION', sample, 'audit.sample', { mend: 'Give a number from 0 to 1.' })
}

/** Checks `collapse`: milliseconds, or false. */
export function collapseTimeout(given: boolean | { readonly timeout: Duration }): number | false {
  if (typeof given === 'boolean') return given && 5_000
  refuseUnknown(given, new Set(['timeout']), 'collapse', "Give true, false or { timeout: '5s' }.")
  return milliseconds(given.timeout, 'collapse.timeout')
}

/** Checks `surrogate`, one or several. */
export function surrogatesOf(
  given: Surrogate | readonly Surrogate[] | undefined,
): readonly Surrogate[] {
  const list: readonly unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given]
  return list.map((surrogate) => {
    if (isSurrogate(surrogate)) return surrogate
    throw fail('ERR_CACHEFLOW_OPTION', surrogate, 'surrogate', {
      mend: 'Give fastly(), cloudflare(), cloudfront(), akamai(), bunny(), xkey(), cacheGroups() or an object of that shape.',
    })
  })
}

function isSurrogate(given: unknown): given is Surrogate {
  return (
    typeof given === 'object' &&
    given !== null &&
    'header' in given &&
    typeof given.header === 'string' &&
    isToken(given.header) &&
    'encode' in given &&
    typeof given.encode === 'function'
  )
}

/** Checks `compress`. */
export function coding(given: unknown = false): BodyCoding {
  if (given === false) return 'identity'
  const known = (['gzip', 'br', 'zstd'] as const).find((each) => each === given)
  if (known !== undefined && supportsCoding(known)) return known
  throw fail('ERR_CACHEFLOW_OPTION', given, 'compress', {
    mend: "Give false, 'gzip', 'br', or 'zstd' where Node has it (22.15 and later).",
  })
}
