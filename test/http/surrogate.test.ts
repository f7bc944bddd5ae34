import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CacheflowError } from '../../src/events/errors.ts'
import { parseStringList } from '../../src/http/structured-field.ts'
import {
  akamai,
  bunny,
  cacheGroups,
  cloudflare,
  cloudfront,
  fastly,
  type Surrogate,
  type SurrogateOptions,
  xkey,
} from '../../src/http/surrogate.ts'

const ENCODERS = { fastly, cloudflare, cloudfront, akamai, bunny, xkey, cacheGroups }
const FOLDING = new Set(['cloudflare', 'cloudfront'])

const all = Object.entries(ENCODERS).map(([name, make]) => [name, make()] as const)
const caseSensitive = all.filter(([name]) => !FOLDING.has(name))
const caseInsensitive = all.filter(([name]) => FOLDING.has(name))

function numbered(count: number, length = 8): string[] {
  return Array.from({ length: count }, (_, i) => `t${i}`.padEnd(length, 'x'))
}

/** The tags as the CDN separates them. */
function separated({ name }: Surrogate, value: string): string[] {
  if (name === 'cacheGroups') return parseStringList(value) ?? []
  return name === 'fastly' || name === 'xkey' ? value.split(/[ ,]+/) : value.split(/\s*,\s*/)
}

describe('tag headers', () => {
  it.each([
    ['fastly', 'Surrogate-Key: posts post:1'],
    ['cloudflare', 'Cache-Tag: posts,post:1'],
    ['cloudfront', 'Cache-Tag: posts,post:1'],
    ['akamai', 'Edge-Cache-Tag: posts,post%3A1'],
    ['bunny', 'CDN-Tag: posts,post:1'],
    ['xkey', 'xkey: posts post:1'],
    ['cacheGroups', 'Cache-Groups: "posts", "post:1"'],
  ] as const)('%s writes %j', (name, line) => {
    const surrogate = ENCODERS[name]()
    expect(surrogate.name).toBe(name)
    expect(surrogate.encode(['posts', 'post:1'])).toEqual({
      value: line.slice(line.indexOf(' ') + 1),
      dropped: [],
      fallback: false,
    })
    expect(surrogate.header).toBe(line.slice(0, line.indexOf(':')))
  })

  it.each(all)('%s writes nothing for no tags, and each tag once', (_, surrogate) => {
    expect(surrogate.encode([])).toEqual({ value: '', dropped: [], fallback: false })
    expect(surrogate.encode(['a', 'b', 'a']).value).toBe(surrogate.encode(['a', 'b']).value)
  })

  it.each(all)('%s lets no tag add a tag, a line or a field', (_, surrogate) => {
    const hostile = [
      'a b',
      'a,b',
      'a, b',
      'a"b',
      'a\\b',
      'a;b=c',
      'a\r\nSet-Cookie: b=c',
      'a\u0000b',
      'a\tb',
      'a\u2028b',
      'é',
      '標籤',
      '😀',
      '\u00a0',
      '%20',
      '"',
      ' ',
    ]
    const { value, dropped } = surrogate.encode(hostile)
    expect(value).toMatch(/^[ -~]+$/)
    expect(dropped).toEqual([])
    expect(separated(surrogate, value)).toHaveLength(hostile.length)
  })

  it.each(all)(
    '%s writes as many tags as it says it does, whatever they contain',
    (_, surrogate) => {
      const tags = fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 20 })
      fc.assert(
        fc.property(tags, (given) => {
          const { value, dropped, fallback } = surrogate.encode(given)
          const written = value === '' ? [] : separated(surrogate, value)
          const folded = new Set(given.filter((tag) => !dropped.includes(tag)).map(asciiLower))
          const expected = FOLDING.has(surrogate.name) ? folded.size : given.length - dropped.length
          expect(value).toMatch(/^[ -~]*$/)
          expect(written).toHaveLength(expected + (fallback ? 1 : 0))
          expect(fallback).toBe(dropped.length > 0)
        }),
      )
    },
  )

  it.each(caseSensitive)('%s never writes two tags alike', (_, surrogate) => {
    fc.assert(
      fc.property(similarTags, ([a, b]) => {
        expect(surrogate.encode([a]).value === surrogate.encode([b]).value).toBe(a === b)
      }),
      { numRuns: 1_000 },
    )
    expect(surrogate.encode(['Post', 'post', 'POST']).value).toMatch(/Post.+post.+POST/)
  })

  it.each(caseInsensitive)('%s writes two tags alike when they differ by case alone', (_, cdn) => {
    fc.assert(
      fc.property(similarTags, ([a, b]) => {
        expect(cdn.encode([a]).value === cdn.encode([b]).value).toBe(
          asciiLower(a) === asciiLower(b),
        )
      }),
      { numRuns: 1_000 },
    )
    expect(cdn.encode(['Post:É', 'post:É', 'post:é'])).toEqual({
      value: 'post:%c3%89,post:%c3%a9',
      dropped: [],
      fallback: false,
    })
  })

  it.each(all)(
    '%s drops an empty tag and one that is no Unicode text, and says so',
    (_, surrogate) => {
      const { value, dropped, fallback } = surrogate.encode(['a', '', '\ud800', 'b\udfff'])
      expect(dropped).toEqual(['', '\ud800', 'b\udfff'])
      expect(fallback).toBe(true)
      expect(separated(surrogate, value)).toEqual(['cacheflow', 'a'])
    },
  )
})

