import * as fc from 'fast-check'
import * as oracle from 'structured-headers'
import { describe, expect, it } from 'vitest'
import {
  type BareItem,
  parseDictionary,
  parseList,
  parseStringList,
  serializeString,
} from '../../src/http/structured-field.ts'
import { hostileValues, workPerCharacter } from '../support/string-work.ts'

describe('parseDictionary', () => {
  it('reads every type of value, and leaves parameters out', () => {
    const value =
      'a, b=?0;x, c=-12, d=4.5;y="z", e="q\\"\\\\", f=*t:/o, g=:aGk=:, h=@-5, i=%"h%c3%a9", j=(k "l");m'
    expect(parseDictionary(value)).toEqual(
      new Map<string, BareItem>([
        ['a', { type: 'boolean', value: true }],
        ['b', { type: 'boolean', value: false }],
        ['c', { type: 'integer', value: -12 }],
        ['d', { type: 'decimal', value: 4.5 }],
        ['e', { type: 'string', value: 'q"\\' }],
        ['f', { type: 'token', value: '*t:/o' }],
        ['g', { type: 'byte-sequence', value: Buffer.from('hi') }],
        ['h', { type: 'date', value: -5 }],
        ['i', { type: 'display-string', value: 'hé' }],
        [
          'j',
          {
            type: 'inner-list',
            value: [
              { type: 'token', value: 'k' },
              { type: 'string', value: 'l' },
            ],
          },
        ],
      ]),
    )
  })

  it('lets the last value of a repeated key count (RFC 9651 §4.2.2)', () => {
    expect(parseDictionary('a=1, b, a=2')?.get('a')).toEqual({ type: 'integer', value: 2 })
  })

  it('tells an empty field, which is valid, from an invalid one', () => {
    expect(parseDictionary('')).toEqual(new Map())
    expect(parseDictionary('  ')).toEqual(new Map())
    expect(parseDictionary('\t')).toBeUndefined()
  })

  const invalid = [
    'a,',
    ',a',
    'a b',
    'A',
    'MaX-aGe=1',
    '-a',
    'a =1',
    'a= 1',
    'a=',
    'a=1.',
    'a=1.2345',
    'a=1234567890123.0',
    'a=1234567890123456',
    'a=--1',
    'a="é"',
    'a="\u0000"',
    'a="x',
    'a="\\x"',
    'a="\\',
    'a=?2',
    'a=?',
    'a=:YQ=',
    'a=:Y:',
    'a=:Y===:',
    'a=:a b:',
    'a=:YQ==',
    'a=@1.5',
    'a=@',
    'a=%"%C3"',
    'a=%"%c3"',
    'a=%"é"',
    'a=%x',
    'a=(b',
    'a=(b,c)',
    'a=("b""c")',
    'a;B',
    'a;=1',
    'a;b=',
    'a=&',
    'a=1, &&&&&',
    'a=1\u0000',
    'a=1\r\nb=2',
  ]
  it.each(invalid)('refuses the whole field %j', (value) => {
    expect(parseDictionary(value)).toBeUndefined()
  })

  it('S-29: names of the prototype are keys like others', () => {
    const members = parseDictionary('constructor=1, has*own.property=2')
    expect(members?.get('constructor')).toEqual({ type: 'integer', value: 1 })
    expect(members?.get('toString')).toBeUndefined()
    expect(parseDictionary('__proto__=1')).toBeUndefined()
  })

  it('S-31: what is no string is no field, and never throws', () => {
    for (const value of [undefined, null, 5, ['a'], {}, Symbol('a')]) {
      expect(Reflect.apply(parseDictionary, undefined, [value])).toBeUndefined()
      expect(Reflect.apply(parseStringList, undefined, [value])).toBeUndefined()
    }
  })

  it.each(Object.entries(hostileValues))(
    'S-30: of %s each character is looked at a few times at most',
    (_, hostile) => {
      expect(workPerCharacter(hostile, parseDictionary)).toBeLessThan(16)
      expect(workPerCharacter(hostile, parseList)).toBeLessThan(16)
    },
  )
})

describe('parseStringList', () => {
  it('M-40: reads the groups of Cache-Groups, with case and parameters as RFC 9875 says', () => {
    expect(parseStringList('"scripts", "Scripts";v=1,\t"a, \\"b\\""')).toEqual([
      'scripts',
      'Scripts',
      'a, "b"',
    ])
    expect(parseStringList('')).toEqual([])
  })

  it('M-40: a member that is no String makes the whole field invalid', () => {
    for (const value of ['token', '"a", 1', '("a")', '"a" "b"', '"a",', '"a', '"é"', "'a'"]) {
      expect(parseStringList(value)).toBeUndefined()
    }
  })

  it('M-40: 32 groups of 32 characters, which everybody must take, are read, and many more', () => {
    const groups = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(100, 'g'))
    expect(parseStringList(groups.map((group) => `"${group}"`).join(', '))).toEqual(groups)
  })
})

