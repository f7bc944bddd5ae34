import type { UncacheableReason } from '../events/reasons.ts'
import { type HeaderFields, fieldLines, fieldValue } from '../http/header-fields.ts'
import { csrfTokenIn, isTokenResponse, tokenInScript } from '../html/csrf-token.ts'
import { attributesOf, tagsIn } from '../html/markup.ts'

/**
 * Letters that a body with a token has: the search for a few bytes spares most pages the rest. It costs by how often the first of them comes
 * in the page, so each mark begins with a rare one.
 */
const marks = ['CSRF', 'Csrf', 'XSRF', 'Xsrf', 'xsrf', 'csrf']

/** A body of this size may be a token and nothing else. */
const tokenResponse = 600

/** What in a body belongs to one visitor or one response, so that it may not be shared. */
export function secretIn(
  fields: HeaderFields,
  body: Buffer,
): { readonly reason: UncacheableReason; readonly detail: string } | undefined {
  const type = fieldValue(fields, 'content-type') ?? ''
  const kind = type === '' ? sniffed(body) : kindOf(type)
  if (kind === undefined || fieldValue(fields, 'content-encoding') !== undefined) return undefined
  if (kind === 'html') {
    const nonce = nonceIn(fields, body)
    if (nonce !== undefined) return { reason: 'csp-nonce', detail: nonce }
  }
  const found = kind === 'html' ? tokenInPage(body) : tokenInData(body)
  return found === undefined ? undefined : { reason: 'csrf-token', detail: found }
}

type Kind = 'html' | 'script' | undefined

function kindOf(type: string): Kind {
  if (/html/i.test(type)) return 'html'
  return /json|javascript|ecmascript/i.test(type) ? 'script' : undefined
}

