export {
  type CacheHandle,
  type CacheStats,
  type InvalidateOptions,
  createCacheflow,
} from './cacheflow.ts'
export type { Explanation, Impact } from './response/explain.ts'
export type { ByteSize } from './values/byte-size.ts'
export type { CronSchedule } from './warming/cron-schedule.ts'
export type { Duration } from './values/duration.ts'
export { CacheflowError, type ErrorCode } from './events/errors.ts'
export type {
  AuditEvent,
  BypassEvent,
  CacheflowEvents,
  EventName,
  EvictEvent,
  ErrorEvent,
  ResetEvent,
  FragmentEvent,
  HitEvent,
  InvalidateEvent,
  MissEvent,
  RedisEvent,
  RefreshEvent,
  UncacheableEvent,
  StoreEvent,
  TouchEvent,
  UnconfirmedEvent,
  WarningEvent,
} from './events/events.ts'
export type { WarmEvent, WarmFailure, WarmProgress } from './events/warm-progress.ts'
export type {
  AuditDifference,
  BypassReason,
  ResetReason,
  FragmentReason,
  FragmentUncacheableReason,
  HitReason,
  MissReason,
  RefreshReason,
  UncacheableReason,
  WarmOutcome,
} from './events/reasons.ts'
export type { ResponseContext, Version, Versioned } from './response/response-context.ts'
export {
  type BodyFor,
  type CacheFragment,
  type CacheFragments,
  type RowBody,
  type Rows,
  cacheFragment,
  cacheFragments,
  dependsOn,
  track,
} from './fragments/cache-fragment.ts'
export type { Body, Subjects } from './fragments/fragment-call.ts'
export type {
  TemplateFragment,
  TemplateFragments,
  TemplateFunctions,
} from './fragments/template-functions.ts'
export type { FragmentContext } from './fragments/fragment-context.ts'
export type { FragmentOptions } from './fragments/fragment-options.ts'
export type { QueryPolicy } from './request/policy.ts'
export type { RouteParams } from './invalidation/dependency.ts'
export {
  type Entity,
  type EntityCollection,
  type EntityList,
  type EntityOptions,
  type EntityRecord,
  type EntityRef,
  type Id,
  type ListVersion,
  type Subject,
  type UpdatedAt,
  entity,
} from './entities/entity.ts'
export type {
  Dependable,
  InvalidationReceipt,
  InvalidationTarget,
  Named,
} from './invalidation/target.ts'
export type { TouchReceipt, Touched } from './entities/touch.ts'
export type { UpdateOptions } from './entities/touch-on-save.ts'
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
export type { CacheflowOptions } from './options/cache-options.ts'
export type { RedisOptions, Wait } from './options/redis-options.ts'
export type { RedisClient } from './redis/connection.ts'
export type { RedisStatus } from './redis/member.ts'
export type { RouteDeclaration, RouteOptions } from './options/route-options.ts'
export type { WarmEntry, WarmPage } from './warming/page-request.ts'
export type { WarmEntries, WarmSource } from './warming/queue.ts'
export { type WarmReport, warmLine } from './warming/report.ts'
export { pathsIn, sitemap } from './warming/sitemap.ts'
export { type Terminal, progressBar } from './warming/progress-bar.ts'
export type { WarmTarget } from './warming/target.ts'
export type { WarmLimits, WarmOptions, WarmingOptions } from './warming/options.ts'
export type { RouteWarming, WarmerOptions } from './warming/route-options.ts'
export type { FragmentHandle, Warmer, WarmerCall } from './warming/plan.ts'
export type { Readiness, WarmHandle } from './warming/warming.ts'
