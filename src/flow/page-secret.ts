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
  for (const nonce of nonces(fields)) {
    if (['"', "'", ''].some((quote) => body.includes(`nonce=${quote}${nonce}`))) {
      return { reason: 'csp-nonce', detail: 'a nonce of Content-Security-Policy' }
    }
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

function nonces(fields: HeaderFields): string[] {
  const policies = [
    ...fieldLines(fields, 'content-security-policy'),
    ...fieldLines(fields, 'content-security-policy-report-only'),
  ]
  return policies.flatMap((policy) =>
    [...policy.matchAll(/'nonce-([^']{1,256})'/g)].map((match) => match[1] ?? ''),
  )
}
