import { crc32 } from 'node:zlib'
import {
  BODY_CODINGS,
  type BodyCoding,
  compressed,
  copied,
  decompressed,
  isCompressible,
} from '../store/compression.ts'
import { mayBeCoded } from '../http/coded.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { type EntryContent, readHead, writeHead } from './entry-head.ts'
import { textFormOf } from './text-form.ts'

// What an entry is in L2 (docs/decisions/0017-entry-format.md):
//
//   mark  version  checksum           coding  head size  body size  head     body
//   CF    01       CRC-32 of all      1 byte  uint32     uint32     its own  the rest
//                  that follows it                                  format
//
// The size of the body is that before it was compressed.
const mark = 0xcf
const version = 1
const at = { mark: 0, version: 1, checksum: 2, coding: 6, headSize: 7, bodySize: 11, head: 15 }

/**
 * What is stored, as bytes. It is taken as it stands at the call: what happens to its timeline while the body is being
 * compressed is not in it.
 *
 * @param coding for bodies of 1 KiB or more that are not compressed already; those that it makes smaller by less than a tenth,
 * and all where this Node has not got it, rest as they are
 * @returns a promise where there is something to compress, which another thread does; it never rejects
 */
export function encodeEntry(content: EntryContent, coding: BodyCoding): Buffer | Promise<Buffer> {
  const textForm = content.kind === 'fragment' ? textFormOf(content.text) : 'latin1'
  const body = content.kind === 'fragment' ? Buffer.from(content.text, textForm) : content.body
  const writer = new ByteWriter()
  writeHead(writer, content, textForm)
  const head = writer.written
  const fields = content.kind === 'response' ? content.fields : []
  if (content.kind === 'response' && content.coded?.coding === coding) {
    return sealed(head, content.coded.body, coding, body.length)
  }
  if (coding === 'identity' || !isCompressible(body, fields)) {
    return sealed(head, body, 'identity', body.length)
  }
  return compressed(body, coding).then((smaller) =>
    smaller === undefined
      ? sealed(head, body, 'identity', body.length)
      : sealed(head, smaller, coding, body.length),
  )
}

/**
 * What was stored under a key. The body of a response is in memory of its own size.
 *
 * @param bytes not to be changed until the promise settles, where there is one; from then on nobody needs them
 * @param largest body in bytes that is made whole: a few bytes can claim to be a large one
 * @returns undefined when the bytes are damaged or foreign, of another version of the format, of another key, or in a coding
 * that this Node has not got; a promise where another thread decompresses the body; it never rejects
 */
export function decodeEntry(
  bytes: Buffer,
  key: string,
  largest: number,
): EntryContent | undefined | Promise<EntryContent | undefined> {
  if (bytes.length < at.head || bytes[at.mark] !== mark || bytes[at.version] !== version) {
    return undefined
  }
  const coding = BODY_CODINGS[bytes[at.coding] ?? BODY_CODINGS.length]
  const bodyStart = at.head + bytes.readUInt32BE(at.headSize)
  const bodySize = bytes.readUInt32BE(at.bodySize)
  if (coding === undefined || bodyStart > bytes.length || bodySize > largest) return undefined
  if (bytes.readUInt32BE(at.checksum) !== crc32(bytes.subarray(at.coding))) return undefined
  const resting = bytes.subarray(bodyStart)
  const withBody = (body: Buffer | undefined): EntryContent | undefined => {
    const content = body && readHead(new ByteReader(bytes.subarray(at.head, bodyStart)), key, body)
    if (content?.kind === 'response' && coding !== 'identity' && mayBeCoded(content)) {
      content.coded = { coding, body: copied(resting) }
    }
    return content
  }
  if (coding === 'identity') {
    return resting.length === bodySize ? withBody(resting) : undefined
  }
  const body = decompressed(resting, coding, bodySize)
  return body instanceof Promise ? body.then(withBody) : withBody(body)
}

function sealed(head: Buffer, body: Buffer, coding: BodyCoding, bodySize: number): Buffer {
  const bytes = Buffer.allocUnsafe(at.head + head.length + body.length)
  bytes[at.mark] = mark
  bytes[at.version] = version
  bytes[at.coding] = BODY_CODINGS.indexOf(coding)
  bytes.writeUInt32BE(head.length, at.headSize)
  bytes.writeUInt32BE(bodySize, at.bodySize)
  head.copy(bytes, at.head)
  body.copy(bytes, at.head + head.length)
  bytes.writeUInt32BE(crc32(bytes.subarray(at.coding)), at.checksum)
  return bytes
}
