import { expressHost, places } from '../support/host.ts'
import { expressNestings, nesting } from './rules/nesting.ts'
import { conformance } from './suite.ts'

for (const place of places) conformance(expressHost(5, place))
nesting('Express 5', expressNestings(5))
