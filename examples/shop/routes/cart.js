import cookieSession from 'cookie-session'
import express, { Router } from 'express'
import { addToCart, countOf, emptyCart, linesOf, setQuantity } from '../cart.js'
import { privateOnly } from '../middleware/private.js'
import { sameOrigin } from '../middleware/same-origin.js'
import { productsChanged } from '../tags.js'
import { findProduct } from './products.js'

/**
 * Only these routes read the cart cookie. The pages of the shop do not, though every request carries
 * it, and that is why all visitors can share them: the number on the cart button is fetched from
 * /cart/count.
 *
 * The cart itself is in the cookie, signed: nothing to keep on the server for visitors who never
 * come back, and nothing to share between several servers.
 *
 * @param {object} shop
 * @param {import('../catalogue.js').Catalogue} shop.catalogue
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 * @param {string} shop.cookieSecret
 */
export function cartRoutes({ catalogue, cache, cookieSecret }) {
  const router = Router()

  router.use(
    cache.route(false),
    privateOnly,
    sameOrigin,
    cookieSession({ name: 'cart', keys: [cookieSecret], sameSite: 'lax', maxAge: 30 * 86_400_000 }),
    express.urlencoded({ extended: false, limit: '4kb' }),
  )

  router.get('/', async (req, res) => {
    const { lines, total } = await priced(req)
    const { notice } = req.session
    delete req.session.notice
    res.render('cart', { lines, total, notice, section: 'cart' })
  })

  router.get('/count', (req, res) => {
    res.json({ count: countOf(req) })
  })

  router.post('/items', async (req, res, next) => {
    const product = await findProduct(catalogue, String(req.body?.product))
    if (product === undefined) return next()
    addToCart(req, product.id, quantityIn(req.body, 1))
    if (req.accepts(['html', 'json']) === 'json') return res.json({ count: countOf(req) })
    res.redirect(303, '/cart')
  })

  router.post('/items/:id', (req, res) => {
    setQuantity(req, Number(req.params.id), quantityIn(req.body, 0))
    res.redirect(303, '/cart')
  })

  router.post('/order', async (req, res) => {
    const { lines } = await priced(req)
    if (lines.length === 0) return res.redirect(303, '/cart')
    const sold = lines.map(({ product, quantity }) => ({ ...product, quantity }))
    if (await catalogue.sell(sold)) {
      // What the pages say about the stock is no longer true.
      await productsChanged(cache, sold)
      emptyCart(req)
      req.session.notice = 'Thank you! The order is on its way (to nowhere: this is an example).'
    } else {
      req.session.notice = 'Somebody was faster: not everything is in stock any more.'
    }
    res.redirect(303, '/cart')
  })

  /** @param {import('express').Request} req */
  async function priced(req) {
    const quantities = new Map(linesOf(req))
    const products = await catalogue.products([...quantities.keys()])
    const lines = products.map((product) => ({ product, quantity: quantities.get(product.id) }))
    const total = lines.reduce((sum, line) => sum + line.product.priceCents * line.quantity, 0)
    return { lines, total }
  }

  return router
}

/**
 * @param {Record<string, unknown> | undefined} body
 * @param {number} otherwise
 */
function quantityIn(body, otherwise) {
  const quantity = Number.parseInt(String(body?.quantity), 10)
  return Number.isNaN(quantity) ? otherwise : Math.max(0, quantity)
}
