import { expressHost, places } from '../support/host.ts'
import { expressNestings, nesting } from './rules/nesting.ts'
import { conformance } from './suite.ts'

for (const place of places) conformance(expressHost(4, place))
nesting('Express 4', expressNestings(4))
