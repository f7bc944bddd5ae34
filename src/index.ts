export {
  type CacheHandle,
  type CacheStats,
  type InvalidateOptions,
  createCacheflow,
} from './cacheflow.ts'
export type { Explanation, Impact } from './flow/explanation.ts'
export type { ByteSize } from './byte-size.ts'
export type { CronSchedule } from './cron-schedule.ts'
export type { Duration } from './duration.ts'
export { CacheflowError, type ErrorCode } from './errors.ts'
export type {
  AuditEvent,
  BypassEvent,
  CacheflowEvents,
  EventName,
  EvictEvent,
  FaultEvent,
  FlushEvent,
  FragmentEvent,
  HitEvent,
  InvalidateEvent,
  MissEvent,
  RedisEvent,
  RefreshEvent,
  RefuseEvent,
  StoreEvent,
  TouchEvent,
  UnconfirmedEvent,
  WarningEvent,
} from './events.ts'
export type { WarmEvent, WarmFailure, WarmProgress } from './warm-events.ts'
export type {
  AuditDifference,
  BypassReason,
  FlushReason,
  FragmentReason,
  FragmentRefusal,
  HitReason,
  MissReason,
  RefreshReason,
  RefuseReason,
  WarmOutcome,
} from './reasons.ts'
export {
  type Composition,
  type CompositionOptions,
  type Part,
  composition,
} from './flow/composition.ts'
export type { Draft, Version, Versioned } from './flow/draft.ts'
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
} from './flow/fragment.ts'
export type { Body, Subjects } from './flow/fragment-call.ts'
export type {
  TemplateFragment,
  TemplateFragments,
  TemplateFunctions,
} from './flow/template-fragment.ts'
export type { FragmentDraft } from './flow/fragment-draft.ts'
export type { FragmentOptions } from './flow/fragment-options.ts'
export type { QueryPolicy } from './flow/policy.ts'
export type { RouteParams } from './graph/dependency.ts'
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
} from './graph/entity.ts'
export type {
  Dependable,
  InvalidationReceipt,
  InvalidationTarget,
  Named,
} from './graph/invalidation.ts'
export type { TouchReceipt, Touched } from './graph/touch.ts'
export type { UpdateOptions } from './graph/updates.ts'
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
export type { RedisOptions, Wait } from './redis-options.ts'
export type { RedisClient } from './store/redis-connection.ts'
export type { RedisStatus } from './flow/membership.ts'
export type { RouteDeclaration, RouteOptions } from './route-options.ts'
export type { WarmEntry, WarmPage } from './flow/warm-entry.ts'
export type { WarmEntries, WarmSource } from './flow/warm-queue.ts'
export { type WarmReport, warmLine } from './flow/warm-report.ts'
export { pathsIn, sitemap } from './node/page-list.ts'
export { type Terminal, progressBar } from './node/progress-bar.ts'
export type { WarmTarget } from './node/warm-target.ts'
export type { PaceOptions, WarmOptions, WarmingOptions } from './warming-options.ts'
export type { RouteWarming, WarmerOptions } from './route-warming.ts'
export type { FragmentHandle, Warmer, WarmerCall } from './warm-plan.ts'
export type { Readiness, WarmHandle } from './warming.ts'
