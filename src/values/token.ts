/** Whether the text is a token (RFC 9110 §5.6.2): one or more characters that need no quotes. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (!isTokenCharacter(text.charCodeAt(i))) return false
  }
  return text !== ''
}

/** Whether the character code is a tchar (RFC 9110 §5.6.2). */
export function isTokenCharacter(code: number): boolean {
  return TOKEN_CHARACTERS[code] === true
}

const TOKEN_CHARACTERS: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[\w!#$%&'*+\-.^`|~]/.test(String.fromCharCode(code)),
)
