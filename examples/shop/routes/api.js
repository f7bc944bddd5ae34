import { Router } from 'express'
import { tags } from '../tags.js'
import { findProduct } from './products.js'

/**
 * @param {object} shop
 * @param {import('../catalogue.js').Catalogue} shop.catalogue
 * @param {import('../records.js').Records} shop.records
 */
export function apiRoutes({ catalogue, records }) {
  const router = Router()

  router.get('/products/:id', async (req, res) => {
    const product = await findProduct(catalogue, req.params.id)
    if (product === undefined) {
      res.locals.cacheflow.noStore('no such product')
      return res.status(404).json({ error: 'No such product' })
    }
    // The response's own headers decide here: shared caches may keep it for ten minutes, and
    // ours gives it up earlier when the product changes.
    res.set('Cache-Control', 'public, max-age=0, s-maxage=600')
    res.locals.cacheflow.tag(tags.product(product)).dependsOn(records.product(product))
    if (res.locals.cacheflow.freshWhen(product)) return

    res.json({
      id: product.id,
      name: product.name,
      description: product.description,
      category: product.category,
      price: { cents: product.priceCents, currency: 'USD' },
      stock: product.stock,
      rating: { count: product.ratingCount, sum: product.ratingSum },
      updatedAt: new Date(product.updatedAt).toISOString(),
      page: `/products/${product.id}`,
    })
  })

  return router
}
