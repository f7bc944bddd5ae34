import type { RangeResult } from './range.ts'

/** The body of a 206 with several parts, and the two fields that describe it. */
export interface MultipartBody {
  readonly contentType: string
  readonly contentLength: number
  /** To be written in this order. The parts are views of the stored body, not copies. */
  readonly chunks: readonly Uint8Array[]
}

/** What a field value may hold: a line break from a damaged store would begin a field of its own. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Several ranges of a body as multipart/byteranges (RFC 9110 §14.6).
 *
 * @param boundary 1 to 70 letters and digits, new and random for each response (128 bits or more): whoever
 * writes the body must not be able to foresee it, or could forge the end of a part
 */
export function multipartBody(
  body: Uint8Array,
  answer: Extract<RangeResult, { kind: 'multiple' }>,
  boundary: string,
): MultipartBody {
  const { partType } = answer
  const typeLine =
    partType !== undefined && FIELD_VALUE.test(partType) ? `Content-Type: ${partType}\r\n` : ''
  const chunks: Uint8Array[] = []
  let lineBreak = ''
  for (const { start, end, contentRange } of answer.parts) {
    const head = `${lineBreak}--${boundary}\r\n${typeLine}Content-Range: ${contentRange}\r\n\r\n`
    chunks.push(Buffer.from(head, 'latin1'), body.subarray(start, end))
    lineBreak = '\r\n'
  }
  chunks.push(Buffer.from(`${lineBreak}--${boundary}--\r\n`, 'latin1'))
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    contentLength: chunks.reduce((length, chunk) => length + chunk.byteLength, 0),
    chunks,
  }
}