/** Without a type browsers look at how a body begins. */
function sniffed(body: Buffer): Kind {
  const start = body.toString('latin1', 0, 512).replace(/^(?:\u00EF\u00BB\u00BF)?\s*/, '')
  if (start.startsWith('<')) return 'html'
  return /^[{["]/.test(start) ? 'script' : undefined
}

function tokenInPage(body: Buffer): string | undefined {
  return hasMark(body) || namesToken(body) || namesKey(body)
    ? csrfTokenIn(body.toString('latin1'))
    : undefined
}

function tokenInData(body: Buffer): string | undefined {
  if (body.byteLength < tokenResponse && isTokenResponse(body.toString('latin1'))) return 'token'
  return hasMark(body) || body.includes('_token') || namesKey(body)
    ? tokenInScript(body.toString('latin1'))
    : undefined
}

function hasMark(body: Buffer): boolean {
  return marks.some((mark) => body.includes(mark))
}

const endsOfNames: ReadonlySet<number> = new Set(Buffer.from('"\'=:\\]'))

/** Has it a name that ends in `token`, such as `"_token"` or `'authenticity_token'`? Of the word, `k` is the rarest letter. */
function namesToken(body: Buffer): boolean {
  for (let at = body.indexOf('ken'); at >= 0; at = body.indexOf('ken', at + 3)) {
    if (body[at - 1] !== 0x6f || (body[at - 2] ?? 0) % 0x20 !== 0x14) continue
    // What ends a name, in an attribute or in a script; what is text goes on with a space or a point.
    const before = body[at - 3] ?? 0
    if (endsOfNames.has(body[at + 3] ?? 0) || before === 0x3d || before === 0x5f) return true
  }
  return false
}

/** Has it `sesskey`, `form_key` or `_wpnonce`? */
function namesKey(body: Buffer): boolean {
  for (let at = body.indexOf('key'); at >= 0; at = body.indexOf('key', at + 3)) {
    const before = body[at - 1]
    // s, m or an underscore
    if (before !== 0x73 && before !== 0x6d && before !== 0x5f) continue
    if (/sess$|form_?$/.test(body.toString('latin1', Math.max(0, at - 5), at))) return true
  }
  return body.includes('wpnonce')
}

function nonceIn(fields: HeaderFields, body: Buffer): string | undefined {
  if (holdsNonce(fields, body)) return 'a nonce of Content-Security-Policy'
  if (!body.includes('-nonce') && !body.includes('Content-Security-Policy')) return undefined
  const page = body.toString('latin1')
  if (!nonceWords.test(page)) return undefined
  for (const { start, end } of tagsIn(page)) {
    if (!/^meta\b/i.test(page.slice(start, start + 5))) continue
    const found = nonceInMeta(attributesOf(page.slice(start, end)))
    if (found !== undefined) return found
  }
  return undefined
}

const nonceWords = /csp[-_]?nonce|(?:'|&#0?39;|&#x27;|&apos;)nonce-/i

/** `<meta property="csp-nonce" content="x1">`, by which scripts hand it on, or a policy in the page itself. */
function nonceInMeta(attributes: ReadonlyMap<string, string>): string | undefined {
  const isNamed = ['property', 'name', 'id'].some((name) =>
    /^csp[-_]?nonce$/i.test(attributes.get(name) ?? ''),
  )
  const content = attributes.get('content') ?? ''
  const value = content || (attributes.get('nonce') ?? attributes.get('value') ?? '')
  if (isNamed && value.trim() !== '') return 'a meta element with a nonce'
  const isPolicy = /^content-security-policy/i.test(attributes.get('http-equiv') ?? '')
  return isPolicy && content.includes('nonce-') ? 'a policy in a meta element' : undefined
}

/** As long as this, no text has it by chance, in whatever place of the page. */
const certain = 12

function holdsNonce(fields: HeaderFields, body: Buffer): boolean {
  const likely = nonces(fields).filter((nonce) => body.includes(MAX_PLAIN_RUN(nonce)))
  if (likely.length === 0) return false
  if (likely.some((nonce) => MAX_PLAIN_RUN(nonce).length >= certain)) return true
  const page = body.toString('latin1')
  return likely.some((nonce) => attributeWith(nonce).test(page))
}

/** What templates leave as it is: the search for it spares most pages the rest. */
function MAX_PLAIN_RUN(nonce: string): string {
  const runs = nonce.split(/[^A-Za-z0-9]+/)
  return runs.reduce((longest, run) => (run.length > longest.length ? run : longest))
}

const names: Readonly<Record<string, string>> = { '+': 'plus', '/': 'sol', '=': 'equals' }

/**
 * The beginning of a `nonce` attribute with this value. Templates escape what base64 has beside letters and digits, each in
 * its own way: `a&#43;b`, `a&#x2B;b`, `a&plus;b`. All the spellings of a character begin differently, so that no page can
 * make the search try them over again.
 */
function attributeWith(nonce: string): RegExp {
  const value = nonce.replaceAll(/[^A-Za-z0-9]/g, (character) => {
    const code = character.charCodeAt(0)
    const hex = code
      .toString(16)
      .replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
    const name = names[character]
    const entities = [`#0{0,4}${code};?`, `#[xX]0{0,4}${hex};?`, ...(name ? [`${name};`] : [])]
    return `(?:\\u${code.toString(16).padStart(4, '0')}|&(?:${entities.join('|')}))`
  })
  return new RegExp(`[nN][oO][nN][cC][eE]\\s{0,9}=\\s{0,9}["']?${value}`)
}

/** The fields with the policies and cookies of others, whose nonces and values may be in the page too. */
export function withSecretsOf(others: HeaderFields, fields: HeaderFields): readonly string[] {
  const policies = policiesIn(others)
  const known = fieldLines(fields, 'set-cookie')
  const cookies = fieldLines(others, 'set-cookie').filter((line) => !known.includes(line))
  if (policies.length === 0 && cookies.length === 0) return fields
  return [
    ...fields,
    ...policies.flatMap((policy) => ['Content-Security-Policy', policy]),
    ...cookies.flatMap((line) => ['Set-Cookie', line]),
  ]
}

function policiesIn(fields: HeaderFields): string[] {
  return [
    ...fieldLines(fields, 'content-security-policy'),
    ...fieldLines(fields, 'content-security-policy-report-only'),
  ]
}

function nonces(fields: HeaderFields): string[] {
  // The signs at the end of base64 carry nothing, and are the ones that templates escape most.
  const found = policiesIn(fields).flatMap((policy) =>
    [...policy.matchAll(/'nonce-([^']{1,256}?)=*'/g)].map((match) => match[1] ?? ''),
  )
  return [...new Set(found)]
}
