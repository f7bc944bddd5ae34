const headers = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
}

/**
 * The same for every visitor, so they may be stored with the page.
 * @type {import('express').RequestHandler}
 */
export function securityHeaders(req, res, next) {
  res.set(headers)
  next()
}
