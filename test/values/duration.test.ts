import { describe, expect, it } from 'vitest'
import { byteSize } from '../../src/values/byte-size.ts'
import { type Duration, milliseconds } from '../../src/values/duration.ts'
import { CacheflowError } from '../../src/events/errors.ts'

// Options also come from plain JavaScript.
function untyped(value: unknown, option: string): unknown {
  return Reflect.apply(milliseconds, undefined, [value, option])
}

function thrown(run: () => unknown): CacheflowError {
  try {
    run()
  } catch (error) {
    if (error instanceof CacheflowError) return error
    throw error
  }
  throw new Error('it did not throw')
}

describe('milliseconds', () => {
  const spellings: ReadonlyArray<[Duration, number]> = [
    [0, 0],
    [1_500, 1_500],
    ['0s', 0],
    ['250ms', 250],
    ['5s', 5_000],
    ['5m', 300_000],
    ['5 m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1.5h', 5_400_000],
  ]
  it.each(spellings)('%s is %d milliseconds', (duration, expected) => {
    expect(milliseconds(duration, 'maxAge')).toBe(expected)
  })

  const absurd = [
    -1,
    Number.NaN,
    Infinity,
    2 ** 31 * 1_000 + 1,
    '',
    '5',
    '-5m',
    '5  m',
    ' 5m',
    '5M',
    '5y',
    '5min',
    '1e3s',
    '.5s',
    '1.s',
    '5m5s',
    'NaNs',
    'Infinitys',
    '∞m',
    `${'9'.repeat(50_000)}s`,
    '9999999999999999w',
    '5constructor',
    null,
    true,
    {},
    ['5m'],
    5n,
  ]
  it('refuses everything else, and names the option it was given for', () => {
    for (const value of absurd) {
      const error = thrown(() => untyped(value, 'staleIfError'))
      expect(error.code).toBe('ERR_CACHEFLOW_DURATION')
      expect(error.message).toContain('staleIfError')
      expect(error.message.length).toBeLessThan(400)
    }
  })
})

describe('byteSize', () => {
  it.each([
    [0, 0],
    [1024, 1024],
    [1.9, 1],
    ['512B', 512],
    ['10kB', 10_000],
    ['10KB', 10_000],
    ['10KiB', 10_240],
    ['10MB', 10_000_000],
    ['64MiB', 67_108_864],
    ['1.5GiB', 1_610_612_736],
    ['2GB', 2_000_000_000],
  ])('%s is %d bytes', (size, expected) => {
    expect(byteSize(size, 'memory.maxSize')).toBe(expected)
  })

  it.each([
    -1,
    Number.NaN,
    Infinity,
    '',
    '64',
    '64 MiB',
    '-1MB',
    '1TB',
    '1mb',
    '1kiB',
    '1iB',
    '9e9B',
  ])('%s is refused with the option it was given for', (size) => {
    const error = thrown(() => byteSize(size, 'memory.maxSize'))
    expect(error.code).toBe('ERR_CACHEFLOW_BYTE_SIZE')
    expect(error.message).toContain('memory.maxSize')
  })
})
