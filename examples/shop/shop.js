import { join } from 'node:path'
import { TRACKING_PARAMETERS } from 'cacheflow'
import { cacheflow } from 'cacheflow/express'
import express from 'express'
import { assets, assetUrl } from './assets.js'
import { createCatalogue } from './catalogue.js'
import { format } from './format.js'
import { Journal } from './journal.js'
import { adminOnly } from './middleware/admin-only.js'
import { notFound, showError } from './middleware/errors.js'
import { madeAt } from './middleware/made-at.js'
import { securityHeaders } from './middleware/security-headers.js'
import { adminRoutes } from './routes/admin.js'
import { apiRoutes } from './routes/api.js'
import { createRecords } from './records.js'
import { cacheRoutes } from './routes/cache.js'
import { cartRoutes } from './routes/cart.js'
import { homeRoutes } from './routes/home.js'
import { listRoutes } from './routes/lists.js'
import { productRoutes } from './routes/products.js'
import { departments } from './seed/departments.js'

/**
 * The shop as an Express application with a cache in front of it.
 *
 * @param {object} options
 * @param {import('@libsql/client').Client} options.database    see openDatabase()
 * @param {string} options.adminPassword
 * @param {string} options.cookieSecret    signs the cart cookie
 * @param {boolean} [options.development]    shows on each page what the cache did
 * @param {string} [options.instance]    the name of this process among others
 * @param {import('cacheflow').CacheflowOptions<import('express').Request>} [options.cacheOptions]
 */
export function createShop({
  database,
  adminPassword,
  cookieSecret,
  development = false,
  instance = '',
  cacheOptions = {},
}) {
  const cache = cacheflow({
    maxAge: '5m',
    query: { ignore: [...TRACKING_PARAMETERS] },
    debug: development,
    fragments: { strict: development, annotate: development },
    // Once it was warmed, what an edit fells is made again before somebody asks.
    warming: { afterInvalidation: true, hottest: 20 },
    ...cacheOptions,
  })
  const catalogue = createCatalogue(database)
  const records = createRecords(catalogue)
  const journal = new Journal(cache, { instance, tells: development })
  const app = express()

  app.disable('x-powered-by')
  app.set('view engine', 'ejs')
  app.set('views', join(import.meta.dirname, 'views'))
  Object.assign(app.locals, {
    format,
    assetUrl,
    records,
    development,
    sections: departments.map(({ slug, name }) => ({ slug, name })),
    section: '',
    query: '',
  })

  // First of all, so that a hit does not run anything below.
  app.use(cache)

  app.use(securityHeaders)
  if (development) app.use(madeAt(journal))
  app.use('/assets', assets)
  app.use(homeRoutes({ catalogue, cache }))
  app.use(listRoutes({ catalogue, cache }))
  app.use(productRoutes({ catalogue, records, cache }))
  app.use('/api', apiRoutes({ catalogue, records }))
  app.use('/cart', cartRoutes({ catalogue, cache, cookieSecret }))
  app.use('/admin', adminOnly(adminPassword), adminRoutes({ catalogue, records, cache }))
  app.use('/_cache', adminOnly(adminPassword), cacheRoutes({ cache, journal, instance }))
  app.use(notFound)
  app.use(showError)

  return { app, cache, journal }
}