describe('the limits of each CDN', () => {
  it.each([
    ['fastly', 1_024],
    ['cloudflare', 1_024],
    ['cloudfront', 256],
    ['akamai', 128],
  ] as const)('%s takes a tag of %d bytes, and drops a longer one', (name, limit) => {
    const surrogate = ENCODERS[name]()
    expect(surrogate.encode(['a'.repeat(limit)])).toEqual({
      value: 'a'.repeat(limit),
      dropped: [],
      fallback: false,
    })
    const long = 'a'.repeat(limit + 1)
    expect(surrogate.encode(['b', long])).toMatchObject({ dropped: [long], fallback: true })
    // Percent-encoded, as they go over the wire.
    const accents = 'é'.repeat(limit / 4)
    expect(surrogate.encode([accents]).dropped).toEqual([accents])
  })

  it.each([
    ['cloudfront', 50],
    ['akamai', 128],
  ] as const)('%s takes %d tags; beyond them the coarse tag takes one place', (name, limit) => {
    const surrogate = ENCODERS[name]({ fallback: 'everything' })
    const tags = numbered(limit)
    expect(surrogate.encode(tags)).toMatchObject({ dropped: [], fallback: false })
    const { value, dropped, fallback } = surrogate.encode([...tags, 'one-more'])
    expect(value.split(',')).toEqual(['everything', ...tags.slice(0, -1)])
    expect(dropped).toEqual([tags.at(-1), 'one-more'])
    expect(fallback).toBe(true)
  })

  it.each([
    ['fastly', 16_384],
    ['cloudflare', 16_384],
    ['cloudfront', 16_384],
    ['akamai', 8_192],
    ['bunny', 8_192],
    ['xkey', 8_192],
    ['cacheGroups', 8_192],
  ] as const)('%s keeps its field within %d bytes, name included', (name, limit) => {
    const surrogate = ENCODERS[name]()
    const tags = numbered(1_000, 100)
    const { value, dropped, fallback } = surrogate.encode(tags)
    const line = `${surrogate.header}: ${value}`
    const [first, ...written] = separated(surrogate, value)
    expect(line.length).toBeLessThanOrEqual(limit)
    expect(fallback).toBe(true)
    expect(first).toBe('cacheflow')
    expect([...written, ...dropped]).toEqual(tags)
    // Not one more would have fitted, unless the number of tags was the limit.
    const counted = name === 'cloudfront' || name === 'akamai'
    expect(counted || line.length + 110 > limit).toBe(true)
  })

  it('a field is filled to the last byte before the coarse tag is needed', () => {
    const room = 8_192 - 'CDN-Tag: '.length
    const tags = ['a'.repeat(room - 2), 'b']
    expect(bunny().encode(tags)).toMatchObject({ dropped: [], fallback: false })
    expect(bunny().encode([tags[0] ?? '', 'bb'])).toEqual({
      value: 'cacheflow,bb',
      dropped: [tags[0]],
      fallback: true,
    })
  })

  it('akamai encodes every character that it forbids', () => {
    const { value } = akamai().encode([':/@=,;()[]{}<>?*"\\ '])
    expect(value).toMatch(/^(%[0-9A-F]{2})+$/)
    expect(akamai().encode(["&'^-$!`#.+~_|"]).value).toBe("&'^-$!`#.+~_|")
  })

  it('cloudfront encodes the asterisk, and takes the header its distribution reads', () => {
    expect(cloudfront().encode(['a*']).value).toBe('a%2a')
    expect(cloudfront({ header: 'x-amz-meta-cache-tag' }).header).toBe('x-amz-meta-cache-tag')
  })

  it('M-40: cacheGroups takes any number of groups, or as many as its recipient does', () => {
    expect(cacheGroups().encode(numbered(100)).dropped).toEqual([])
    const least = cacheGroups({ maxTags: 32, maxTagLength: 32, fallback: 'site' })
    expect(least.encode(numbered(32, 32)).dropped).toEqual([])
    expect(least.encode(numbered(33)).dropped).toHaveLength(2)
    expect(least.encode(['x'.repeat(33)])).toMatchObject({ value: '"site"', fallback: true })
  })

  it('M-40: cacheGroups writes strings that are read back as they were, but for what none can hold', () => {
    const tags = ['a "b", \\c', 'A', 'a', ' ']
    expect(parseStringList(cacheGroups().encode(tags).value)).toEqual(tags)
    expect(parseStringList(cacheGroups().encode(['100%', 'é']).value)).toEqual(['100%25', '%C3%A9'])
  })

  it.each(all)(
    '%s writes the coarse tag once when it is also among the tags',
    (name, surrogate) => {
      const { value } = surrogate.encode(['cacheflow', ''])
      expect([name, separated(surrogate, value)]).toEqual([name, ['cacheflow']])
    },
  )

  it.each(Object.entries(ENCODERS))('%s refuses a coarse tag it cannot write', (name, make) => {
    const build: (options: SurrogateOptions) => Surrogate = make
    for (const fallback of ['', '\ud800', 'x'.repeat(20_000)]) {
      expect(() => build({ fallback })).toThrow(CacheflowError)
      expect(() => build({ fallback })).toThrow(`${name}({ fallback })`)
    }
  })

  it.each(all)('%s takes time in proportion to its tags', (_, surrogate) => {
    // 100,000 tags that do not fit are refused one by one, and none is looked for in a list.
    const { dropped } = surrogate.encode(numbered(100_000))
    expect(dropped.length).toBeGreaterThan(97_000)
  })
})

// Pairs that careless encoders write alike.
const similarTags = fc
  .tuple(
    fc.constantFrom('a', 'A', 'é', 'É', ' ', '%20', '%', '%25', ',', '%2C', '%2c', 'ﬀ', 'K'),
    fc.string(),
  )
  .chain(([char, rest]) =>
    fc.tuple(
      fc.constant(char + rest),
      fc
        .constantFrom('a', 'A', 'k', '%20', ' ', '%2520', ',', '%2C', 'K', char)
        .map((c) => c + rest),
    ),
  )

function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (char) => char.toLowerCase())
}
