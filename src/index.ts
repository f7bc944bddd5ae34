export type { CacheHandle, CacheStats, InvalidateOptions } from './cacheflow.ts'
export type { ByteSize } from './byte-size.ts'
export type { Duration } from './duration.ts'
export { CacheflowError, type ErrorCode } from './errors.ts'
export type {
  BypassEvent,
  BypassReason,
  CacheflowEvents,
  EventName,
  EvictEvent,
  FaultEvent,
  HitEvent,
  HitReason,
  InvalidateEvent,
  MissEvent,
  MissReason,
  RefreshEvent,
  RefreshReason,
  RefuseEvent,
  RefuseReason,
  StoreEvent,
  WarningEvent,
} from './events.ts'
export type { Draft, Version, Versioned } from './flow/draft.ts'
export type { QueryPolicy } from './flow/policy.ts'
export type { RouteParams } from './graph/dependency.ts'
export type { InvalidationReceipt, InvalidationTarget } from './graph/invalidation.ts'
export { TRACKING_PARAMETERS } from './http/query.ts'
export {
  akamai,
  bunny,
  cacheGroups,
  cloudflare,
  cloudfront,
  type EncodedTags,
  fastly,
  type Surrogate,
  type SurrogateOptions,
  xkey,
} from './http/surrogate.ts'
export type { CacheflowOptions } from './options.ts'
export type { RouteOptions } from './route-options.ts'
