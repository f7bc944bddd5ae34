import { readFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http'
import { Socket } from 'node:net'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isHopByHop } from '../../src/http/header-fields.ts'
import { decodeEntry, encodeEntry } from '../../src/codec/entry-codec.ts'
import type { EntryContent, ResponseContent } from '../../src/codec/entry-head.ts'
import { Random } from '../support/random.ts'
import { examples } from './entries/examples.ts'
import { anyText, randomEntry, randomResponse } from './entries/random-entry.ts'

const { page, bare, fragment } = examples
const largest = 1_000_000
/** Where the checksum begins, and what it is of. */
const checksum = 2
const checked = 6
const headSize = 7
const bodySize = 11
const head = 15

function encoded(content: EntryContent): Buffer {
  const bytes = encodeEntry(content, 'identity')
  if (bytes instanceof Promise) throw new Error('there is nothing to wait for')
  return bytes
}

function decoded(bytes: Buffer, key: string, most = largest): EntryContent | undefined {
  const content = decodeEntry(bytes, key, most)
  if (content instanceof Promise) throw new Error('there is nothing to wait for')
  return content
}

function again(content: EntryContent): EntryContent | undefined {
  return decoded(encoded(content), content.key)
}

/** The bytes with a checksum that fits them, as somebody would make them who knows the format. */
function forged(bytes: Buffer): Buffer {
  const forgery = Buffer.from(bytes)
  if (forgery.length >= checked) {
    forgery.writeUInt32BE(crc32(forgery.subarray(checked)), checksum)
  }
  return forgery
}

function written(name: string): Buffer {
  const file = new URL(`entries/1-${name}.hex`, import.meta.url)
  return Buffer.from(readFileSync(file, 'utf8').replaceAll(/\s/g, ''), 'hex')
}

/** Some bits turned, bytes cut off or out, doubled, put in, or taken from another entry. */
function damaged(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1)
  const to = from + random.below(bytes.length + 1 - from)
  const part = bytes.subarray(from, to)
  switch (random.below(6)) {
    case 0: {
      const turned = Buffer.from(bytes)
      for (let left = 1 + random.below(8); left > 0; left--) {
        const at = random.below(turned.length)
        turned[at] = (turned[at] ?? 0) ^ (1 << random.below(8))
      }
      return turned
    }
    case 1:
      return bytes.subarray(0, from)
    case 2:
      return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
    case 3:
      return Buffer.concat([bytes.subarray(0, to), part, bytes.subarray(to)])
    case 4:
      return Buffer.concat([bytes.subarray(0, from), other.subarray(random.below(other.length))])
    default: {
      const noise = Buffer.from(Array.from({ length: to - from }, () => random.below(256)))
      return Buffer.concat([bytes.subarray(0, from), noise, bytes.subarray(to)])
    }
  }
}

/** What node itself says of names and values, and that nothing frames the message. */
function isHarmless({ status, statusMessage, fields, confirmable }: ResponseContent): boolean {
  try {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    response.writeHead(status, statusMessage, [...fields])
    for (const lines of [fields, confirmable ?? []]) {
      for (const [i, each] of lines.entries()) {
        if (i % 2 === 1) validateHeaderValue('x', each)
        else validateHeaderName(each)
        const frames = ['content-length', 'set-cookie', 'age'].includes(each.toLowerCase())
        if (i % 2 === 0 && (frames || isHopByHop(each.toLowerCase()))) return false
      }
    }
    return Number.isInteger(status) && status >= 200 && status <= 599
  } catch {
    return false
  }
}

describe('an entry as bytes', () => {
  it('has everything of a response and of a fragment', () => {
    fc.assert(
      fc.property(randomEntry, (content) => {
        expect(again(content)).toEqual(content)
      }),
      { numRuns: 500 },
    )
  })

  it('is the same bytes for the same content', () => {
    for (const content of Object.values(examples)) {
      expect(encoded(content).equals(encoded(content))).toBe(true)
    }
  })

  it('grows with what is in it', () => {
    const fields = Array.from({ length: 2_000 }, (_, i) => [`X-${i}`, 'x'.repeat(100)]).flat()
    expect(again({ ...page, fields })).toEqual({ ...page, fields })
  })

  it('tells a line that may be confirmed by its place among the fields, so that it has no room of its own', () => {
    expect(again(page)).toEqual(page)
    const line = '</app.js>; rel=preload'
    expect(encoded(page).toString('latin1').split(line)).toHaveLength(2)
  })

  it('gives a body in memory of its own size, which nobody else writes in', () => {
    const pool = Buffer.alloc(1_000_000)
    const bytes = pool.subarray(500, 500 + encoded(page).copy(pool, 500))
    const content = decoded(bytes, page.key)
    pool.fill(0)
    if (content?.kind !== 'response') throw new Error('it is a response')
    expect(content).toEqual(page)
    expect(content.body.buffer.byteLength).toBe(page.body.length)
  })

  it('is not read by whom it would be too large for', () => {
    const bytes = encoded(page)
    expect(decoded(bytes, page.key, page.body.length)).toEqual(page)
    expect(decoded(bytes, page.key, page.body.length - 1)).toBeUndefined()
  })
})

