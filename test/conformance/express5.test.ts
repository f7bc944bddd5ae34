import { expressHost, places } from '../support/host.ts'
import { conformance } from './suite.ts'

for (const place of places) conformance(expressHost(5, place))
