import type { Settings } from '../request/settings.ts'
import type { WarmSettings } from '../warming/run.ts'

/** The settings of a cache and of its warming. */
export interface CacheSettings extends Settings {
  readonly warming: WarmSettings
}

/** The settings of a cache that does nothing: options that are wrong are told all the same. */
export function disabled(settings: CacheSettings): CacheSettings {
  const nothing = { redis: undefined, observe: false, verify: false, auditSample: 0 }
  const silent = { cacheStatus: false, debug: false }
  return { ...settings, ...nothing, ...silent, warming: { ...settings.warming, enabled: false } }
}
