/**
 * In development each page says when it was made, and whether it was made for nobody: by a warmer, before
 * somebody asked. It is stored with the page, so on a hit the bar at the bottom can tell.
 *
 * @param {import('../journal.js').Journal} journal
 * @returns {import('express').RequestHandler}
 */
export function madeAt(journal) {
  return (req, res, next) => {
    res.append('Server-Timing', `made;desc="${new Date().toISOString()}"`)
    if (!journal.isVisit) res.append('Server-Timing', 'warmer')
    next()
  }
}
