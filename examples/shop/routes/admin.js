import express, { Router } from 'express'
import { confirmationIn, confirmationOf, queryOf } from '../confirmation.js'
import { sameOrigin } from '../middleware/same-origin.js'
import { productsChanged } from '../tags.js'
import { findProduct } from './products.js'

/**
 * @param {object} shop
 * @param {import('../catalogue.js').Catalogue} shop.catalogue
 * @param {import('../records.js').Records} shop.records
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 */
export function adminRoutes({ catalogue, records, cache }) {
  const router = Router()
  router.use(cache.route(false), sameOrigin, express.urlencoded({ extended: false, limit: '16kb' }))

  router.get('/', async (req, res) => {
    const words = String(req.query.q ?? '')
      .trim()
      .slice(0, 80)
    const page = Math.max(1, Number.parseInt(String(req.query.page), 10) || 1)
    const list = await catalogue.search(words, { order: 'name', page, size: 40 })
    res.render('admin/list', { words, list, section: 'admin' })
  })

  router.get('/products/:id', async (req, res, next) => {
    const product = await findProduct(catalogue, req.params.id)
    if (product === undefined) return next()
    const confirmation = confirmationIn(req)
    await showForm(res, { product, values: valuesOf(product), problems: {}, confirmation })
  })

  router.post('/products/:id', async (req, res, next) => {
    const product = await findProduct(catalogue, req.params.id)
    if (product === undefined) return next()

    const { change, problems } = await checked(req.body ?? {})
    if (Object.keys(problems).length > 0) {
      res.status(422)
      return showForm(res, { product, values: req.body ?? {}, problems })
    }

    await catalogue.update(product.id, change)
    // A product that moved leaves one category and enters another: both lists have changed.
    const confirmation = await productsChanged(cache, [product, { ...product, ...change }])
    res.redirect(303, `/admin/products/${product.id}?${queryOf(confirmation)}`)
  })

  router.get('/reviews/:id', async (req, res, next) => {
    const review = await findReview(req.params.id)
    if (review === undefined) return next()
    const confirmation = confirmationIn(req)
    await showReview(res, { review, values: review, problems: {}, confirmation })
  })

  router.post('/reviews/:id', async (req, res, next) => {
    const review = await findReview(req.params.id)
    if (review === undefined) return next()
    const { change, problems } = checkedReview(req.body ?? {})
    if (Object.keys(problems).length > 0) {
      res.status(422)
      return showReview(res, { review, values: req.body ?? {}, problems })
    }
    await catalogue.updateReview(review.id, change)
    const confirmation = await confirmationOf(touchReview(review.id))
    res.redirect(303, `/admin/reviews/${review.id}?${queryOf(confirmation)}`)
  })

  /**
   * The review, its product's cards, and every page that shows one of them: nothing else falls.
   *
   * @param {number} id
   */
  async function touchReview(id) {
    const review = records.review(await catalogue.review(id))
    const { invalidation } = await cache.touch(review)
    return invalidation
  }

  /**
   * @param {import('express').Response} res
   * @param {object} page
   */
  async function showForm(res, page) {
    const categories = await catalogue.categories()
    const reviews = await catalogue.reviews(page.product.id)
    res.render('admin/product', {
      confirmation: undefined,
      ...page,
      categories,
      reviews,
      section: 'admin',
    })
  }

  /**
   * @param {import('express').Response} res
   * @param {object} page
   */
  async function showReview(res, page) {
    const product = await catalogue.product(page.review.productId)
    res.render('admin/review', { confirmation: undefined, ...page, product, section: 'admin' })
  }

  /** @param {string} id */
  function findReview(id) {
    return /^[1-9]\d{0,8}$/.test(id) ? catalogue.review(Number(id)) : undefined
  }

  /** @param {Record<string, string>} form */
  async function checked({ name = '', description = '', price = '', stock = '', category = '' }) {
    /** @type {Record<string, string>} */
    const problems = {}
    if (name.trim().length < 3 || name.length > 120) problems.name = 'Between 3 and 120 characters.'
    if (description.trim() === '' || description.length > 4000) {
      problems.description = 'Between 1 and 4,000 characters.'
    }
    if (!/^\d{1,5}(\.\d{2})?$/.test(price)) problems.price = 'A price such as 24 or 24.50.'
    if (!/^\d{1,5}$/.test(stock)) problems.stock = 'A whole number, 0 for sold out.'
    if ((await catalogue.category(category)) === undefined) problems.category = 'No such category.'
    const change = {
      name: name.trim(),
      description: description.trim(),
      priceCents: Math.round(Number(price) * 100),
      stock: Number(stock),
      category,
    }
    return { change, problems }
  }

  return router
}

/** @param {Record<string, string>} form */
function checkedReview({ rating = '', title = '', body = '' }) {
  /** @type {Record<string, string>} */
  const problems = {}
  if (!/^[1-5]$/.test(rating)) problems.rating = 'Between 1 and 5 stars.'
  if (title.trim() === '' || title.length > 120) problems.title = 'Between 1 and 120 characters.'
  if (body.trim() === '' || body.length > 2000) problems.body = 'Between 1 and 2,000 characters.'
  return { change: { rating: Number(rating), title: title.trim(), body: body.trim() }, problems }
}

/** A product as the form's fields show it. */
function valuesOf(product) {
  return {
    name: product.name,
    description: product.description,
    price: (product.priceCents / 100).toFixed(2),
    stock: String(product.stock),
    category: product.category,
  }
}
