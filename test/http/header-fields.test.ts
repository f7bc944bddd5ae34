import { describe, expect, it } from 'vitest'
import { endToEnd, fieldLines, fieldValue, withoutFields } from '../../src/http/header-fields.ts'

const fields = [
  'Content-Type',
  'text/html',
  'Link',
  '</a>; rel=preload',
  'LINK',
  '</b>; rel=preload',
  'X-Empty',
  '',
]

describe('fieldValue', () => {
  it('joins the lines of a field in the order sent, whatever the case of its name', () => {
    expect(fieldValue(fields, 'link')).toBe('</a>; rel=preload, </b>; rel=preload')
    expect(fieldValue(fields, 'CONTENT-TYPE')).toBe('text/html')
  })

  it('tells an empty field from an absent one', () => {
    expect(fieldValue(fields, 'x-empty')).toBe('')
    expect(fieldValue(fields, 'x-absent')).toBeUndefined()
  })

  it('does not take a value for a name', () => {
    expect(fieldValue(['X-Name', 'Link', 'Link', 'right'], 'link')).toBe('right')
  })

  it('S-29: names of the prototype are ordinary names', () => {
    expect(fieldValue(fields, '__proto__')).toBeUndefined()
    expect(fieldValue(['__proto__', 'a', 'constructor', 'b'], '__proto__')).toBe('a')
    expect(fieldValue(['hasOwnProperty', 'a'], 'hasownproperty')).toBe('a')
  })
})

describe('fieldLines', () => {
  it('keeps the lines apart, so that Set-Cookie and Expires are not joined', () => {
    expect(fieldLines(fields, 'Link')).toEqual(['</a>; rel=preload', '</b>; rel=preload'])
    expect(fieldLines(fields, 'x-absent')).toEqual([])
  })
})

describe('withoutFields', () => {
  it('leaves out every line of the named fields and keeps the names as they were sent', () => {
    expect(withoutFields(fields, new Set(['link', 'x-absent']))).toEqual([
      'Content-Type',
      'text/html',
      'X-Empty',
      '',
    ])
  })
})

describe('endToEnd', () => {
  it('M-11: Connection, what it lists, and the fields of one hop are not stored', () => {
    const sent = [
      ['Connection', 'close, X-Hop'],
      ['connection', 'x-second,, '],
      ['Keep-Alive', 'timeout=5'],
      ['Proxy-Authenticate', 'Basic'],
      ['Proxy-Authentication-Info', 'x'],
      ['Proxy-Authorization', 'x'],
      ['Proxy-Connection', 'keep-alive'],
      ['TE', 'trailers'],
      ['Trailer', 'Digest'],
      ['Transfer-Encoding', 'chunked'],
      ['Upgrade', 'websocket'],
      ['X-Hop', '1'],
      ['X-Second', '2'],
      ['ETag', '"1"'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ].flat()
    expect(endToEnd(sent)).toEqual(['ETag', '"1"', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
  })

  it('M-11: Proxy-Status (RFC 9209) and the fields of another Connection list stay', () => {
    const sent = ['Proxy-Status', 'cdn; error=http_request_error', 'X-Hop', '1']
    expect(endToEnd(sent)).toEqual(sent)
    expect(endToEnd(['Connection', 'x-other', ...sent])).toEqual(sent)
  })

  it('gives a new list, so that what is stored does not change with the response', () => {
    const sent = ['ETag', '"1"']
    expect(endToEnd(sent)).not.toBe(sent)
  })
})
