/** @type {import('express').RequestHandler} */
export function notFound(req, res) {
  // Addresses that do not exist are endless; storing them would push real pages out.
  res.locals.cacheflow.noStore('no such page')
  res.status(404).render('message', {
    title: 'No such page',
    message: 'There is nothing under this address. Perhaps the search finds it.',
  })
}

/**
 * Express knows an error handler by its four parameters.
 * @type {import('express').ErrorRequestHandler}
 */
// oxlint-disable-next-line no-unused-vars
export function showError(error, req, res, next) {
  if (res.headersSent) return next(error)
  const status = error.status ?? 500
  if (status >= 500) console.error(error)
  res
    .status(status)
    .set('Cache-Control', 'no-store')
    .render('message', {
      title: status >= 500 ? 'That did not work' : 'That request was not right',
      message: status >= 500 ? 'The error is ours. Please try again in a moment.' : error.message,
    })
}
