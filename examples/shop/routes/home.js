import { Router } from 'express'
import { tags } from '../tags.js'

/** @param {{ catalogue: import('../catalogue.js').Catalogue }} shop */
export function homeRoutes({ catalogue }) {
  const router = Router()

  router.get('/', async (req, res) => {
    const [departments, loved, changed] = await Promise.all([
      catalogue.departments(),
      catalogue.mostLoved(8),
      catalogue.lastChanged(4),
    ])
    // Whenever one of the shown products changes, this page does.
    res.locals.cacheflow.tag('home', ...[...loved, ...changed].map(tags.product))
    res.render('home', { departments, loved, changed })
  })

  return router
}
