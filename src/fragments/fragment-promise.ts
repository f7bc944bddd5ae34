import { fail } from '../events/errors.ts'
import type { Scope } from './scope.ts'

/** What the text of a promise is, where one is written instead of what it promises. */
export const promiseText = '[object Promise]'

/**
 * A fragment that is given as a promise: whoever writes it into a text without awaiting it spoils what is being made there,
 * which is then not stored.
 */
export function noted<Text extends string | Promise<string>>(
  made: Text,
  { tracker, fragments }: Scope,
  where: string,
): Text {
  if (typeof made === 'string') return made
  const write = (): string => {
    tracker.refuseFor('promise', where)
    if (!fragments.isStrict) return promiseText
    throw fail('ERR_CACHEFLOW_FRAGMENT', promiseText, `what was made of ${where}`, {
      mend: `It was written without being awaited: await ${where.slice(0, where.indexOf('('))}(...).`,
    })
  }
  void Object.defineProperty(made, 'toString', { configurable: true, value: write })
  void Object.defineProperty(made, 'toJSON', { configurable: true, value: write })
  return made
}
