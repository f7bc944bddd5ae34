import { koaHost, places } from '../support/host.ts'
import { koaNestings, nesting } from './rules/nesting.ts'
import { conformance } from './suite.ts'

for (const place of places) conformance(koaHost(3, place))
nesting('Koa 3', koaNestings(3))
