/**
 * The port for adapters: what a framework's adapter is made from. An adapter tells where a request comes from (host and
 * protocol by the application's trust), which route was matched, and how to run the application; everything else is here.
 */
export { Cacheflow, type CacheHandle } from './cacheflow.ts'
export { arriving, type Turn } from './flow/turn.ts'
export { type Answer, answer, asksAgain, passingExchange, refreshExchange } from './flow/answer.ts'
export type { BodySource, HeadPlan } from './flow/exchange-facts.ts'
export { Exchange } from './flow/exchange.ts'
export { templateFunctions } from './flow/template-fragment.ts'
export { Draft, type DraftSink } from './flow/draft.ts'
export { boundScope, withinExchange } from './flow/exchange-scope.ts'
export { Observation } from './flow/observation.ts'
export type { StoredResponse, BodyForm } from './http/stored-response.ts'
export type { MatchedRoute } from './flow/incoming-request.ts'
export type { Policy } from './flow/policy.ts'
export { keyedTarget } from './flow/cache-key.ts'
export { withoutFields } from './http/header-fields.ts'
export { concludeUnsafe, followUnsafe } from './node/unsafe-follower.ts'
export { Gate, type Passage } from './node/gate.ts'
export {
  type Arrival,
  type FrameworkRequests,
  NodeRequest,
  type Origin,
  arrivedTarget,
  keepTarget,
} from './node/node-request.ts'
export { type Rendition, type Report, renditionOf, setStored } from './node/delivery.ts'
export {
  changesSince,
  type HeaderSnapshot,
  removeRepresentationFields,
  restore,
  setField,
  snapshot,
} from './node/header-snapshot.ts'
export { type Observable, isHttp1, observe, originalHeaders, reveal } from './node/observer.ts'
export type { TargetProperties } from './node/target-observer.ts'
export { isBroken } from './node/breakage.ts'
export { conclude } from './node/conclusion.ts'
export { Mark } from './node/mark.ts'
export { type Carrier, type KnownReaders, type Logger, fileReading } from './node/reader.ts'
export { PrototypeLinks, inherited } from './node/prototype-links.ts'
export { isCodeOf } from './node/package-code.ts'
export { PropertyObserver } from './node/property-observer.ts'
export { pagesOfRoute, resolveRoute } from './route-options.ts'
export type { Applications } from './warm-plan.ts'
