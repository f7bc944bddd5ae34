import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  acceptsCoding,
  cookieValue,
  isIdentityBucket,
  normaliseField,
  userAgentClass,
  variantKey,
} from '../../src/http/normalisation.ts'

type Negotiator = new (request: { headers: Record<string, string | undefined> }) => {
  encodings(
    available: string[],
    preferred?: string[] | { preferred?: string[] | undefined },
  ): string[]
  mediaTypes(available: string[]): string[]
  languages(available: string[]): string[]
}
type Negotiate = (acceptEncoding: string, available: string[], preferred?: string[]) => string[]

const OldNegotiator = ownedBy('compression', 'negotiator') as Negotiator
const NewNegotiator = ownedBy('koa-compress', 'negotiator') as Negotiator

/** What applications negotiate with: the negotiator of compression and Koa, and that of koa-compress. */
const negotiators: Negotiate[] = [
  (value, available, preferred) =>
    new OldNegotiator({ headers: { 'accept-encoding': value } }).encodings(available, preferred),
  (value, available, preferred) =>
    new NewNegotiator({ headers: { 'accept-encoding': value } }).encodings(available, {
      preferred,
    }),
]

interface Cookie {
  parse(header: string): Record<string, string | undefined>
}
type Cookies = new (
  request: { headers: { cookie: string } },
  response: object,
  options: object,
) => { get(name: string): string | undefined }

const CODINGS = ['gzip', 'br', 'deflate', 'identity', 'zstd']

