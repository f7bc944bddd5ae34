/**
 * In development each page says when it was made. It is stored with the page, so on a hit the bar at
 * the bottom can tell how old the page is.
 * @type {import('express').RequestHandler}
 */
export function madeAt(req, res, next) {
  res.append('Server-Timing', `made;desc="${new Date().toISOString()}"`)
  next()
}