describe('entries of format 1', () => {
  for (const [name, content] of Object.entries(examples)) {
    it(`are read as they were written: ${name}`, () => {
      expect(decoded(written(name), content.key)).toEqual(content)
    })

    it(`are written as they are read, until the format has another number: ${name}`, () => {
      expect(encoded(content).toString('hex')).toBe(written(name).toString('hex'))
    })
  }

  it('are told from those of every other format, which are none', () => {
    for (const version of [0, 2, 3, 255]) {
      const bytes = Buffer.from(written('page'))
      bytes[1] = version
      expect(decoded(bytes, page.key)).toBeUndefined()
    }
    for (const foreign of ['', '{"body":"<p>"}', 'x'.repeat(1_000)]) {
      expect(decoded(Buffer.from(foreign), page.key)).toBeUndefined()
    }
  })
})

describe('a damaged entry', () => {
  it('is none, and nothing is thrown', () => {
    fc.assert(
      fc.property(randomEntry, randomEntry, fc.integer(), (content, other, seed) => {
        const random = new Random(seed)
        const bytes = encoded(content)
        for (let left = 20; left > 0; left--) {
          const damage = damaged(bytes, encoded(other), random)
          if (damage.equals(bytes)) continue
          expect(decoded(damage, content.key)).toBeUndefined()
        }
      }),
    )
  })

  it('S-32: is none wherever it is cut off, and whichever bit is turned', () => {
    for (const content of [page, fragment]) {
      const bytes = encoded(content)
      for (let at = 0; at < bytes.length; at++) {
        expect(decoded(bytes.subarray(0, at), content.key)).toBeUndefined()
        for (let bit = 0; bit < 8; bit++) {
          const turned = Buffer.from(bytes)
          turned[at] = (turned[at] ?? 0) ^ (1 << bit)
          expect(decoded(turned, content.key), `bit ${bit} of byte ${at}`).toBeUndefined()
        }
      }
    }
  })

  it('is none where it lies under a key that is not its own', () => {
    expect(decoded(encoded(page), page.primaryKey)).toBeUndefined()
    expect(decoded(encoded(fragment), page.key)).toBeUndefined()
    // Redis has its keys as UTF-8, where these two are one.
    const [one, two] = ['alice \ud800', 'alice \ud801']
    expect(decoded(encoded({ ...page, key: one }), one)).toBeDefined()
    expect(decoded(encoded({ ...page, key: one }), two)).toBeUndefined()
  })
})

