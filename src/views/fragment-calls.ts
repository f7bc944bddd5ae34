import { uncachedFunctions } from '../fragments/template-functions.ts'

/** A function of a template, whatever it is called with: it checks that itself. */
export type Call = (...given: readonly unknown[]) => unknown

/** cacheFragment() and cacheFragments() as one template has them. */
export interface FragmentCalls {
  readonly cacheFragment: Call
  readonly cacheFragments: Call
}

/**
 * What the locals have for fragments, for the template with this digest. Without a cache, as in a mail that a job renders, the
 * bodies just run.
 */
export function fragmentCalls(locals: unknown, digest: string | undefined): FragmentCalls {
  return {
    cacheFragment: callIn(locals, 'cacheFragment', digest),
    cacheFragments: callIn(locals, 'cacheFragments', digest),
  }
}

function callIn(locals: unknown, name: keyof FragmentCalls, digest: string | undefined): Call {
  const given: unknown =
    typeof locals === 'object' && locals !== null ? Reflect.get(locals, name) : undefined
  const call: unknown = isCall(given) ? given : uncachedFunctions()[name]
  // A function of the application's own stays what it is.
  const digested: unknown = hasDigested(call) ? call.digested(digest) : call
  if (isCall(digested)) return digested
  throw new TypeError(`${name} of the locals is no function`)
}

export function isCall(given: unknown): given is Call {
  return typeof given === 'function'
}

function hasDigested(given: unknown): given is { digested: Call } {
  return typeof given === 'function' && 'digested' in given && isCall(given.digested)
}
