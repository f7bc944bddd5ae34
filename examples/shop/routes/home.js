import { Router } from 'express'
import { tags } from '../tags.js'

/**
 * @param {object} shop
 * @param {import('../catalogue.js').Catalogue} shop.catalogue
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 */
export function homeRoutes({ catalogue, cache }) {
  const router = Router()

  // It comes before all other pages when the shop is warmed.
  router.get('/', cache.route({ warm: { pages: ['/'], priority: 1 } }), async (req, res) => {
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
