import express, { Router } from 'express'
import { sameOrigin } from '../middleware/same-origin.js'

/**
 * A look into the cache, for the shopkeeper.
 *
 * @param {object} shop
 * @param {import('cacheflow/express').ExpressCacheflow} shop.cache
 * @param {import('../journal.js').Journal} shop.journal
 */
export function cacheRoutes({ cache, journal }) {
  const router = Router()
  router.use(cache.route(false), sameOrigin, express.urlencoded({ extended: false, limit: '4kb' }))

  router.get('/', (req, res) => {
    const fallen = /^\d+$/.test(String(req.query.fallen)) ? Number(req.query.fallen) : undefined
    res.render('cache', { stats: cache.stats(), events: journal.events, fallen, section: 'cache' })
  })

  router.post('/tag', async (req, res) => {
    const tag = String(req.body?.tag ?? '').trim()
    if (tag === '') return res.redirect(303, './')
    const receipt = await cache.invalidate({ tag })
    res.redirect(303, `./?fallen=${receipt.responses}`)
  })

  router.post('/all', async (req, res) => {
    const receipt = await cache.invalidate({ all: true })
    res.redirect(303, `./?fallen=${receipt.responses}`)
  })

  return router
}
