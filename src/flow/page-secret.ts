import type { RefuseReason } from '../reasons.ts'
import { type HeaderFields, fieldLines, fieldValue } from '../http/header-fields.ts'

/**
 * A field or meta element that carries a token against cross-site request forgery: `name="_csrf" value="x1"`,
 * `<meta name="csrf-token" content="x1">`, in either order of the attributes.
 */
const csrfName =
  /\bname\s*=\s*["']?(?:x-)?(?:_csrf|csrf|_token|csrf[-_]?token|xsrf[-_]?token|authenticity_token|csrfmiddlewaretoken|__RequestVerificationToken)["'\s>/]/i

const marks = ['csrf', 'CSRF', 'Csrf', 'xsrf', 'XSRF', 'Xsrf', '_token', 'VerificationToken']

/** What in a body belongs to one visitor or one response, so that it may not be shared. */
export function secretIn(
  fields: HeaderFields,
  body: Buffer,
): { readonly reason: RefuseReason; readonly detail: string } | undefined {
  const type = fieldValue(fields, 'content-type') ?? ''
  if (!/html/i.test(type) || fieldValue(fields, 'content-encoding') !== undefined) return undefined
  if (holdsNonce(fields, body)) {
    return { reason: 'csp-nonce', detail: 'a nonce of Content-Security-Policy' }
  }
  // The search for a few bytes is much cheaper than turning the whole page into a string.
  if (!marks.some((mark) => body.includes(mark))) {
    return undefined
  }
  const found = csrfName.exec(body.toString('latin1'))
  return found ? { reason: 'csrf-token', detail: found[0].trim() } : undefined
}

/** The first field in a text that carries a token against cross-site request forgery. */
export function csrfTokenIn(text: string): string | undefined {
  return marks.some((mark) => text.includes(mark)) ? csrfName.exec(text)?.[0].trim() : undefined
}

function holdsNonce(fields: HeaderFields, body: Buffer): boolean {
  const likely = nonces(fields).filter((nonce) => body.includes(longestPlainRun(nonce)))
  if (likely.length === 0) return false
  const page = body.toString('latin1')
  return likely.some((nonce) => attributeWith(nonce).test(page))
}

/** What templates leave as it is: the search for it spares most pages the rest. */
function longestPlainRun(nonce: string): string {
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

/** The fields with the policies of others, whose nonces are in the page too. */
export function withPoliciesOf(others: HeaderFields, fields: HeaderFields): readonly string[] {
  const policies = policiesIn(others)
  if (policies.length === 0) return fields
  return [...fields, ...policies.flatMap((policy) => ['Content-Security-Policy', policy])]
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
