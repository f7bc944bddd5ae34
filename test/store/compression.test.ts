import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { crc32, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BODY_CODINGS, type BodyCoding, supportsCoding } from '../../src/store/compression.ts'
import { decodeEntry, encodeEntry } from '../../src/codec/entry-codec.ts'
import type { EntryContent, ResponseContent } from '../../src/codec/entry-head.ts'
import { examples, longPage } from '../codec/entries/examples.ts'
import { randomEntry } from '../codec/entries/random-entry.ts'

const largest = 4_000_000
const codings = BODY_CODINGS.filter((coding) => coding !== 'identity' && supportsCoding(coding))

function withBody(body: Buffer, type = 'text/html', ...fields: string[]): ResponseContent {
  return { ...longPage, body, fields: ['Content-Type', type, ...fields], confirmable: undefined }
}

async function again(content: EntryContent, coding: BodyCoding): Promise<EntryContent | undefined> {
  return decodeEntry(await encodeEntry(content, coding), content.key, largest)
}

/** How many bytes compression took away. */
async function gain(content: EntryContent, coding: BodyCoding): Promise<number> {
  const plain = await encodeEntry(content, 'identity')
  const bytes = await encodeEntry(content, coding)
  return plain.length - bytes.length
}

/** A compressed entry whose body is another, and of whatever size it says. */
async function withCoded(coded: Buffer, says: number, coding: BodyCoding): Promise<Buffer> {
  const whole = await encodeEntry(longPage, coding)
  const bodyStart = 15 + whole.readUInt32BE(7)
  const bytes = Buffer.concat([whole.subarray(0, bodyStart), coded])
  bytes.writeUInt32BE(says, 11)
  bytes.writeUInt32BE(crc32(bytes.subarray(6)), 2)
  return bytes
}

describe('compressed bodies', () => {
  for (const coding of codings) {
    it(`are what they were before, in ${coding}, however large`, async () => {
      await fc.assert(
        fc.asyncProperty(randomEntry, async (content) => {
          expect(await again(content, coding)).toEqual(content)
        }),
      )
      for (const size of [1_023, 1_024, 65_536, 65_537, 3_000_000]) {
        const content = withBody(Buffer.alloc(size, '<li>Gr\u00fc\u00dfe</li>\n'))
        expect(await gain(content, coding)).toBeGreaterThanOrEqual(size < 1_024 ? 0 : size / 2)
        const found = await again(content, coding)
        if (found?.kind !== 'response') throw new Error('it is a response')
        expect(found.body.equals(content.body)).toBe(true)
        // One byte more at most: no pool, and no larger piece.
        expect(found.body.buffer.byteLength - size).toBeLessThanOrEqual(1)
      }
    })
  }

  it('are read at once while they are small, and off the event loop when they are large', async () => {
    for (const coding of codings) {
      const small = await encodeEntry(withBody(Buffer.alloc(65_536)), coding)
      const large = await encodeEntry(withBody(Buffer.alloc(65_537)), coding)
      expect(decodeEntry(small, longPage.key, largest)).not.toBeInstanceOf(Promise)
      expect(decodeEntry(large, longPage.key, largest)).toBeInstanceOf(Promise)
    }
  })

  it('are those of texts of 1 KiB or more, and of fragments', async () => {
    const text = '<li>Gr\u00fc\u00dfe</li>\n'.repeat(100)
    const { fragment } = examples
    expect(await gain(withBody(Buffer.alloc(1_024)), 'gzip')).toBeGreaterThan(900)
    expect(await gain(withBody(Buffer.alloc(1_023)), 'gzip')).toBe(0)
    expect(await gain({ ...fragment, text }, 'gzip')).toBeGreaterThan(1_000)
    expect(await gain({ ...fragment, text: 'x' }, 'gzip')).toBe(0)
    expect(encodeEntry(withBody(Buffer.alloc(1_023)), 'gzip')).toBeInstanceOf(Buffer)
  })

  it('rest as they are when that saves less than a tenth', async () => {
    expect(await gain(withBody(randomBytes(100_000)), 'gzip')).toBe(0)
    const third = Buffer.concat([randomBytes(10_000), Buffer.alloc(500)])
    expect(await gain(withBody(third), 'gzip')).toBe(0)
    const half = Buffer.concat([randomBytes(10_000), Buffer.alloc(2_000)])
    expect(await gain(withBody(half), 'gzip')).toBeGreaterThan(1_500)
  })

  it('are none that the application has compressed, or that are compressed by what they are', async () => {
    const body = Buffer.alloc(10_000)
    for (const coding of ['gzip', 'br', 'GZIP, identity', 'aws-chunked']) {
      expect(await gain(withBody(body, 'text/html', 'Content-Encoding', coding), 'gzip')).toBe(0)
    }
    for (const type of ['image/png', 'IMAGE/JPEG', 'video/mp4', 'audio/ogg', 'font/woff2']) {
      expect(await gain(withBody(body, type), 'gzip'), type).toBe(0)
    }
    for (const type of ['application/zip', 'application/pdf', 'application/gzip; x=y']) {
      expect(await gain(withBody(body, type), 'gzip'), type).toBe(0)
    }
    for (const type of ['image/svg+xml', 'font/ttf', 'application/json', 'text/css', '', 'x']) {
      expect(await gain(withBody(body, type), 'gzip'), type).toBeGreaterThan(9_000)
    }
    const plain = withBody(body, 'text/html', 'Content-Encoding', 'identity')
    expect(await gain(plain, 'gzip')).toBeGreaterThan(9_000)
  })

  it('are stored with the timeline of the call, not with the one of the end', async () => {
    const content = withBody(Buffer.alloc(100_000))
    const { timeline } = content
    const bytes = encodeEntry(content, 'gzip')
    content.timeline = { ...timeline, staleAt: 0 }
    const found = await decodeEntry(await bytes, content.key, largest)
    expect(found?.timeline).toEqual(timeline)
  })

  it('of format 1 are read as they were written', async () => {
    for (const coding of BODY_CODINGS) {
      if (coding === 'identity') continue
      const file = new URL(`../codec/entries/1-${coding}.hex`, import.meta.url)
      const bytes = Buffer.from(readFileSync(file, 'utf8').replaceAll(/\s/g, ''), 'hex')
      const content = await decodeEntry(bytes, longPage.key, largest)
      // What another Node wrote is a miss for one that has not got the coding.
      const { coded, ...rest } = { coded: undefined, ...content }
      expect(rest, coding).toEqual(supportsCoding(coding) ? longPage : {})
      // The bytes that it came in are kept, for those who accept them.
      expect(coded?.coding, coding).toBe(supportsCoding(coding) ? coding : undefined)
    }
  })

  it('rest as they are in a coding that this Node has not got', async () => {
    for (const coding of BODY_CODINGS) {
      const saved = await gain(longPage, coding)
      expect(saved > 0).toBe(coding !== 'identity' && supportsCoding(coding))
    }
    expect(supportsCoding('gzip') && supportsCoding('br') && supportsCoding('identity')).toBe(true)
  })
})

