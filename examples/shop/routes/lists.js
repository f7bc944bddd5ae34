import { Router } from 'express'
import { orders } from '../catalogue.js'
import { tags } from '../tags.js'

/**
 * @param {object} shop
 * @param {import('../catalogue.js').Catalogue} shop.catalogue
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 */
export function listRoutes({ catalogue, cache }) {
  const router = Router()

  router.get('/departments/:slug', async (req, res, next) => {
    const department = await catalogue.department(req.params.slug)
    if (department === undefined) return next()
    const categories = await catalogue.categoriesOf(department.id)
    res.locals.cacheflow.tag(...categories.map((category) => tags.category(category.slug)))
    res.render('department', { department, categories, section: department.slug })
  })

  router.get(
    '/categories/:slug',
    cache.route({
      maxAge: '10m',
      // Only these two parameters change the page, so only they make another stored page.
      query: { only: ['page', 'sort'] },
      // A warmer makes the first page of each, by the one parameter of the route.
      warm: async () => (await catalogue.categories()).map(({ slug }) => slug),
    }),
    async (req, res, next) => {
      const category = await catalogue.category(req.params.slug)
      const view = viewOf(req.query)
      if (category === undefined || view === undefined) return next()
      const list = await catalogue.inCategory(category.slug, view)
      if (list.page > list.pages) return next()
      res.locals.cacheflow.tag(tags.category(category.slug))
      res.render('category', { category, list, orders, section: category.department })
    },
  )

  router.get(
    '/search',
    // A new name can make any product match any words. Tags renew what is shown; what is missing
    // may be missing for half a minute.
    cache.route({ maxAge: '30s', query: { only: ['q', 'page', 'sort'] } }),
    async (req, res, next) => {
      const words = String(req.query.q ?? '')
        .trim()
        .slice(0, 80)
      const view = viewOf(req.query)
      if (view === undefined) return next()
      const list = await catalogue.search(words, view)
      if (list.page > list.pages) return next()
      res.locals.cacheflow.tag('search', ...list.products.map(tags.product))
      res.render('search', { query: words, list, orders })
    },
  )

  return router
}

/**
 * Which part of a list, in which order; undefined when the address names none that exists.
 * @param {import('express').Request['query']} query
 */
function viewOf({ page = '1', sort = 'popular' }) {
  if (!/^[1-9]\d{0,3}$/.test(String(page)) || !Object.hasOwn(orders, String(sort))) return undefined
  return { page: Number(page), order: String(sort) }
}
