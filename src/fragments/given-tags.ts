import { CacheflowError } from '../events/errors.ts'
import { boundedTag } from '../invalidation/target.ts'
import type { DependencyTracker } from './dependency-tracker.ts'

/**
 * Notes tags that were given while a response is made. What is no tag may be what a client has sent, `tag(request.query.x)`: it
 * is an error in development, and elsewhere keeps the response from being stored, as nothing could invalidate it then.
 */
export function noteTags(
  tracker: DependencyTracker,
  tags: readonly unknown[],
  isStrict: boolean,
): void {
  for (const tag of tags) {
    try {
      tracker.tag(boundedTag(tag, 'tag()'))
    } catch (error) {
      if (isStrict || !(error instanceof CacheflowError)) throw error
      tracker.refuse(error.message, true)
    }
  }
}