describe('serializeString', () => {
  it('escapes quotes and backslashes', () => {
    expect(serializeString('a "b" \\c')).toBe('"a \\"b\\" \\\\c"')
  })

  it('percent-encodes what a String cannot hold, so that no value ends its field', () => {
    expect(serializeString('a\r\nSet-Cookie: b\u0000é😀\u007f')).toBe(
      '"a%0D%0ASet-Cookie: b%00%C3%A9%F0%9F%98%80%7F"',
    )
    expect(serializeString('\ud800')).toBe('"%EF%BF%BD"')
  })

  it('writes printable ASCII as the oracle does, and is read back', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(serializeString(value)).toBe(oracle.serializeString(value))
        expect(parseStringList(serializeString(value))).toEqual([value])
      }),
    )
  })

  it('writes a String that the oracle can read, whatever the value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(oracle.parseItem(serializeString(value))[0]).toBeTypeOf('string')
      }),
    )
  })
})

// What differs from the oracle, and why, stands in docs/decisions/0002-oracle-differences.md.
describe('structured fields beside structured-headers', () => {
  it('reads what the oracle writes', () => {
    fc.assert(
      fc.property(dictionaries, (dictionary) => {
        const field = oracle.serializeDictionary(dictionary)
        expect(plainDictionary(parseDictionary(field))).toEqual(plainOracle(dictionary))
      }),
      { numRuns: 500 },
    )
  })

  it('accepts and refuses the same fields, and reads the same in them', () => {
    fc.assert(
      fc.property(almostFields, (value) => {
        expect(plainDictionary(parseDictionary(value))).toEqual(
          attempt(() => plainOracle(oracle.parseDictionary(value))),
        )
        expect(parseList(value)?.map(plain)).toEqual(
          attempt(() => oracle.parseList(value).map(plainMember)),
        )
      }),
      { numRuns: 5_000 },
    )
  })
})

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** A value as both sides can be written. The oracle does not tell 1.0 from 1 (difference 10). */
type Plain = readonly [kind: string, value: unknown]

function plainDictionary(
  members: ReadonlyMap<string, BareItem> | undefined,
): Array<[string, Plain]> | undefined {
  return members && [...members].map(([key, member]) => [key, plain(member)])
}

function plain(item: BareItem): Plain {
  if (item.type === 'inner-list') return [item.type, item.value.map(plain)]
  if (item.type === 'byte-sequence') return [item.type, [...item.value]]
  if (item.type === 'integer' || item.type === 'decimal') return ['number', item.value]
  return [item.type, item.value]
}

function plainOracle(dictionary: oracle.Dictionary): Array<[string, Plain]> {
  return [...dictionary].map(([key, member]) => [key, plainMember(member)])
}

function plainMember(member: oracle.Item | oracle.InnerList): Plain {
  const [value] = member
  return Array.isArray(value)
    ? ['inner-list', value.map(([item]) => plainItem(item))]
    : plainItem(value)
}

function plainItem(value: oracle.BareItem): Plain {
  if (value instanceof oracle.Token) return ['token', value.toString()]
  if (value instanceof oracle.DisplayString) return ['display-string', value.toString()]
  if (value instanceof ArrayBuffer) return ['byte-sequence', [...new Uint8Array(value)]]
  return [typeof value, value]
}

const keys = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,8}$/)
// Left out: dates (difference 9), and characters above U+00FF (difference 11).
const items: fc.Arbitrary<oracle.BareItem> = fc.oneof(
  fc.maxSafeInteger().map((n) => n % 1_000_000_000_000_000),
  fc.integer().map((n) => n / 1_000),
  fc.string(),
  fc.boolean(),
  fc.stringMatching(/^[A-Za-z*][\w:/!#$%&'*+.^`|~-]{0,8}$/).map((text) => new oracle.Token(text)),
  fc.uint8Array().map((bytes) => Uint8Array.from(bytes).buffer),
  fc.string({ unit: 'grapheme' }).map((text) => new oracle.DisplayString(text)),
)
const parameters = fc.array(fc.tuple(keys, items), { maxLength: 2 }).map((list) => new Map(list))
const item = fc.tuple(items, parameters)
const innerList = fc.tuple(fc.array(item, { maxLength: 3 }), parameters)
const dictionaries: fc.Arbitrary<oracle.Dictionary> = fc
  .array(fc.tuple(keys, fc.oneof(item, innerList)))
  .map((members) => new Map(members))

const pieces = fc.constantFrom(
  ...['a', 'b*', 'Z', '=', ',', ', ', ';', ' ', '\t', '(', ')', '1', '-', '.5', '1.25', '"', '"x"'],
  ...[
    '\\',
    '\\"',
    '?1',
    '?0',
    '?',
    ':',
    ':YQ==:',
    ':YQ:',
    ':Y:',
    '%"',
    '%c3%a9',
    'é',
    '\u0000',
    '*',
  ],
  ...['123456789012', '9999', 'a=1', 'b="c d"', 'c;d=1', '(e f)', 'g=(h "i";j)', '&', '/', '_'],
)
const almostFields = fc.oneof(
  fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  // A valid field with one piece put in somewhere.
  fc.tuple(dictionaries, pieces, fc.nat()).map(([dictionary, piece, place]) => {
    const field = oracle.serializeDictionary(dictionary)
    const at = place % (field.length + 1)
    return field.slice(0, at) + piece + field.slice(at)
  }),
)
