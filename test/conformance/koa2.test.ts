import { koaHost, places } from '../support/host.ts'
import { conformance } from './suite.ts'

for (const place of places) conformance(koaHost(2, place))
