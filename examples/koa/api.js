import { join } from 'node:path'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import { cacheflow } from 'cacheflow/koa'
import { pugFragments } from 'cacheflow/views'
import Koa from 'koa'
import pug from 'pug'
import { region as regionRecord, station as stationRecord } from './records.js'

const view = pugFragments(pug, { cache: true })
const board = join(import.meta.dirname, 'views', 'board.pug')

/**
 * Weather stations as a JSON API, with a board of them all as a page of fragments.
 *
 *   GET  /                           the board
 *   GET  /stations?region=north      all stations with their last reading
 *   GET  /stations/:id               one station with its readings
 *   PUT  /stations/:id               { name, altitude }
 *   POST /stations/:id/readings      { celsius }
 *
 * @param {object} options
 * @param {import('./stations.js').Stations} options.stations
 * @param {import('cacheflow').CacheflowOptions<import('koa').Context>} [options.cacheOptions]
 */
export function createApi({ stations, cacheOptions = {} }) {
  const cache = cacheflow({ maxAge: '1h', ...cacheOptions })
  const app = new Koa()
  const router = new Router()

  app.use(cache)
  app.use(bodyParser({ enableTypes: ['json'], jsonLimit: '4kb' }))
  app.use(router.routes())
  app.use(router.allowedMethods())

  // Dolls: a reading renews its station's line, the section of its region and the board, and no other line.
  router.get('/', async (ctx) => {
    ctx.type = 'html'
    ctx.body = await view(board, {
      ...ctx.state,
      regions: stations.regions,
      stations,
      region: regionRecord,
      station: stationRecord,
    })
  })

  router.get('/stations', cache.route({ query: { only: ['region'] } }), (ctx) => {
    const region = one(ctx.query.region)
    const list = stations.list(region)
    // Any station's change is a change of the list.
    ctx.state.cacheflow.tag('stations')
    ctx.body = list.map(({ readings, ...station }) => ({ ...station, latest: readings[0] }))
  })

  router.get('/stations/:id', (ctx) => {
    const station = stations.find(ctx.params.id)
    ctx.state.cacheflow.tag(`station:${ctx.params.id}`)
    if (station === undefined) ctx.throw(404, 'No such station')
    if (ctx.state.cacheflow.freshWhen(station)) return
    ctx.body = { ...station, average: average(station.readings) }
  })

  router.put('/stations/:id', async (ctx) => {
    const { name, altitude } = bodyOf(ctx)
    ctx.assert(typeof name === 'string' && name.trim() !== '', 422, 'name: a text')
    ctx.assert(Number.isInteger(altitude), 422, 'altitude: whole metres')
    const station = stations.describe(ctx.params.id, { name: name.trim(), altitude })
    await changed(ctx, station)
    ctx.body = station
  })

  router.post('/stations/:id/readings', async (ctx) => {
    const { celsius } = bodyOf(ctx)
    ctx.assert(typeof celsius === 'number' && Math.abs(celsius) < 80, 422, 'celsius: a number')
    const station = stations.record(ctx.params.id, celsius)
    await changed(ctx, station)
    ctx.status = 201
    ctx.body = station.readings[0]
  })

  /** After a write and before its answer: whoever has the answer reads the new state. */
  async function changed(ctx, station) {
    ctx.assert(station !== undefined, 404, 'No such station')
    await cache.invalidate({ tag: [`station:${station.id}`, 'stations'] })
    await cache.touch(stationRecord(station))
  }

  return { app, cache }
}

/** @param {string | string[] | undefined} value */
function one(value) {
  return Array.isArray(value) ? value[0] : value
}

function bodyOf(ctx) {
  const { body } = ctx.request
  return typeof body === 'object' && body !== null ? body : {}
}

/** @param {{ celsius: number }[]} readings */
function average(readings) {
  const sum = readings.reduce((total, { celsius }) => total + celsius, 0)
  return Math.round((10 * sum) / readings.length) / 10
}
