import { describe, expect, it } from 'vitest'
import { isToken } from '../../src/values/token.ts'

describe('isToken', () => {
  it('takes the characters of RFC 9110 §5.6.2, and nothing else', () => {
    const ascii = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))
    expect(ascii.filter(isToken).join('')).toBe(
      "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~",
    )
  })

  it('needs every character to be one of them, and at least one', () => {
    expect(['', ' ', 'a b', 'a\n', 'é', '\u0130', 'max-age'].filter(isToken)).toEqual(['max-age'])
  })
})
