/**
 * Who is measured. One variant is one server process; the order is the order of a round, so that what
 * is compared with each other also runs next to each other.
 *
 * @typedef {object} Variant
 * @property {string} id
 * @property {string} title
 * @property {string} server        the module of servers/ that makes it
 * @property {string} [framework]   the package (an alias of bench/package.json)
 * @property {string} [place]       where it stands: wrap, first, behind, or route
 * @property {'cacheflow' | 'ready' | 'body' | 'bare' | 'peer'} role  bare: the framework alone; ready: a middleware that
 *   ends with a ready Buffer; body: one that gives it to Koa
 * @property {string[]} cases       ids of cases.js
 * @property {boolean} [reads]      the handler reads Accept-Language, so that answers differ by it
 */
import { HITS, MISSES } from './cases.js'

const FRAMEWORKS = { express4: 'Express 4', express5: 'Express 5', koa2: 'Koa 2', koa3: 'Koa 3' }

/** What bars and ratios of a framework speak of. */
export const FRAMEWORK_TITLES = Object.entries(FRAMEWORKS)

/** @type {Variant[]} */
export const VARIANTS = [
  { id: 'node', title: 'node:http, ready Buffer', server: 'node', role: 'bare', cases: HITS },
  ...Object.keys(FRAMEWORKS).flatMap((framework) => ofFramework(framework)),
  peer('apicache', 'apicache', 'express5', 'first'),
  peer('route-cache', 'route-cache', 'express5', 'route'),
  peer('bentocache', 'bentocache in the handler', 'express5', 'route'),
  peer('koa-cash', 'koa-cash', 'koa3', 'first'),
  // The same server a second time: how far it is from 1.00 is the noise of the whole run.
  {
    id: 'node-again',
    title: 'node:http again (the noise)',
    server: 'node',
    role: 'bare',
    cases: HITS,
  },
]

/** @returns {Variant[]} */
function ofFramework(framework) {
  const kind = framework.slice(0, -1)
  const of = (role, place, title, cases = HITS) => ({
    id: `${framework}-${role}-${place}`,
    title: `${FRAMEWORKS[framework]}, ${title}`,
    server: role === 'cacheflow' ? `cacheflow-${kind}` : kind,
    framework,
    place,
    role,
    cases,
  })
  // Koa makes no ETag by itself, so it has no 304 without further middleware.
  const bareHits = kind === 'koa' ? HITS.filter((id) => id !== '304') : HITS
  return [
    of('cacheflow', 'wrap', 'cache.wrap(app)'),
    {
      ...of('cacheflow', 'wrap', 'cache.wrap(app), a page that reads Accept-Language', ['html']),
      id: `${framework}-cacheflow-wrap-reads`,
      reads: true,
    },
    of('cacheflow', 'first', 'app.use(cache) first', [...HITS, ...MISSES]),
    of('ready', 'first', 'ready Buffer first'),
    of('ready', 'behind', 'ready Buffer behind middleware'),
    of('cacheflow', 'behind', 'app.use(cache) behind middleware'),
    ...(kind === 'koa' ? [of('body', 'behind', 'ctx.body = Buffer behind middleware')] : []),
    of('bare', 'route', kind === 'koa' ? 'ctx.body' : 'res.send', [...bareHits, ...MISSES]),
  ]
}

/** @returns {Variant} */
function peer(server, name, framework, place) {
  return {
    id: server,
    title: `${FRAMEWORKS[framework]}, ${name}`,
    server,
    framework,
    place,
    role: 'peer',
    cases: HITS,
  }
}
