/**
 * Forms of other sites must not act in the name of our visitors. Browsers say where a form comes
 * from; programs that send no such header carry nobody's cookies either.
 * @type {import('express').RequestHandler}
 */
export function sameOrigin(req, res, next) {
  if (req.method === 'GET' || req.method === 'HEAD') return next()
  const site = req.get('sec-fetch-site')
  const origin = req.get('origin')
  const foreign =
    site === undefined
      ? origin !== undefined && hostOf(origin) !== req.get('host')
      : site !== 'same-origin'
  if (!foreign) return next()
  res.status(403).render('message', {
    title: 'Not from here',
    message: 'This form was sent by another site, so nothing was changed.',
  })
}

/** @param {string} origin */
function hostOf(origin) {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}
