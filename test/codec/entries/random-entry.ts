import * as fc from 'fast-check'
import type { FragmentContent, ResponseContent } from '../../../src/codec/entry-head.ts'

/** Lone surrogates included. */
const anything = fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) })
const text = fc.oneof(
  anything,
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary-ascii' }),
  fc.constantFrom('', '\u0000', 'posts', 'caf\u00e9', '\ufeff', '\ud83d', '\u{1F44B}', '__proto__'),
)
const texts = fc.array(text, { maxLength: 5 })
const optionalText = fc.option(text, { nil: undefined })

const notResting =
  /^(?:age|content-length|set-cookie|connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/i
const name = fc
  .stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
  .filter((each) => !notResting.test(each))
const lowerCaseName = name.map((each) => each.toLowerCase())
const value = fc.string({
  unit: fc
    .oneof(
      fc.constant(0x09),
      fc.integer({ min: 0x20, max: 0x7e }),
      fc.integer({ min: 0x80, max: 0xff }),
    )
    .map((code) => String.fromCharCode(code)),
})
const lines = fc.array(fc.tuple(name, value), { maxLength: 12 })

const moment = fc.oneof(
  fc.double({ noNaN: true, min: -Number.MAX_VALUE }),
  fc.constantFrom(0, Infinity, 1_700_000_000_123.5),
)
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const timeline = fc.record({
  cachedAt: finite,
  initialAge: finite,
  staleAt: moment,
  revalidateUntil: moment,
  errorUntil: moment,
  deleteAt: moment,
})
const bytes = fc.uint8Array({ maxLength: 2_000 }).map((each) => Buffer.from(each))

/** Of the lines that rest some, in any order, and others. */
function confirmableOf(
  fields: readonly (readonly [string, string])[],
): fc.Arbitrary<string[] | undefined> {
  const own = fields.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...fields))
  const some = fc.tuple(own, fc.shuffledSubarray([...fields]), lines)
  return fc.option(
    some.map((parts) => parts.flat(2)),
    { nil: undefined },
  )
}

export const randomResponse: fc.Arbitrary<ResponseContent> = lines.chain((fields) =>
  fc.record({
    kind: fc.constant('response'),
    primaryKey: text,
    key: text,
    status: fc.integer({ min: 200, max: 599 }),
    statusMessage: fc.option(value, { nil: undefined }),
    fields: fc.constant(fields.flat()),
    isControlOurs: fc.boolean(),
    added: fc.array(lowerCaseName, { maxLength: 3 }),
    removed: fc.array(lowerCaseName, { maxLength: 3 }),
    body: bytes,
    form: fc.constantFrom('bytes', 'text', 'json', 'none', 'null'),
    validators: fc.record({
      etag: fc.option(value, { nil: undefined }),
      lastModified: fc.option(fc.integer({ min: -8.64e15, max: 8.64e15 }), { nil: undefined }),
    }),
    confirmable: confirmableOf(fields),
    timeline,
    mayServeStale: fc.boolean(),
    noCache: fc.boolean(),
    servesAuthorized: fc.boolean(),
    wasAuthorized: fc.boolean(),
    group: optionalText,
    tags: texts,
    route: optionalText,
    inputs: texts,
  }),
)

const randomFragment: fc.Arbitrary<FragmentContent> = fc.record({
  kind: fc.constant('fragment'),
  key: text,
  name: text,
  version: text,
  text: fc.oneof(
    text,
    fc.tuple(text, fc.integer({ min: 0, max: 500 })).map(([each, times]) => each.repeat(times)),
  ),
  timeline,
  tags: texts,
  assets: fc.array(fc.tuple(text, texts), { maxLength: 4 }).map((pairs) => new Map(pairs)),
  inputs: texts,
  group: optionalText,
})

export const randomEntry = fc.oneof(randomResponse, randomFragment)

/** Values that no header may have are among them. */
export const anyText = text
