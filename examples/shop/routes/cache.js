import express, { Router } from 'express'
import { confirmationIn, confirmationOf, queryOf } from '../confirmation.js'
import { sameOrigin } from '../middleware/same-origin.js'

/**
 * A look into the cache, for the shopkeeper.
 *
 * @param {object} shop
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 * @param {import('../journal.js').Journal} shop.journal
 * @param {string} shop.instance    the name of this process among others
 */
export function cacheRoutes({ cache, journal, instance }) {
  const router = Router()
  router.use(cache.route(false), sameOrigin, express.urlencoded({ extended: false, limit: '4kb' }))

  router.get('/', (req, res) => {
    res.render('cache', {
      instance,
      stats: cache.stats(),
      status: cache.status(),
      readiness: cache.readiness(),
      events: journal.events,
      confirmation: confirmationIn(req),
      section: 'cache',
    })
  })

  // The same numbers for programs.
  router.get('/status', (req, res) => {
    const { state, report } = cache.readiness()
    const warming = { state, report: report ?? null }
    res.json({ instance, stats: cache.stats(), status: cache.status() ?? null, warming })
  })

  router.post('/tag', async (req, res) => {
    const tag = String(req.body?.tag ?? '').trim()
    if (tag === '') return res.redirect(303, './')
    const confirmation = await confirmationOf(cache.invalidate({ tag }))
    res.redirect(303, `./?${queryOf(confirmation)}`)
  })

  router.post('/all', async (req, res) => {
    const confirmation = await confirmationOf(cache.invalidate({ all: true }))
    res.redirect(303, `./?${queryOf(confirmation)}`)
  })

  return router
}
