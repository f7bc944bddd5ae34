/**
 * What is asked of the servers. Each case is run against each variant that can answer it.
 *
 * @typedef {object} Case
 * @property {string} id
 * @property {string} title
 * @property {string} page             name of the page (pages.js)
 * @property {number} requests         counted requests a round; fewer where one costs more
 * @property {'hit' | 'miss'} kind     hit: no handler may run; miss: the handler must run each time
 * @property {boolean} [conditional]   ask with If-None-Match, expect 304
 * @property {boolean} [unique]        another query in each request, so that each response is new
 * @property {boolean} [noStore]       the handler forbids storing
 */

/** @type {Case[]} */
export const CASES = [
  { id: 'html', title: '20 KiB HTML', page: 'html', requests: 1500, kind: 'hit' },
  { id: 'json', title: '1 KiB JSON', page: 'json', requests: 2000, kind: 'hit' },
  {
    id: '304',
    title: '304 to If-None-Match',
    page: 'html',
    requests: 2000,
    kind: 'hit',
    conditional: true,
  },
  { id: 'large', title: '200 KiB HTML', page: 'large', requests: 800, kind: 'hit' },
  {
    id: 'refused',
    title: 'a miss: 20 KiB HTML with no-store',
    page: 'html',
    requests: 1500,
    kind: 'miss',
    noStore: true,
  },
  {
    id: 'stored',
    title: 'a miss: 20 KiB HTML, each stored',
    page: 'html',
    requests: 1500,
    kind: 'miss',
    unique: true,
  },
]

/** The cases that a cache answers. */
export const HITS = CASES.filter(({ kind }) => kind === 'hit').map(({ id }) => id)

/** The cases that it cannot answer. */
export const MISSES = CASES.filter(({ kind }) => kind === 'miss').map(({ id }) => id)