describe('a compressed body that is none', () => {
  it('is a miss, be it small or large', async () => {
    for (const coding of codings) {
      for (const says of [0, 2_000, 200_000]) {
        for (const coded of [Buffer.alloc(0), Buffer.from('no'), randomBytes(3_000)]) {
          const bytes = await withCoded(coded, says, coding)
          expect(await decodeEntry(bytes, longPage.key, largest)).toBeUndefined()
        }
      }
    }
  })

  it('is a miss when it is larger or smaller than it says', async () => {
    for (const size of [2_000, 200_000]) {
      const coded = gzipSync(Buffer.alloc(size))
      for (const says of [size - 1, size + 1]) {
        const bytes = await withCoded(coded, says, 'gzip')
        expect(await decodeEntry(bytes, longPage.key, largest)).toBeUndefined()
      }
      const right = await withCoded(coded, size, 'gzip')
      expect(await decodeEntry(right, longPage.key, largest)).toBeDefined()
    }
  })

  it('is not begun with when it says that it is larger than the reader takes', async () => {
    const bytes = await withCoded(gzipSync(Buffer.alloc(2_000)), 2_000, 'gzip')
    expect(decodeEntry(bytes, longPage.key, 2_000)).toBeDefined()
    expect(decodeEntry(bytes, longPage.key, 1_999)).toBeUndefined()
  })

  it('takes no more memory than it says, however much comes out of it', async () => {
    const piece = Buffer.alloc(1024 * 1024)
    const size = 256 * piece.length
    // What gzip has joined comes out joined.
    const bomb = Buffer.concat(Array.from({ length: 256 }, () => gzipSync(piece)))
    expect(bomb.length).toBeLessThan(size / 500)
    const before = process.resourceUsage().maxRSS
    for (const says of [2_000, 1_000_000]) {
      const bytes = await withCoded(bomb, says, 'gzip')
      expect(await decodeEntry(bytes, longPage.key, largest)).toBeUndefined()
    }
    const kibibytes = process.resourceUsage().maxRSS - before
    expect(kibibytes * 1024).toBeLessThan(size / 4)
  })
})
