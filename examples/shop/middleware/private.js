/**
 * For what belongs to one visitor: no cache may keep it, neither ours nor one on the way.
 * @type {import('express').RequestHandler}
 */
export function privateOnly(req, res, next) {
  res.set('Cache-Control', 'private, no-store')
  next()
}
