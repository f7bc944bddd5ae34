import { Router } from 'express'
import { tags } from '../tags.js'

/** How many of the best sellers a warmer makes: what else is asked for often, visitors will show. */
const bestSellers = 24

/**
 * @param {object} shop
 * @param {import('../catalogue.js').Catalogue} shop.catalogue
 * @param {import('../records.js').Records} shop.records
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 */
export function productRoutes({ catalogue, records, cache }) {
  const router = Router()

  const warm = async () => (await catalogue.mostLoved(bestSellers)).map(({ id }) => id)

  router.get('/products/:id', cache.route({ maxAge: '1h', warm }), async (req, res, next) => {
    const product = await findProduct(catalogue, req.params.id)
    if (product === undefined) return next()
    const related = await catalogue.related(product)
    const shown = [product, ...related]
    res.locals.cacheflow.tag(...shown.map(tags.product)).dependsOn(...shown.map(records.product))

    // Does the visitor, or the cache, have the page of this version already? Then it is answered
    // by now, and neither the reviews are read nor is anything rendered.
    if (res.locals.cacheflow.freshWhen(shown)) return

    const reviews = await catalogue.reviews(product.id)
    const category = await catalogue.category(product.category)
    res.render('product', { product, related, reviews, category, section: category.department })
  })

  return router
}

/**
 * @param {import('../catalogue.js').Catalogue} catalogue
 * @param {string} id    as it stands in the address
 */
export function findProduct(catalogue, id) {
  return /^[1-9]\d{0,8}$/.test(id) ? catalogue.product(Number(id)) : undefined
}
