import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { multipartBody } from '../../src/http/multipart.ts'
import { applyRange } from '../../src/http/range.ts'

const BOUNDARY = '8f14e45fceea167a5a36dedd4bea2543'

describe('multipartBody', () => {
  it('S-22: is written as RFC 9110 §14.6 shows it, with its length known beforehand', () => {
    const made = multipartBody(
      Buffer.from('0123456789'),
      several('bytes=7-,0-1', 10, 'text/plain'),
      'B',
    )
    expect(text(made.chunks)).toBe(
      [
        ...['--B', 'Content-Type: text/plain', 'Content-Range: bytes 7-9/10', '', '789'],
        ...['--B', 'Content-Type: text/plain', 'Content-Range: bytes 0-1/10', '', '01'],
        ...['--B--', ''],
      ].join('\r\n'),
    )
    expect(made.contentType).toBe('multipart/byteranges; boundary=B')
    expect(made.contentLength).toBe(text(made.chunks).length)
  })

  it('S-22: put together again, the parts are the slices of the body', () => {
    const range = fc
      .array(fc.tuple(fc.nat(200), fc.nat(12)), { minLength: 2, maxLength: 16 })
      .map(
        (members) => `bytes=${members.map(([from, more]) => `${from}-${from + more}`).join(', ')}`,
      )
    fc.assert(
      fc.property(range, fc.uint8Array({ minLength: 20, maxLength: 240 }), (value, body) => {
        const answer = applyRange(
          { range: value },
          { etag: undefined, lastModified: undefined },
          body.length,
          undefined,
        )
        fc.pre(answer.kind === 'multiple')
        const made = multipartBody(body, answer, BOUNDARY)
        const whole = Buffer.concat(made.chunks)
        expect(whole.length).toBe(made.contentLength)
        expect(read(whole, BOUNDARY)).toEqual(
          answer.parts.map(({ start, end }) => ({
            head: `Content-Range: bytes ${start}-${end - 1}/${body.length}`,
            body: Buffer.from(body.slice(start, end)).toString('latin1'),
          })),
        )
      }),
    )
  })

  it('C-2: the parts are views of the stored body, not copies', () => {
    const body = new Uint8Array(10)
    const { chunks } = multipartBody(body, several('bytes=0-1,5-6', 10), BOUNDARY)
    expect(chunks.filter((chunk) => chunk.buffer === body.buffer)).toHaveLength(2)
  })

  it('S-39: a type with a line break does not begin a field of its own', () => {
    const made = multipartBody(
      Buffer.from('0123456789'),
      several('bytes=0-1,5-6', 10, 'text/html\r\nSet-Cookie: sid=evil'),
      BOUNDARY,
    )
    expect(text(made.chunks)).not.toContain('Set-Cookie')
    expect(text(made.chunks)).not.toContain('Content-Type')
  })
})

function several(range: string, length: number, type?: string) {
  const answer = applyRange({ range }, { etag: undefined, lastModified: undefined }, length, type)
  if (answer.kind !== 'multiple') throw new Error(`${range} has ${answer.kind} answer`)
  return answer
}

function text(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('latin1')
}

/** Reads multipart/byteranges as a client does: delimiter, head, empty line, body. */
function read(whole: Buffer, boundary: string): { head: string; body: string }[] {
  const sections = `\r\n${whole.toString('latin1')}`.split(`\r\n--${boundary}`)
  expect(sections.shift()).toBe('')
  expect(sections.pop()).toBe('--\r\n')
  return sections.map((section) => {
    const [, head = '', body = ''] = /^\r\n(.*?)\r\n\r\n(.*)$/s.exec(section) ?? []
    return { head, body }
  })
}
