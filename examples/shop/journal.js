import { AsyncLocalStorage } from 'node:async_hooks'

const kept = 50

/** What every page asks for, and the page that shows this journal, would push all else out. */
const passedOver = /^\/(assets\/|cart\/count$|_cache\/)/

const names = [
  'hit',
  'miss',
  'bypass',
  'store',
  'uncacheable',
  'refresh',
  'touch',
  'invalidate',
  'evict',
  'warning',
  'redis',
  'unconfirmed',
  'reset',
  'warm',
]

/** What happens when a page is made: for a visitor, or before one has asked. */
const ofMaking = new Set(['miss', 'store', 'uncacheable'])

/**
 * @typedef {object} Exchange    one request and what the cache made of it
 * @property {string} method
 * @property {string} url
 * @property {string} verdict    hit, miss or bypass
 * @property {string} reason
 * @property {string} refused    why the response was not stored, if it was not
 * @property {import('node:http').ServerResponse} response
 */

/** Remembers the cache's last events, and which request each belongs to. */
export class Journal {
  /** @type {{ time: number, name: string, about: string, reason: string }[]} newest first */
  events = []

  /** @type {AsyncLocalStorage<Exchange>} */
  #exchange = new AsyncLocalStorage()

  #instance
  #tells

  /**
   * @param {import('cacheflow/express').ExpressCacheflow} cache
   * @param {object} [options]
   * @param {string} [options.instance]    the name of this process among others
   * @param {boolean} [options.tells]    responses say which instance answered, and whether a hit came from Redis
   */
  constructor(cache, { instance = '', tells = false } = {}) {
    this.#instance = instance
    this.#tells = tells && instance !== ''
    for (const name of names) cache.on(name, (event) => this.#note(name, event))
  }

  /**
   * A request listener in front of the application that follows each request.
   *
   * @param {import('node:http').RequestListener} listener
   * @param {(exchange: Exchange, status: number, milliseconds: number) => void} done
   * @returns {import('node:http').RequestListener}
   */
  follow(listener, done) {
    return (req, res) => {
      const started = performance.now()
      const exchange = {
        method: req.method ?? '',
        url: req.url ?? '',
        verdict: '',
        reason: '',
        refused: '',
        response: res,
      }
      // Set before the cache has its turn it belongs to this answer alone, and is not stored with the page.
      if (this.#tells) res.setHeader('Server-Timing', `instance;desc="${this.#instance}"`)
      res.once('close', () => {
        const milliseconds = performance.now() - started
        // The response is stored, or refused, right after its last byte: that belongs to the line.
        setImmediate(done, exchange, res.statusCode, milliseconds)
      })
      this.#exchange.run(exchange, listener, req, res)
    }
  }

  /** Whether somebody has asked for what is being made: a warmer's requests come through no door. */
  get isVisit() {
    return this.#exchange.getStore() !== undefined
  }

  #note(name, event) {
    const exchange = this.#exchange.getStore()
    const reason = reasonOf(name, event)
    if (exchange !== undefined) {
      if (name === 'hit' || name === 'miss' || name === 'bypass') {
        Object.assign(exchange, { verdict: name, reason })
      }
      if (
        name === 'hit' &&
        event.from === 'redis' &&
        this.#tells &&
        !exchange.response.headersSent
      ) {
        exchange.response.appendHeader('Server-Timing', 'redis')
      }
      if (name === 'uncacheable') exchange.refused = reason
      if (name !== 'invalidate' && name !== 'touch' && passedOver.test(exchange.url)) return
    }
    // After each POST its own address is invalidated (RFC 9111, 4.4): mostly nothing is stored there.
    if (name === 'invalidate' && event.keys.length === 0) return
    const by = exchange === undefined && ofMaking.has(name) ? ', by a warmer' : ''
    const about = aboutOf(event, exchange)
    this.events.unshift({ time: Date.now(), name, about, reason: reason + by })
    this.events.length = Math.min(this.events.length, kept)
  }
}

/** What an event is about: the address, or what was invalidated. */
function aboutOf(event, exchange) {
  if ('dependency' in event) return event.dependency
  if ('records' in event) return event.records.join(', ')
  if ('dependencies' in event) return event.dependencies.join(', ')
  if ('connected' in event) return event.connected ? 'Redis answers' : 'Redis does not answer'
  if ('entries' in event) return `${event.entries} entries of this process`
  if ('message' in event) return event.route
  if ('warmed' in event) return event.name
  if ('key' in event) return event.key.replace(/^https?:\/\/[^/ ]+/, '')
  return exchange === undefined ? '' : `${exchange.method} ${exchange.url}`
}

/** Why, in a few words made of the event's own. */
function reasonOf(name, event) {
  switch (name) {
    case 'hit':
      return (
        `${event.reason}${event.from === 'redis' ? ', from Redis' : ''}, ` +
        `${Math.round(event.age)} s old, ${Math.round(event.ttl)} s left`
      )
    case 'miss':
      return event.invalidatedBy === undefined
        ? event.reason
        : `${event.reason} by ${event.invalidatedBy}`
    case 'store':
      return `for ${Math.round(event.ttl)} s, tags: ${few(event.tags)}`
    case 'refresh':
      return `${event.reason}: ${event.outcome}`
    case 'touch':
      return event.parents.length === 0 ? 'no parents' : `and so ${few(event.parents)}`
    case 'invalidate':
      return `${event.keys.length} pages and fragments fell`
    case 'evict':
      return `${event.bytes} bytes made room`
    case 'warning':
      return event.message
    case 'redis':
      return event.error instanceof Error ? event.error.message : ''
    case 'warm':
      return `${event.warmed} made, ${event.fresh} fresh, ${event.failures} failed`
    case 'unconfirmed':
      return event.confirmed ? 'Redis has confirmed it by now' : 'Redis has not confirmed it yet'
    default:
      return event.detail === undefined ? event.reason : `${event.reason}: ${event.detail}`
  }
}

/** @param {readonly string[]} tags */
function few(tags) {
  const shown = tags.slice(0, 4).join(', ') || 'none'
  return tags.length > 4 ? `${shown} and ${tags.length - 4} more` : shown
}
