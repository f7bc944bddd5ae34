/**
 * The port for adapters: what a framework's adapter is made from. An adapter tells where a request comes from (host and
 * protocol by the application's trust), which route was matched, and how to run the application; everything else is here.
 */
export { Cacheflow, type CacheHandle } from './cacheflow.ts'
export { arriving, type Attempt } from './response/attempt.ts'
export {
  type LookupResult,
  lookup,
  asksAgain,
  passingExchange,
  refreshExchange,
} from './response/lookup.ts'
export type { BodySource, HeadPlan } from './response/exchange-facts.ts'
export { Exchange } from './response/exchange.ts'
export { templateFunctions } from './fragments/template-functions.ts'
export { ResponseContext, type ContextSink } from './response/response-context.ts'
export { boundScope, withinExchange } from './response/exchange-scope.ts'
export { ReadTracker } from './request/read-tracker.ts'
export type { StoredResponse, BodyForm } from './http/stored-response.ts'
export type { MatchedRoute } from './request/incoming-request.ts'
export type { Policy } from './request/policy.ts'
export { keyedTarget } from './request/cache-key.ts'
export { withoutFields } from './http/header-fields.ts'
export { concludeUnsafe, followUnsafe } from './node/unsafe-follower.ts'
export { RequestHandler, type AdapterRequest } from './node/handler.ts'
export {
  type Arrival,
  type FrameworkRequests,
  NodeRequest,
  type Origin,
  arrivedTarget,
  keepTarget,
} from './node/request.ts'
export { type Rendition, type Report, renditionOf, setStored } from './node/delivery.ts'
export {
  changesSince,
  type HeaderSnapshot,
  removeRepresentationFields,
  restore,
  setField,
  snapshot,
} from './node/head/header-snapshot.ts'
export { type Observable, isHttp1, originalHeaders, reveal } from './node/tracking/observer.ts'
export type { TargetProperties } from './node/tracking/target-observer.ts'
export { attend } from './node/attendance.ts'
export { isBroken } from './node/breakage.ts'
export { conclude } from './node/conclusion.ts'
export { SymbolSlot } from './node/slot.ts'
export {
  type PassThrough,
  type KnownReaders,
  type Logger,
  fileReading,
} from './node/tracking/reader.ts'
export { PrototypeLinks, inherited } from './node/tracking/prototype-links.ts'
export { isCodeOf } from './events/package-code.ts'
export { PropertyObserver } from './node/tracking/property-observer.ts'
export { pagesOfRoute, resolveRoute } from './options/route-options.ts'
export type { Applications } from './warming/plan.ts'
