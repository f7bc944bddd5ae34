/** apicache, mounted above everything, as its documentation shows. */
import apicache from 'apicache'

import { expressApp } from './express.js'

export function createListener(setup) {
  return expressApp(setup, (app) => app.use(apicache.middleware('1 hour')))
}
