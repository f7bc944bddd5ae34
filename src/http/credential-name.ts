const anywhere =
  /api[-_.]?key|access[-_.]?key|private[-_.]?key|token|secret|session|sess(?:ion)?[-_.]?id|jwt|bearer|credential|passw(?:or)?d|passphrase|authori[sz]ation|authenticat|logged[-_.]?in|remember/i
const asWord = /(?:^|[^a-z])(?:auth|oauth2?|sid|sess|otp|apikey)(?:[^a-z]|$)/i
const inCamelCase = /[a-z](?:Auth|Sid|SID|JWT)(?:[^a-z]|$)/

/**
 * Does the name of a header or a cookie say that its value proves who comes? Such a value is one visitor's, and may be revoked:
 * a response that was made from it must not outlive it.
 *
 *   x-api-key, X-Parse-Session-Token, x-auth-token, connect.sid, PHPSESSID, accessToken    but not: author, :authority, sidebar
 */
export function namesCredential(name: string): boolean {
  return anywhere.test(name) || asWord.test(name) || inCamelCase.test(name)
}
