/** route-cache, in the route, as its documentation shows. */
import routeCache from 'route-cache'

import { expressApp } from './express.js'

export function createListener(setup) {
  return expressApp(setup, undefined, [routeCache.cacheSeconds(3600)])
}