describe('Accept-Encoding', () => {
  const bucket = (value: string) => normaliseField('Accept-Encoding', value)

  it('M-17: spelling, blanks, empty members and the place of another weight do not matter', () => {
    expect(bucket('GZIP ;q=1.0,,br;q=0.50, identity;q=0')).toBe('gzip,br;q=0.5,identity;q=0')
    expect(bucket('br;q=0.5,identity;q=0.000,gzip')).toBe('gzip,br;q=0.5,identity;q=0')
    expect(bucket('gzip, deflate, br, zstd')).toBe('gzip,deflate,br,zstd')
  })

  it('M-16: the order of equal weights matters to negotiators, and stays', () => {
    expect(bucket('br, gzip')).not.toBe(bucket('gzip, br'))
    expect(bucket('br, gzip;q=0.5, zstd;q=0.5')).toBe('br,gzip;q=0.5,zstd;q=0.5')
  })

  it('M-17: q=0 stays where it takes something away, and nowhere else', () => {
    expect(bucket('gzip, br;q=0')).toBe('gzip')
    expect(bucket('*, br;q=0')).toBe('*,br;q=0')
    expect(bucket('gzip, *;q=0')).toBe('gzip,*;q=0')
    expect(bucket('gzip, identity;q=0')).toBe('gzip,identity;q=0')
    expect(bucket('identity;q=0')).toBe('identity;q=0')
  })

  it('M-17: whoever can take nothing but identity is in the identity bucket', () => {
    for (const value of [
      '',
      ' ',
      'identity',
      'Identity;q=0.3',
      'gzip;q=0',
      '*;q=0, identity',
      ',,',
    ]) {
      expect(bucket(value)).toBe('')
      expect(isIdentityBucket(value)).toBe(true)
    }
    for (const value of ['gzip', '*', 'identity;q=0', '*;q=0', 'identity, x']) {
      expect(isIdentityBucket(value)).toBe(false)
    }
    expect(isIdentityBucket(undefined)).toBe(false)
  })

  it('M-17: a value that breaks the grammar is in the identity bucket, whole', () => {
    const broken = [
      'gzip;q=2',
      'gzip;q=.5',
      'gzip;q=0.1234',
      'gzip;q=1.1',
      'gzip;q=-1',
      'gzip;q="1"',
    ]
    broken.push('gzip;Q=1', 'gzip;q', 'gzip;q=', 'gzip;level=9', 'gzip;q=1;x=2', 'gzip;;q=1')
    broken.push(
      'gz ip',
      '"gzip"',
      'gzip/1',
      ';q=1',
      'gzip, @',
      'gzip\xa0',
      'gzip;q =1',
      'gzip;q= 1',
    )
    for (const value of broken) {
      expect(bucket(value)).toBe('')
      expect(acceptsCoding(value, 'gzip')).toBe(false)
      expect(acceptsCoding(value, undefined)).toBe(true)
    }
  })

  it('S-28: a list longer than any client sends is in the identity bucket', () => {
    expect(bucket(Array.from({ length: 33 }, (_, i) => `x${i}`).join())).toBe('')
    expect(bucket(Array.from({ length: 32 }, (_, i) => `x${i}`).join())).not.toBe('')
    expect(bucket(`${','.repeat(9000)}gzip`)).toBe('gzip')
  })

  it('M-16: codings with a dictionary are codings, and their dictionary is compared as it is', () => {
    expect(bucket('gzip, br, zstd, dcb, dcz')).toBe('gzip,br,zstd,dcb,dcz')
    expect(acceptsCoding('gzip, dcb', 'dcb')).toBe(true)
    expect(acceptsCoding('gzip, br', 'dcb')).toBe(false)
    const hash = ':pZGm1Av0IEBKARczz7exkNYsZb8LzaMrV7J32a2fFG4=:'
    expect(normaliseField('Available-Dictionary', hash)).toBe(hash)
    expect(normaliseField('available-dictionary', hash.toLowerCase())).not.toBe(hash)
  })

  it('M-17: the bucket of a bucket is itself', () => {
    fc.assert(
      fc.property(acceptEncoding, (value) => {
        expect(bucket(bucket(value) ?? '')).toBe(bucket(value))
      }),
    )
  })

  it('M-16: every negotiator answers a value and its bucket alike, or the answer is not for that bucket', () => {
    const answers = { equal: 0, refused: 0 }
    fc.assert(
      fc.property(
        acceptEncoding,
        fc.shuffledSubarray(CODINGS),
        preference,
        (value, available, preferred) => {
          for (const negotiate of negotiators) {
            const plain = bucket(value) ?? ''
            const [asked] = tryTo(() => negotiate(value, available, preferred))
            const [inBucket] = tryTo(() => negotiate(plain, available, preferred))
            if (asked === inBucket) answers.equal++
            else answers.refused++
            // Without an answer the application sends its error page or the body as it is.
            expect(asked === inBucket || !acceptsCoding(plain, asked) || asked === undefined).toBe(
              true,
            )
          }
        },
      ),
      { numRuns: 3000 },
    )
    expect(answers.equal).toBeGreaterThan(answers.refused)
    expect(answers.refused).toBeGreaterThan(0)
  })

  it('M-16: for values within the grammar the whole order of preference is equal in one bucket', () => {
    fc.assert(
      fc.property(
        validAcceptEncoding,
        fc.shuffledSubarray(CODINGS),
        preference,
        (value, available, preferred) => {
          for (const negotiate of negotiators) {
            expect(negotiate(bucket(value) ?? '', available, preferred)).toEqual(
              negotiate(value, available, preferred),
            )
          }
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('C-10: what a request accepts is the same by its value, by its bucket and by its negotiator', () => {
    fc.assert(
      fc.property(validAcceptEncoding, fc.constantFrom(...CODINGS), (value, coding) => {
        expect(acceptsCoding(bucket(value), coding)).toBe(acceptsCoding(value, coding))
        for (const negotiate of negotiators) {
          const given = negotiate(value, [coding])
          expect(given.includes(coding)).toBe(acceptsCoding(value, coding))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('C-10: every coding of a response must be accepted', () => {
    expect(acceptsCoding('gzip', 'gzip')).toBe(true)
    expect(acceptsCoding('gzip', 'GZIP , gzip')).toBe(true)
    expect(acceptsCoding('gzip', 'gzip, br')).toBe(false)
    expect(acceptsCoding('x-gzip', 'gzip')).toBe(true)
    expect(acceptsCoding('gzip;q=0, *', 'x-gzip')).toBe(false)
    expect(acceptsCoding('*;q=0, gzip', undefined)).toBe(false)
    expect(acceptsCoding('identity;q=0, gzip', '')).toBe(false)
    expect(acceptsCoding('identity;q=0, gzip', 'identity')).toBe(false)
    expect(acceptsCoding('gzip', undefined)).toBe(true)
  })

  it('C-10: a request without Accept-Encoding accepts anything, and is not in the identity bucket', () => {
    expect(normaliseField('accept-encoding', undefined)).toBeUndefined()
    expect(acceptsCoding(undefined, 'br')).toBe(true)
    expect(acceptsCoding('', 'br')).toBe(false)
  })
})

describe('normaliseField', () => {
  it('M-15: in lists, blanks around commas and empty members go; order, case and the rest stay', () => {
    expect(normaliseField('Accept', ' text/html , ,application/json ;\tq=0.5 ,')).toBe(
      'text/html,application/json ;\tq=0.5',
    )
    expect(normaliseField('accept-language', 'en-GB ,\ten;q=0.8')).toBe('en-GB,en;q=0.8')
    const ordered = normaliseField('accept-language', 'b,a')
    expect(normaliseField('accept-language', 'a,b')).not.toBe(ordered)
    expect(normaliseField('accept-language', 'EN')).not.toBe('en')
    expect(normaliseField('prefer', 'a  b')).toBe('a  b')
    expect(normaliseField('accept', ' , ')).toBe('')
  })

  it('M-15: a weight that `negotiator` does not see is not the same as one that it sees', () => {
    const languages = (value: string) =>
      new OldNegotiator({ headers: { 'accept-language': value } }).languages(['en', 'de'])
    expect(languages('en; q=0.1, de')).not.toEqual(languages('en;q=0.1, de'))
    expect(normaliseField('accept-language', 'en; q=0.1, de')).not.toBe(
      normaliseField('accept-language', 'en;q=0.1, de'),
    )
  })

  it('M-15: quoted strings stay as they are', () => {
    const quoted = 'a;p="x , y \\" ; , z" , b'
    expect(normaliseField('accept', quoted)).toBe('a;p="x , y \\" ; , z",b')
    expect(normaliseField('accept', 'a ; p="x , ')).toBe('a ; p="x , ')
    expect(normaliseField('accept', 'a;p=",, ,"')).toBe('a;p=",, ,"')
    expect(normaliseField('accept', 'a;p="x\\')).toBe('a;p="x\\')
  })

  it('M-15: normalised twice is normalised once, and without quotes is what splitting and trimming gives', () => {
    const unit = fc.constantFrom(',', ';', ' ', '\t', '"', '\\', 'a', 'B', '=')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (value) => {
        const once = normaliseField('accept', value) ?? ''
        expect(normaliseField('accept', once)).toBe(once)
        const bare = value.replaceAll('"', '')
        const split = bare.split(',').map((member) => member.trim())
        expect(normaliseField('accept', bare)).toBe(split.filter(Boolean).join(','))
      }),
      { numRuns: 2000 },
    )
  })

  it('M-15: negotiators read a normalised list as they read the list', () => {
    const piece = (...texts: string[]) =>
      fc
        .array(fc.constantFrom(...texts, ',', ' ,', ', ', ';q=0.5', ' ; q=0.8', ' '), {
          maxLength: 8,
        })
        .map((pieces) => pieces.join(''))
    const types = ['text/html', 'application/json', 'image/png']
    fc.assert(
      fc.property(
        piece(...types, '*/*', 'text/*'),
        piece('en', 'de-AT', '*'),
        (accept, language) => {
          const raw = new OldNegotiator({ headers: { accept, 'accept-language': language } })
          const plain = new OldNegotiator({
            headers: {
              accept: normaliseField('accept', accept),
              'accept-language': normaliseField('accept-language', language),
            },
          })
          expect(plain.mediaTypes(types)).toEqual(raw.mediaTypes(types))
          expect(plain.languages(['en', 'de', 'fr'])).toEqual(raw.languages(['en', 'de', 'fr']))
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('M-15: any other field loses blanks at its ends only, and absent is not empty', () => {
    expect(normaliseField('X-Tenant', '\t a , b ')).toBe('a , b')
    expect(normaliseField('X-Tenant', '\xa0a')).toBe('\xa0a')
    expect(normaliseField('x-tenant', '')).toBe('')
    expect(normaliseField('x-tenant', undefined)).toBeUndefined()
    expect(normaliseField('__proto__', 'x')).toBe('x')
  })

  it('S-30: looks at each character a few times at most, however hostile the value', () => {
    for (const piece of [',', ' ', ' ,', '"', '\\', 'a ', ';', '; ', '" ']) {
      const value = piece.repeat(20_000 / piece.length)
      for (const field of ['accept', 'accept-encoding', 'x-tenant']) {
        const looks = vi.spyOn(String.prototype, 'charAt')
        try {
          normaliseField(field, value)
          expect(looks.mock.calls.length).toBeLessThan(4 * value.length)
        } finally {
          looks.mockRestore()
        }
      }
    }
  })
})

describe('userAgentClass', () => {
  const CHROME =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36'

  it.each([
    CHROME,
    'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Mozilla/5.0 (Linux; Android 6.0; CUBOT MAX) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.121 Mobile Safari/537.36',
    'Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; Trident/6.0)',
    'Opera/9.80 (X11; Linux i686; U; ru) Presto/2.8.131 Version/11.11',
  ])('M-15: people: %s', (userAgent) => {
    expect(userAgentClass(userAgent)).toBe('human')
  })

  it.each([
    'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    'Mozilla/5.0 (Linux; Android 6.0.1) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1)',
    'Mozilla/5.0 (compatible; Baiduspider/2.0)',
    'Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 Mobile Safari/537.36; Bytespider',
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/131.0.0.0 Safari/537.36 Chrome-Lighthouse',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36',
    'Mozilla/5.0 (compatible; Yahoo! Slurp)',
    'facebookexternalhit/1.1',
    'WhatsApp/2.23.20.0',
    'curl/8.5.0',
    'node',
    '',
    undefined,
  ])('M-15: programs: %s', (userAgent) => {
    expect(userAgentClass(userAgent)).toBe('bot')
  })

  it('M-15: a mark that stands far behind a long name is not overlooked', () => {
    expect(userAgentClass(`${CHROME}${' '.repeat(5000)}Googlebot`)).toBe('bot')
    expect(userAgentClass(CHROME + ' '.repeat(5000))).toBe('bot')
  })
})

describe('cookieValue', () => {
  it('M-6: the value is raw: quotes, percent signs and equals signs stay', () => {
    expect(cookieValue('a=1; theme=dark', 'theme')).toBe('dark')
    expect(cookieValue('theme="da%20rk"', 'theme')).toBe('"da%20rk"')
    expect(cookieValue('theme=a=b; x=y', 'theme')).toBe('a=b')
    expect(cookieValue('theme=;x=y', 'theme')).toBe('')
  })

  it('M-6: a cookie that is not there is undefined, whatever looks like it', () => {
    for (const header of ['', 'x=theme=1', 'Theme=1', 'mytheme=1', 'theme', 'theme2=1', ';;']) {
      expect(cookieValue(header, 'theme')).toBeUndefined()
    }
    expect(cookieValue(undefined, 'theme')).toBeUndefined()
    expect(cookieValue('a=1', '__proto__')).toBeUndefined()
  })

  it('S-14: of several cookies of one name every value counts', () => {
    expect(cookieValue('sid=1; sid=2', 'sid')).not.toBe(cookieValue('sid=1; sid=3', 'sid'))
    expect(cookieValue('sid=1; sid=2', 'sid')).not.toBe(cookieValue('sid=2; sid=1', 'sid'))
    expect(cookieValue('sid=1; sid=1', 'sid')).not.toBe(cookieValue('sid=1', 'sid'))
    expect(cookieValue('sid =1; sid=2', 'sid')).not.toBe(cookieValue('sid=1; sid=2', 'sid'))
  })

  it('S-14: two headers with one value here are one to `cookie` and to `cookies`', () => {
    const cookie = ownedBy('express', 'cookie') as Cookie
    const Cookies = ownedBy('koa', 'cookies') as Cookies
    const header = fc
      .array(
        fc.constantFrom(
          'a',
          'b',
          '=',
          '=',
          ';',
          ';',
          ' ',
          '\t',
          '"',
          '%31',
          '\xa0',
          'a=1',
          '; a=2',
        ),
        {
          maxLength: 9,
        },
      )
      .map((pieces) => pieces.join(''))
    const read = new Map<string | undefined, { header: string; parsers: unknown[] }>()
    let met = 0
    fc.assert(
      fc.property(header, (value) => {
        const parsers = [
          cookie.parse(value)['a'],
          new Cookies({ headers: { cookie: value } }, {}, { secure: false }).get('a'),
        ]
        const known = read.get(cookieValue(value, 'a'))
        if (known === undefined) read.set(cookieValue(value, 'a'), { header: value, parsers })
        else met++
        expect(parsers).toEqual(known?.parsers ?? parsers)
      }),
      { numRuns: 5000 },
    )
    expect(met).toBeGreaterThan(1000)
  })
})

describe('variantKey', () => {
  it('S-9: values with delimiters of any kind never share a key', () => {
    expect(variantKey(['a', 'b'], ['1,2', '3'])).not.toBe(variantKey(['a', 'b'], ['1', '2,3']))
    expect(variantKey(['a', 'b'], ['1;1:b=1:3', undefined])).not.toBe(
      variantKey(['a', 'b'], ['1', '3']),
    )
    expect(variantKey(['ab'], ['1'])).not.toBe(variantKey(['a', 'b'], ['1', undefined]))
  })

  it('S-9: absent and empty differ', () => {
    expect(variantKey(['a'], [undefined])).not.toBe(variantKey(['a'], ['']))
    expect(variantKey(['a'], [undefined])).not.toBe(variantKey(['a'], ['-']))
    expect(variantKey(['a'], [undefined])).not.toBe(variantKey([], []))
  })

  it('S-9: different names or values always have different keys, equal ones the same', () => {
    const unit = fc.constantFrom('1', '2', ':', ';', '=', '-', ',', 'a', '\x00')
    const text = fc.string({ unit, maxLength: 5 })
    const variant = fc.array(fc.tuple(text, fc.option(text, { nil: undefined })), { maxLength: 3 })
    const keys = new Map<string, string>()
    fc.assert(
      fc.property(variant, (pairs) => {
        const key = variantKey(
          pairs.map(([name]) => name),
          pairs.map(([, value]) => value),
        )
        const plain = JSON.stringify(pairs.map(([name, value]) => [name, value ?? null]))
        expect(keys.get(key) ?? plain).toBe(plain)
        keys.set(key, plain)
        expect(decoded(key)).toEqual(pairs)
      }),
      { numRuns: 3000 },
    )
  })

  it('S-29: names of object prototypes are names', () => {
    expect(variantKey(['__proto__'], ['x'])).toBe('9:__proto__=1:x;')
  })
})

const blank = fc.constantFrom('', '', ' ', '\t')
const codingName = fc.constantFrom(...CODINGS, 'GZip', 'BR', '*', '*', 'x', 'dcb')
const validWeight = fc.constantFrom(
  '',
  '',
  ';q=1',
  ';q=0',
  ';q=0.5',
  '; q=0.50',
  ' ;q=0.001',
  ';q=1.',
  ';q=0.8',
)
const validMember = fc.tuple(blank, codingName, validWeight, blank).map((pieces) => pieces.join(''))
const validAcceptEncoding = fc
  .array(fc.oneof({ weight: 9, arbitrary: validMember }, { weight: 1, arbitrary: blank }), {
    maxLength: 7,
  })
  .map((members) => members.join(','))
const brokenMember = fc
  .tuple(
    codingName,
    fc.constantFrom(';q=2', ';q=.5', ';Q=0.5', ' x', ';x=1', ';q', ';q=0.5;q=0', '"', ';q=x'),
  )
  .map((pieces) => pieces.join(''))
const acceptEncoding = fc.oneof(
  { weight: 3, arbitrary: validAcceptEncoding },
  {
    weight: 1,
    arbitrary: fc.tuple(validAcceptEncoding, brokenMember).map((members) => members.join(',')),
  },
)
const preference = fc.option(fc.shuffledSubarray(CODINGS), { nil: undefined })

/** The copy of a package that another package brought along. */
function ownedBy(owner: string, name: string): unknown {
  const require = createRequire(import.meta.url)
  return createRequire(require.resolve(owner))(name)
}

function tryTo(negotiate: () => string[]): string[] {
  try {
    return negotiate()
  } catch {
    return []
  }
}

function decoded(key: string): [string, string | undefined][] {
  const pairs: [string, string | undefined][] = []
  let rest = key
  const text = () => {
    const colon = rest.indexOf(':')
    const length = Number(rest.slice(0, colon))
    const taken = rest.slice(colon + 1, colon + 1 + length)
    rest = rest.slice(colon + 1 + length)
    return taken
  }
  while (rest !== '') {
    const name = text()
    const mark = rest.charAt(0)
    rest = rest.slice(1)
    pairs.push([name, mark === '=' ? text() : undefined])
    rest = rest.slice(1)
  }
  return pairs
}
