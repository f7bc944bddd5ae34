import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * HTTP Basic, user `admin`.
 *
 * Browsers send the password along to everything below the folder that asked for it. So the admin's
 * pages live in folders, `/admin/` and `/_cache/`: were they at the root, the browser would send the
 * password with every page of the shop, and a request with credentials is rightly never answered
 * from a shared cache.
 *
 * @param {string} password
 * @returns {import('express').RequestHandler}
 */
export function adminOnly(password) {
  const expected = digest(`admin:${password}`)

  return (req, res, next) => {
    res.set('Cache-Control', 'private, no-store')
    const path = req.originalUrl.split('?')[0]
    if (path === req.baseUrl) return res.redirect(308, `${req.baseUrl}/`)

    const [scheme, credentials = ''] = (req.get('authorization') ?? '').split(' ')
    const given = digest(Buffer.from(credentials, 'base64'))
    if (scheme.toLowerCase() === 'basic' && timingSafeEqual(given, expected)) return next()

    res.set('WWW-Authenticate', 'Basic realm="The back office", charset="UTF-8"')
    res.status(401).render('message', {
      title: 'For the shopkeeper',
      message: 'The user is “admin”. The password was printed when the shop started.',
    })
  }
}

/** @param {string | Buffer} text */
function digest(text) {
  return createHash('sha256').update(text).digest()
}