describe('a forged entry', () => {
  it('S-32: never brings a header that node would refuse, or one that frames the message', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomResponse,
        randomResponse,
        fc.integer(),
        async (content, other, seed) => {
          const random = new Random(seed)
          for (let left = 30; left > 0; left--) {
            const forgery = forged(damaged(encoded(content), encoded(other), random))
            // Awaited, for it may say that its body is compressed and large.
            const found = await decodeEntry(forgery, content.key, largest)
            if (found?.kind === 'response') expect(isHarmless(found)).toBe(true)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is read exactly where node takes every name and value of it', () => {
    const line = fc.tuple(
      fc.oneof(anyText, fc.constantFrom('X-A', 'Set-Cookie', 'Content-Length', 'TE', 'Age', 'x:y')),
      fc.oneof(anyText, fc.constantFrom('a', 'a\r\nSet-Cookie: b=c', 'a\nb', 'a\u0000', 'a\u007f')),
    )
    const fields = fc.array(line, { maxLength: 2 }).map((lines) => lines.flat())
    fc.assert(
      fc.property(fields, fields, fc.option(anyText), (own, confirmable, message) => {
        const statusMessage = message ?? undefined
        const content = { ...page, fields: own, confirmable, statusMessage }
        expect(again(content)).toEqual(isHarmless(content) ? content : undefined)
      }),
      { numRuns: 2_000 },
    )
  })

  const pollutions: Readonly<Record<string, Partial<ResponseContent>>> = {
    'a status below 200': { status: 103 },
    'a status beyond 599': { status: 600 },
    'a reason phrase of two lines': { statusMessage: 'OK\r\nX: y' },
    'a value of two lines': { fields: ['X-A', 'a\r\nSet-Cookie: b=c'] },
    'a value beyond Latin-1': { fields: ['X-A', '\u010a'] },
    'a name of two lines': { fields: ['X-A: b\r\nX-C', 'd'] },
    'an empty name': { fields: ['', 'a'] },
    'a name without a value': { fields: ['X-A'] },
    'Set-Cookie': { fields: ['set-COOKIE', 'a=b'] },
    'Content-Length': { fields: ['Content-Length', '5'] },
    'Transfer-Encoding': { fields: ['transfer-encoding', 'chunked'] },
    Connection: { confirmable: ['Connection', 'upgrade'] },
    'a line that may be confirmed, of two lines': { confirmable: ['X-A', 'a\r\nb'] },
    'an entity tag of two lines': { validators: { etag: '"a"\r\nX: y', lastModified: undefined } },
    'a date that none is': { validators: { etag: undefined, lastModified: NaN } },
    'an added name in capitals': { added: ['Link'] },
    'a removed name that none is': { removed: ['x y'] },
    'an unknown form of the body': { form: Object('other') },
    'an unknown moment': { timeline: { ...page.timeline, staleAt: NaN } },
    'a moment before all times': { timeline: { ...page.timeline, deleteAt: -Infinity } },
    'an infinite age': { timeline: { ...page.timeline, initialAge: Infinity } },
    'an infinite birth': { timeline: { ...page.timeline, cachedAt: Infinity } },
  }
  for (const [title, pollution] of Object.entries(pollutions)) {
    it(`is none with ${title}`, () => {
      expect(again({ ...page, ...pollution })).toBeUndefined()
      expect(again(page)).toBeDefined()
    })
  }

  it('is none with sizes that are not those of its parts', () => {
    for (const content of [page, fragment]) {
      const bytes = encoded(content)
      for (const [at, size] of [
        [headSize, 0],
        [headSize, bytes.readUInt32BE(headSize) - 1],
        [headSize, bytes.readUInt32BE(headSize) + 1],
        [headSize, 0xffff_ffff],
        [bodySize, 0],
        [bodySize, bytes.readUInt32BE(bodySize) + 1],
      ] as const) {
        const forgery = Buffer.from(bytes)
        forgery.writeUInt32BE(size, at)
        expect(decoded(forged(forgery), content.key)).toBeUndefined()
      }
      expect(decoded(forged(Buffer.concat([bytes, Buffer.from('x')])), content.key)).toBeUndefined()
    }
  })

  it('is none with a head that ends before its bytes do, or after them', () => {
    for (const content of [page, fragment]) {
      const bytes = encoded(content)
      for (const shift of [-1, 1]) {
        const forgery = Buffer.from(bytes)
        forgery.writeUInt32BE(bytes.readUInt32BE(headSize) + shift, headSize)
        forgery.writeUInt32BE(bytes.readUInt32BE(bodySize) - shift, bodySize)
        expect(decoded(forged(forgery), content.key)).toBeUndefined()
      }
    }
    const bytes = encoded(bare)
    bytes.writeUInt32BE(bytes.readUInt32BE(headSize) + 1, headSize)
    expect(decoded(forged(bytes), bare.key)).toBeUndefined()
  })

  it('costs no more than its own size, however many parts it says it has', () => {
    // A head that ends with a count of five times seven bits, all set.
    const bytes = encoded(fragment)
    const end = head + bytes.readUInt32BE(headSize)
    for (let at = head; at < end; at++) {
      const many = Buffer.from('ffffffff7f', 'hex')
      const forgery = Buffer.concat([bytes.subarray(0, at), many, bytes.subarray(end)])
      forgery.writeUInt32BE(at + many.length - head, headSize)
      expect(decoded(forged(forgery), fragment.key)).toBeUndefined()
    }
  })

  it('is none of an unknown kind or with an unknown flag, for it may mean what is not known here', () => {
    const kind = encoded(page)
    kind[head] = 2
    expect(decoded(forged(kind), page.key)).toBeUndefined()
    const flags = encoded({ ...page, isControlOurs: false, mayServeStale: false })
    // Behind both keys, the status and its phrase.
    const at =
      flags.indexOf(page.statusMessage ?? '', head, 'latin1') + (page.statusMessage ?? '').length
    expect(flags[at]).toBe(8)
    flags[at] = 8 + 32
    expect(decoded(forged(flags), page.key)).toBeUndefined()
  })
})
