import { LRUCache } from 'lru-cache'
import type { Dependency } from '../invalidation/dependency.ts'
import type { IncomingRequest } from './incoming-request.ts'
import type { Policy } from './policy.ts'

/** How many characters the names of what URLs depend on may have together, with those URLs. */
const rememberedLength = 4 * 1024 * 1024

/**
 * The dependencies of URLs that share a key with others, as the last run of each in this process left them: its routes
 * and what its handler named, which are not known when a request is looked up.
 */
export class UrlMemory {
  readonly #dependencies = new LRUCache<string, readonly Dependency[]>({
    maxSize: rememberedLength,
    maxEntrySize: rememberedLength,
    sizeCalculation: (dependencies, url) =>
      dependencies.reduce((sum, { length }) => sum + length + 8, url.length + 64),
  })

  /** @param dependencies of the response that a run for this request has made */
  remember(request: IncomingRequest, policy: Policy, dependencies: readonly Dependency[]): void {
    if (isShared(policy)) this.#dependencies.set(request.origin + request.target, dependencies)
  }

  recall(request: IncomingRequest): readonly Dependency[] {
    return this.#dependencies.get(request.origin + request.target) ?? []
  }
}

/** May several URLs have one key? */
export function isShared({ key, query }: Policy): boolean {
  return key !== undefined || query !== undefined
}
